"""Trains an experiment: `bazel run //ogbrain:train -- --plugin=attention`."""

import shlex
import sys
from pathlib import Path

from absl import flags

from ogbrain import command, config
from ogbrain.errors import UserError
from ogbrain.paths import user_path, working_directory
from ogbrain.run_request import RunRequest

_PLUGIN = flags.DEFINE_string("plugin", "", "Run this plugin's default experiment.")
_EXPERIMENT = flags.DEFINE_string("experiment", "", "Run this experiment.")
_DATA = flags.DEFINE_string("data", "", "Data set: NAME, NAME/CONFIG or folder:PATH; short for --config.data.name.")
_CONFIG_FILE = flags.DEFINE_string("config_file", "", "Repeat the run whose config.json this is; flags override it.")
_RUN_DIR = flags.DEFINE_string("run_dir", "", "The run's own folder. Default: runs/EXPERIMENT/TIME-ID.")
_RESUME = flags.DEFINE_bool("resume", False, "Go on with the run in --run_dir.")
_DISTRIBUTE = flags.DEFINE_string("distribute", "none", "none, mirrored (devices of this machine) or multiworker.")
_EXPORT_DIR = flags.DEFINE_string("export_dir", "", "Export the trained model there, for a server.")
flags.DEFINE_string("config.FIELD", "", "Set a field of the config; `plugins describe PLUGIN` lists them.")

USAGE = "bazel run //ogbrain:train -- --plugin=NAME [FLAGS]"
SUMMARY = "Trains an experiment, shows how well it does and leaves a run folder behind."
SHOWN = (
    "plugin=NAME",
    "experiment=PLUGIN/NAME",
    "data=NAME|folder:PATH",
    "config.FIELD=VALUE",
    "config_file=FILE",
    "run_dir=DIR",
    "resume",
    "distribute=HOW",
    "export_dir=DIR",
)

_overrides, _arguments = config.split_arguments(sys.argv)


def _data() -> list[str]:
    """Returns `--data` as an override; a relative folder is made absolute, for later commands may stand elsewhere."""
    prefix, separator, path = _DATA.value.partition("folder:")
    name = f"folder:{user_path(path)}" if separator and not prefix else _DATA.value
    return [f"--config.data.name={name}"] if name else []


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if _EXPORT_DIR.value and _DISTRIBUTE.value == "multiworker":
        raise UserError("--export_dir: is not allowed with --distribute=multiworker; the program export, afterwards")
    request = RunRequest.resolve(
        plugin=_PLUGIN.value,
        experiment=_EXPERIMENT.value,
        config_file=user_path(_CONFIG_FILE.value) if _CONFIG_FILE.value else None,
        run_dir=user_path(_RUN_DIR.value) if _RUN_DIR.value else None,
        resume=_RESUME.value,
        plugin_path=[user_path(path) for path in flags.FLAGS.plugin_path],
        overrides=[*_data(), *_overrides],
    )
    # Only now: bad input is answered before TensorFlow's seconds of import.
    command.load_tensorflow()
    from ogbrain.training import launch

    folder, results = launch.train(request, _DISTRIBUTE.value, working_directory() / "runs")
    print(launch.summary(results))
    run = shlex.quote(str(folder))
    print(f"run folder: {folder}\nnext:       bazel run //ogbrain:predict -- --run={run} --input=FILE")
    if _EXPORT_DIR.value:
        _export(folder, user_path(_EXPORT_DIR.value))
    else:
        print(f"            bazel run //ogbrain:export -- --run={run} --export_dir=exports")


def _export(folder: Path, export_dir: Path) -> None:
    from ogbrain.serving.export import export
    from ogbrain.training.saved_run import SavedRun

    run = SavedRun(folder)
    print(f"exported:   {export(run.name, run.experiment, export_dir).folder}")
    print(f"            bazel run //ogbrain:serve -- --export_dir={shlex.quote(str(export_dir))}")


if __name__ == "__main__":
    command.run(main, usage=USAGE, summary=SUMMARY, shown=SHOWN, argv=_arguments)
