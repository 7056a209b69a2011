"""Answers inputs of one's own with a run: `bazel run //ogbrain:predict -- --run=DIR --input=FILE`."""

import json
import os
import re
import sys

from absl import flags

from ogbrain import command
from ogbrain.errors import UserError
from ogbrain.paths import user_path

_RUN = flags.DEFINE_string("run", "", "The run's folder.")
_INPUT = flags.DEFINE_multi_string("input", [], "A file or a text, whichever the experiment takes; may be repeated.")
_INPUT_FILE = flags.DEFINE_string("input_file", "", "A file of many inputs, one a line; answers are JSON lines.")
_STREAM = flags.DEFINE_bool("stream", False, "Reads standard input, and answers piece by piece while it comes in.")
_OUTPUT_DIR = flags.DEFINE_string("output_dir", "predictions", "Where pictures go, made if need be.")


def main(arguments: list[str]) -> None:
    """Does what the flags say."""
    command.no_arguments(arguments)
    if not _RUN.value:
        raise UserError("--run=DIR is needed, a run's folder as `train` printed it")
    if _STREAM.value and sys.stdin is None:
        raise UserError("--stream: standard input is closed; a file or a pipe")
    if _STREAM.value and (_INPUT.value or _INPUT_FILE.value):
        raise UserError("--stream: reads standard input; not with --input or --input_file")
    inputs = [] if _STREAM.value else _inputs()
    command.load_tensorflow()
    from ogbrain.training.prediction import animation_kind
    from ogbrain.training.saved_run import SavedRun

    run = SavedRun(user_path(_RUN.value))
    if _STREAM.value:
        for piece in run.experiment.stream(sys.stdin.buffer):
            print(piece, end="", flush=True)
        print()
        return
    folder = user_path(_OUTPUT_DIR.value)
    for number, (given, prediction) in enumerate(zip(inputs, run.experiment.predict(inputs), strict=True)):
        data = {"input": _readable(given), **prediction.data}
        stem = re.sub(r"[^\w.-]+", "_", given)[-60:].strip("._") or "input"
        if prediction.picture is not None:
            from PIL import Image

            file = folder / f"{number:03d}-{stem}.png"
            with command.output(folder):
                Image.fromarray(prediction.picture).save(file)
            data["picture"] = str(file)
        if prediction.animation is not None:
            file = folder / f"{number:03d}-{stem}.{animation_kind(prediction.animation)}"
            with command.output(folder):
                file.write_bytes(prediction.animation)
            data["animation"] = str(file)
        if _INPUT_FILE.value:
            print(json.dumps(data, ensure_ascii=False))
        else:
            files = [f"{kind}: {data[kind]}" for kind in ("picture", "animation") if kind in data]
            print("\n".join([f"{_readable(given)}: {prediction.text}", *files]))


def _inputs() -> list[str]:
    inputs = [given if os.path.exists(user_path(given)) else _readable(given) for given in _INPUT.value]
    if _INPUT_FILE.value:
        file = user_path(_INPUT_FILE.value)
        try:
            lines = file.read_text("utf-8-sig").split("\n")
            inputs += [line.removesuffix("\r") for line in lines if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise UserError(f"--input_file={file}: {reason}; a text file with an input a line") from None
    if not inputs:
        raise UserError("--input=FILE|TEXT, --input_file=FILE or --stream is needed, what to answer")
    return inputs


def _readable(given: str) -> str:
    """Replaces what is not UTF-8, as the texts of standard input do; a file may be named so, a text may not be so."""
    return given.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //ogbrain:predict -- --run=DIR --input=FILE|TEXT [FLAGS]",
        summary="Answers files or texts of your own with a run's best weights, and draws what the model did.",
        shown=("run=DIR", "input=FILE|TEXT", "input_file=FILE", "stream", "output_dir=DIR"),
    )
