"""A run that has ended, or has saved at least once, with its model."""

import difflib
from pathlib import Path

from ogbrain import config as config_lib
from ogbrain import registry
from ogbrain.errors import UserError
from ogbrain.training.checkpoints import Checkpoints
from ogbrain.training.experiment import Experiment


class SavedRun:
    """The experiment of a run, with the weights of its best epoch.

    Args:
        folder: The run's folder, as `train` printed it.

    Raises:
        UserError: The folder is no run, its plugin is not to be found, or no
            checkpoint can be read.

    Example:
        >>> run = SavedRun(Path("runs/attention/glimpse/20260101-120000-1a2b"))
        >>> run.experiment.evaluate("test")
    """

    name: str
    """`plugin/experiment`."""
    experiment: Experiment
    """The experiment; its `model` holds the restored weights."""
    checkpoint: str
    """Name of the checkpoint that was restored."""

    def __init__(self, folder: Path):
        self.folder = folder
        record = read_run(folder)
        self.name = record["experiment"]
        for path in record.get("plugin_path", []):
            registry.REGISTRY.add_path(Path(path))
        config = config_lib.from_dict(registry.configs.get(self.name), record["config"])
        self.experiment = registry.experiments.get(self.name)(config)
        self.experiment.setup_inference()
        items = {"model": self.experiment.checkpoint_items()["model"]}
        self.checkpoint = Checkpoints(folder / "checkpoints", items).restore_for_use()


def read_run(folder: Path) -> dict:
    """Returns what a run's `config.json` holds: `experiment`, `config`, `plugin_path`.

    Raises:
        UserError: The folder is no run.
    """
    file = folder / "config.json"
    if not file.exists():
        parent = folder.parent
        siblings = (
            sorted(other.name for other in parent.iterdir() if (other / "config.json").exists())
            if parent.is_dir()
            else []
        )
        near = difflib.get_close_matches(folder.name, siblings, n=1, cutoff=0.3) or siblings[-1:]
        suggestion = f"; did you mean {parent / near[0]}?" if near else "; `train` prints a run's folder at its end"
        why = "holds no config.json" if folder.is_dir() else "there is no such folder"
        raise UserError(f"run {folder}: {why}{suggestion}")
    record = config_lib.load(file)
    if not isinstance(record.get("experiment"), str):
        raise UserError(f'config file {file}: has no "experiment" entry; a run\'s config.json')
    return record
