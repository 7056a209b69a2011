"""What `train` was asked to do, worked out before TensorFlow is imported."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ogbrain import config as config_lib
from ogbrain import registry
from ogbrain.config import ExperimentConfig
from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class RunRequest:
    """An experiment, its config and the folder of its run.

    Example:
        >>> RunRequest.resolve(plugin="attention", overrides=["--config.seed=1"])
    """

    experiment: str
    """`plugin/experiment`."""
    config: ExperimentConfig
    """The config, overrides applied."""
    run_dir: Path | None
    """The run's folder, or None for a new one under `runs/`."""
    resume: bool
    """Whether the run of that folder goes on."""
    plugin_path: tuple[str, ...] = ()
    """Folders that plugins were added from, absolute."""

    @classmethod
    def resolve(
        cls,
        *,
        plugin: str = "",
        experiment: str = "",
        config_file: Path | None = None,
        run_dir: Path | None = None,
        resume: bool = False,
        plugin_path: Sequence[Path] = (),
        overrides: Sequence[str] = (),
    ) -> "RunRequest":
        """Works out what the flags of `train` ask for; the arguments are those flags.

        Raises:
            UserError: They contradict each other, or name what does not exist.
        """
        if resume and run_dir is None:
            raise UserError("--resume: needs --run_dir=DIR, the folder of the run to go on with")
        record: dict[str, Any] = {}
        if resume and run_dir is not None:
            if config_file:
                raise UserError("--config_file: not with --resume, which takes the run's own config.json")
            record = config_lib.load(run_dir / "config.json")
        elif run_dir is not None and (run_dir / "config.json").exists():
            raise UserError(f"--run_dir={run_dir}: holds a run already; add --resume to go on with it, or name another")
        elif config_file:
            record = config_lib.load(config_file)
        if run_dir is not None and run_dir.exists() and not run_dir.is_dir():
            raise UserError(f"--run_dir={run_dir}: is a file; a folder, made if need be")
        paths = tuple(str(path.resolve()) for path in plugin_path) or tuple(record.get("plugin_path", ()))
        for path in paths:
            registry.REGISTRY.add_path(Path(path))
        name = _experiment_name(plugin, experiment, record.get("experiment", ""))
        registry.REGISTRY.find("experiments", name)
        config_class = registry.configs.get(name)
        saved = config_lib.from_dict(config_class, record.get("config", {}))
        config = config_lib.resolve(saved, overrides)
        if resume and config != saved:
            changed = [path for path in config_lib.leaf_paths(saved) if _value(config, path) != _value(saved, path)]
            raise UserError(
                f"config.{changed[0]}: {_value(config, changed[0])!r} is not allowed with --resume, the run has "
                f"{_value(saved, changed[0])!r}; for another value start a new run: --config_file={run_dir}/config.json"
            )
        return cls(name, config, run_dir, resume, paths)

    def save(self, folder: Path) -> None:
        """Writes the run's `config.json`."""
        extra = {"plugin_path": list(self.plugin_path)} if self.plugin_path else {}
        config_lib.save(self.config, folder / "config.json", experiment=self.experiment, **extra)


def _experiment_name(plugin: str, experiment: str, recorded: str) -> str:
    if experiment and plugin and experiment.split("/")[0] != plugin:
        raise UserError(f"--experiment={experiment}: is not of --plugin={plugin}; give one of the two")
    if not experiment and plugin:
        experiment = recorded if recorded.split("/")[0] == plugin else registry.REGISTRY.default_experiment(plugin)
    if recorded and experiment and experiment != recorded:
        raise UserError(
            f"experiment {experiment!r}: the config file is of {recorded!r}; leave out --experiment and --plugin"
        )
    if not (experiment or recorded):
        known = ", ".join(registry.REGISTRY.plugins())
        raise UserError(f"--plugin=NAME or --experiment=PLUGIN/NAME is needed; plugins: {known}")
    return experiment or recorded


def _value(config: Any, path: str) -> Any:
    for name in path.split("."):
        config = getattr(config, name)
    return config
