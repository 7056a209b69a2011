"""Exports a run for TensorFlow Serving: `bazel run //ogbrain:export -- --run=DIR --export_dir=DIR`."""

from pathlib import Path

from absl import flags

from ogbrain import command
from ogbrain.errors import RunError, UserError
from ogbrain.paths import user_path

_RUN = flags.DEFINE_string("run", "", "The run's folder.")
_EXPORT_DIR = flags.DEFINE_string("export_dir", "", "Where to: DIR/MODEL/VERSION is written.")
_VERSION = flags.DEFINE_integer("version", 0, "The version's number; 0 takes the next one.")
_PRECISION = flags.DEFINE_string("precision", "float32", "How weights are kept: float32, bfloat16 or int8.")
_CHECK = flags.DEFINE_string("check", "", "Checks an exported DIR/MODEL/VERSION again, or all versions in DIR.")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if _CHECK.value:
        _check(user_path(_CHECK.value))
        return
    if not _RUN.value or not _EXPORT_DIR.value:
        raise UserError(
            "--run=DIR, a run's folder as `train` printed it, and --export_dir=DIR are needed; or --check=DIR"
        )
    if _VERSION.value < 0:
        raise UserError(f"--version={_VERSION.value}: is not allowed; a whole number from 1 on, or 0 for the next one")
    command.load_tensorflow()
    from ogbrain.serving.export import export
    from ogbrain.serving.quality import quality_lines
    from ogbrain.training.saved_run import SavedRun

    run = SavedRun(user_path(_RUN.value))
    for line in quality_lines(run.experiment, _PRECISION.value):
        print(line)
    exported = export(run.name, run.experiment, user_path(_EXPORT_DIR.value), _VERSION.value, _PRECISION.value)
    for name, signature in exported.signatures.items():
        print(f"{name}: {signature}")
    for line in exported.checks:
        print(f"check: {line}")
    print(f"exported: {exported.folder}")
    print(f"next: bazel run //ogbrain:serve -- --export_dir={user_path(_EXPORT_DIR.value)}")


def _check(folder: Path) -> None:
    from ogbrain.serving.check_version import check_in_other_process
    from ogbrain.serving.request_error import RequestError

    found = sorted(file.parent for pattern in ("", "*/", "*/*/") for file in folder.glob(f"{pattern}saved_model.pb"))
    found = [version for version in found if not version.name.startswith(".")]
    if not found:
        raise UserError(
            f"--check={folder}: there is no exported model; the folder of a version, of a model or of all models"
        )
    for version in found:
        try:
            lines = check_in_other_process(version)
        except RequestError as error:
            raise RunError(f"{version}: fails its check: {error}") from error
        for line in lines:
            print(f"{version}: {line}")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:export -- --run=DIR --export_dir=DIR [FLAGS]\n"
        "       bazel run //ogbrain:export -- --check=DIR",
        summary="Writes a run's best weights as a SavedModel that takes raw input, a new version beside older ones.",
        shown=("run=DIR", "export_dir=DIR", "version=N", "precision=NAME", "check=DIR"),
    )
