"""Evaluates a run: `bazel run //ogbrain:evaluate -- --run=DIR --split=test`."""

import json

from absl import flags

from ogbrain import command
from ogbrain.errors import UserError, unknown_name
from ogbrain.paths import user_path

_RUN = flags.DEFINE_string("run", "", "The run's folder.")
_SPLIT = flags.DEFINE_string("split", "test", "train, validation or test.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "", "Also write the figures there, as SPLIT.json.")

SPLITS = ("train", "validation", "test")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if not _RUN.value:
        raise UserError("--run=DIR is needed, a run's folder as `train` printed it")
    if _SPLIT.value not in SPLITS:
        raise unknown_name("value of --split", _SPLIT.value, SPLITS)
    command.load_tensorflow()
    from ogbrain.training.saved_run import SavedRun

    run = SavedRun(user_path(_RUN.value))
    figures = run.experiment.evaluate(_SPLIT.value)
    for name, value in figures.items():
        print(f"{_SPLIT.value} {name}: {value:.6g}")
    if _OUTPUT_DIR.value:
        file = user_path(_OUTPUT_DIR.value) / f"{_SPLIT.value}.json"
        with command.output(file.parent):
            file.write_text(
                json.dumps({"run": str(run.folder), "checkpoint": run.checkpoint, **figures}, indent=2) + "\n"
            )
        print(f"written: {file}")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:evaluate -- --run=DIR [FLAGS]",
        summary="Measures a run's best weights on a split of its data.",
        shown=("run=DIR", "split=NAME", "output_dir=DIR"),
    )
