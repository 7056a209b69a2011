"""What the run loop itself costs, beside a bare `tf.function` loop of the same model and data.

`bazel run //benchmarks:run_loop -- --quick`
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import keras
import tensorflow as tf
from absl import app, flags

from benchmarks.bare_glimpse import bare_step
from benchmarks.report import Report
from ogbrain.training import RunLoop
from plugins.attention.experiments.glimpse import Glimpse
from plugins.attention.experiments.glimpse_config import GlimpseConfig

WARM_UP = 60
"""Steps that are not timed: compilation, caches, the opening of files at the first record."""


def loop_seconds(experiment: Glimpse) -> float:
    """Returns the run loop's median time of a step, its records and counters included."""
    times = []
    train_step = experiment.train_step

    def timed_step():
        times.append(time.perf_counter())
        return train_step()

    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(experiment, "train_step", timed_step),
        mock.patch.object(experiment, "sample_pictures", dict),
    ):
        RunLoop("benchmark", experiment, Path(folder), log=lambda line: None).run()
    # The mean, not the median: what happens only now and then, such as a record, counts too.
    return (times[-1] - times[WARM_UP]) / (len(times) - 1 - WARM_UP)


def bare_seconds(experiment: Glimpse, steps: int) -> float:
    """Returns a bare loop's mean time of a step."""
    keras.utils.set_random_seed(experiment.config.seed)
    model = experiment.build_model()
    optimizer = keras.optimizers.Adam(
        experiment.config.optimizer.learning_rate, global_clipnorm=experiment.config.optimizer.clip_norm
    )
    optimizer.build(model.trainable_variables)
    step = bare_step(experiment, model, optimizer)
    batches = experiment.pipeline.batches("train", batch_size=experiment.config.batch_size, training=True)
    for number, batch in enumerate(batches.take(steps)):
        if number == WARM_UP:
            start = time.perf_counter()
        step(batch)
    return (time.perf_counter() - start) / (steps - WARM_UP)


def first_step_seconds(arguments: list[str], folder: Path | None) -> float:
    """Returns the time from a program's start to the end of its first training step."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "2"}
    start = time.time()
    with subprocess.Popen(
        [sys.executable, "-P", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        if folder is None:
            end = next(float(line.split()[2]) for line in process.stdout if line.startswith("first step"))
        else:
            records = folder / "metrics.jsonl"
            while not (records.exists() and records.stat().st_size):
                if process.poll() is not None:
                    raise RuntimeError(f"{arguments}: ended before its first step")
                time.sleep(0.002)
            end = time.time()
        process.kill()
    return end - start


def main(arguments: list[str]) -> None:
    """Measures in turn, so that what else the machine does hits both alike."""
    quick = flags.FLAGS.quick
    rounds, steps = (1, 160) if quick else (5, 460)
    config = GlimpseConfig(
        baseline="none", epochs=1, steps_per_epoch=steps, evaluation_steps=1, checkpoint_seconds=1e9
    )  # fmt: skip
    report = Report("run_loop")
    ours, bare = [], []
    for _ in range(rounds):
        experiment = Glimpse(config)
        ours.append(loop_seconds(experiment))
        bare.append(bare_seconds(experiment, steps))
    report.add(
        "glimpse, training step",
        1e3 * statistics.median(ours),
        1e3 * statistics.median(bare),
        "ms",
        "bare tf.function loop",
    )

    root = Path(__file__).parents[1]
    started, bare_started = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            program = [str(root / "ogbrain" / "train.py"), "--plugin=attention", "--config.baseline=none"]
            program += ["--config.log_every=1", f"--run_dir={folder}/run"]
            started.append(first_step_seconds(program, Path(folder, "run")))
        bare_started.append(first_step_seconds([str(root / "benchmarks" / "bare_glimpse.py")], None))
    report.add(
        "glimpse, start to first step", statistics.median(started), statistics.median(bare_started), "s", "bare script"
    )
    report.finish()


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    app.run(main)
