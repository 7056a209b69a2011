"""Checks an exported version through TensorFlow's C API, in a process that imports no TensorFlow.

python -m ogbrain.serving.check_version DIR/MODEL/VERSION
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ogbrain.serving import request_log, tensors
from ogbrain.serving.graph_ops import refuse_ops
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.saved_model import SavedModel, known_ops

TOLERANCE = 1e-5
"""How far a number may be from the Keras model's, relative to it where it is above 1."""

BATCH_SIZES = (1, 3, 64)
"""Sizes of the batches that answers are compared for."""


def check_version(folder: Path) -> list[str]:
    """Checks a version in this process.

    No operation that a server lacks; every signature answers as the Keras model did when the version was written, in
    batches of 1, 3 and 64; the warm-up requests are answered.

    Args:
        folder: `EXPORT_DIR/MODEL/VERSION`.

    Returns:
        What was found, a line each.

    Raises:
        RequestError: A check failed.
    """
    model = SavedModel(folder)
    try:
        refuse_ops(model.meta_graph.graph_def, known_ops())
        lines = [f"loaded by the C API; no Python or custom operations; {len(model.signatures)} signatures"]
        answers, warmup = request_log.read(folder / request_log.ANSWERS), request_log.read(folder / request_log.WARMUP)
        for what, logs in (("recorded answers", answers), ("warm-up requests", warmup)):
            seen = {log.predict_log.request.model_spec.signature_name for log in logs}
            missing = sorted(model.signatures.keys() - seen)
            if missing:
                raise RequestError(f"there are no {what} for {', '.join(missing)}", Code.FAILED_PRECONDITION)
        distances = [_check_answer(model, log) for log in answers]
        lines.append(f"{len(answers)} recorded answers are the Keras model's, to within {max(distances):.1e}")
        for log in warmup:
            replay(model, log)
        lines.append(f"{len(warmup)} warm-up requests answered")
        return lines
    finally:
        model.close()


def check_in_other_process(folder: Path) -> list[str]:
    """Checks a version in a process of its own, which never imports Python's TensorFlow.

    Returns:
        What was found, a line each.

    Raises:
        RequestError: A check failed.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "ogbrain.serving.check_version", str(folder)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        detail = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RequestError(f"{folder}: the check died: {detail[0]}", Code.INTERNAL) from None
    if "error" in answer:
        raise RequestError(answer["error"], Code.FAILED_PRECONDITION)
    return answer["lines"]


def replay(model: SavedModel, log: Any) -> dict[str, np.ndarray]:
    """Answers a recorded request."""
    request = log.predict_log.request
    inputs = {name: tensors.from_message(message) for name, message in request.inputs.items()}
    return model.run(request.model_spec.signature_name, inputs, request.output_filter)


def _check_answer(model: SavedModel, log: Any) -> float:
    request = log.predict_log.request
    given, furthest = replay(model, log), 0.0
    expected = {name: tensors.from_message(message) for name, message in log.predict_log.response.outputs.items()}
    rows = max(
        (message.tensor_shape.dim[0].size for message in request.inputs.values() if message.tensor_shape.dim), default=1
    )
    where = f"signature {request.model_spec.signature_name!r}, {rows} examples"
    if given.keys() != expected.keys():
        raise RequestError(f"{where}: answers {sorted(given)}; the Keras model answered {sorted(expected)}")
    for name, array in given.items():
        wanted = expected[name]
        if array.dtype != wanted.dtype or array.shape != wanted.shape:
            raise RequestError(
                f"{where}: {name} is {array.dtype} {array.shape}; the Keras model's {wanted.dtype} {wanted.shape}"
            )
        if array.dtype.kind in "fV":
            numbers, targets = array.astype(np.float64), wanted.astype(np.float64)
            same = (numbers == targets) | (np.isnan(numbers) & np.isnan(targets))
            distance = np.where(same, 0.0, np.abs(numbers - targets) / np.maximum(1.0, np.abs(targets)))
            furthest = max(furthest, float(np.max(distance, initial=0.0)))
            if not np.all(distance <= TOLERANCE):
                raise RequestError(
                    f"{where}: {name} is {np.max(distance):.1e} from the Keras model's; at most {TOLERANCE:.0e}"
                )
        elif not np.array_equal(array, wanted):
            raise RequestError(f"{where}: {name} is not the Keras model's")
    return furthest


def main() -> None:
    """Prints a line of JSON: `{"lines": [...]}` or `{"error": "..."}`."""
    try:
        answer: dict[str, Any] = {"lines": check_version(Path(sys.argv[1]))}
        if any(name.startswith("tensorflow.python") for name in sys.modules):
            raise RequestError("the checking process has imported TensorFlow", Code.INTERNAL)
    except RequestError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
