"""Exports a run for TensorFlow Serving: `bazel run //ogbrain:export -- --run=DIR --export_dir=DIR`."""

from absl import flags

from ogbrain import command
from ogbrain.errors import UserError
from ogbrain.paths import user_path

_RUN = flags.DEFINE_string("run", "", "The run's folder.")
_EXPORT_DIR = flags.DEFINE_string("export_dir", "", "Where to: DIR/MODEL/VERSION is written.")
_VERSION = flags.DEFINE_integer("version", 0, "The version's number; 0 takes the next one.")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if not _RUN.value or not _EXPORT_DIR.value:
        raise UserError("--run=DIR, a run's folder as `train` printed it, and --export_dir=DIR are needed")
    if _VERSION.value < 0:
        raise UserError(f"--version={_VERSION.value}: is not allowed; a whole number from 1 on, or 0 for the next one")
    command.load_tensorflow()
    from ogbrain.serving.export import export
    from ogbrain.training.saved_run import SavedRun

    run = SavedRun(user_path(_RUN.value))
    exported = export(run.name, run.experiment, user_path(_EXPORT_DIR.value), _VERSION.value)
    for name, signature in exported.signatures.items():
        print(f"{name}: {signature}")
    print(f"exported: {exported.folder}")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:export -- --run=DIR --export_dir=DIR [FLAGS]",
        summary="Writes a run's best weights as a SavedModel that takes raw input, a new version beside the older ones.",
        shown=("run=DIR", "export_dir=DIR", "version=N"),
    )
