"""What it costs to answer through TensorFlow's C API, as servers do, beside calling the SavedModel from Python.

`bazel run //benchmarks:serving -- --quick`, or `--model=EXPORT_DIR/MODEL/VERSION` for a model of one's own.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from ogbrain.paths import user_path
from ogbrain.serving import request_log, tensors
from ogbrain.serving.export import export
from ogbrain.serving.saved_model import SavedModel
from plugins.attention.experiments.glimpse import Glimpse
from plugins.attention.experiments.glimpse_config import GlimpseConfig

_MODEL = flags.DEFINE_string("model", "", "EXPORT_DIR/MODEL/VERSION; default attention/glimpse, not trained.")

BATCHES = (1, 32)
WARM_UP = 20


def latencies(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """Times calls in turns, so that what else the machine does hits all of them.

    Args:
        calls: The calls by name.
        repeats: How often to make each.

    Returns:
        Milliseconds of each call by name, `(repeats,)`.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(WARM_UP + repeats):
        # Whoever comes second finds warmer caches.
        for name in sorted(calls, reverse=bool(turn % 2)):
            started = time.perf_counter()
            calls[name]()
            times[name].append(1000 * (time.perf_counter() - started))
    return {name: np.array(values[WARM_UP:]) for name, values in times.items()}


def examples(folder: Path) -> dict[str, np.ndarray]:
    """Returns 64 inputs of `serving_default`, those that the export was checked with."""
    logs = [log.predict_log.request for log in request_log.read(folder / request_log.ANSWERS)]
    (largest,) = [log for log in logs if log.model_spec.signature_name == "serving_default"][-1:]
    return {name: tensors.from_message(message) for name, message in largest.inputs.items()}


def measure(folder: Path, report: Report, repeats: int) -> None:
    """Adds the rows of one model."""
    python, served = tf.saved_model.load(str(folder)), SavedModel(folder)
    function = python.signatures["serving_default"]
    for batch in BATCHES:
        inputs = {name: array[:batch] for name, array in examples(folder).items()}
        constants = {name: tf.constant(array) for name, array in inputs.items()}

        def bare(constants: dict[str, tf.Tensor] = constants) -> object:
            return [value.numpy() for value in function(**constants).values()]

        def ours(inputs: dict[str, np.ndarray] = inputs) -> object:
            return served.run("serving_default", inputs)

        found = latencies({"bare": bare, "ours": ours}, repeats)
        for percentile in (50, 99):
            values = {name: float(np.percentile(times, percentile)) for name, times in found.items()}
            report.add(
                f"batch {batch}, p{percentile}", values["ours"], values["bare"], "ms", "peer: signature in Python"
            )
    served.close()


def main(_: list[str]) -> None:
    """Runs the benchmark."""
    repeats = 100 if flags.FLAGS.quick else 1000
    with tempfile.TemporaryDirectory() as temporary:
        if _MODEL.value:
            folder = user_path(_MODEL.value)
        else:
            experiment = Glimpse(GlimpseConfig())
            experiment.setup_inference()
            folder = export("attention/glimpse", experiment, Path(temporary)).folder
        report = Report("serving")
        measure(folder, report, repeats)
        report.finish()


if __name__ == "__main__":
    app.run(main)
