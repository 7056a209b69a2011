"""What the feature cache saves, beside the plain Keras recipe: a frozen network run in every epoch, then fine-tuning.

`bazel run //benchmarks:transfer -- --quick`
"""

import dataclasses
import tempfile
import time
from pathlib import Path
from unittest import mock

import keras
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from ogbrain.training import RunLoop
from plugins.transfer.backbones.find_backbone import find_backbone
from plugins.transfer.experiments.images import Images
from plugins.transfer.experiments.images_config import ImagesConfig
from plugins.transfer.pipelines.image_classes import ImageClasses


def our_run(config: ImagesConfig) -> tuple[float, list[float], float]:
    """Returns seconds of a whole run, when each of its steps began since its start, and its test accuracy."""
    experiment = Images(config)
    train_step, began = experiment.train_step, []

    def timed_step():
        began.append(time.perf_counter() - start)
        return train_step()

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(experiment, "train_step", timed_step):
        start = time.perf_counter()
        results = RunLoop("benchmark", experiment, Path(folder), log=lambda line: None).run()
        return time.perf_counter() - start, began, results["test"]["accuracy"]


def keras_run(config: ImagesConfig) -> tuple[float, list[float], float]:
    """Returns seconds of the plain recipe as a whole and of each epoch, and its test accuracy.

    The same pictures in the same views, network, head, rates and epochs, by `compile` and `fit`.
    """
    start = time.perf_counter()
    keras.utils.set_random_seed(config.seed)
    pictures = ImageClasses(config.data.name, size=config.image_size, views=config.views, choice=config.seed)
    pairs = {
        split: pictures.batches(split, batch_size=config.batch_size, seed=config.seed, training=split == "train").map(
            lambda batch: (batch["image"], batch["label"])
        )
        for split in ("train", "validation", "test")
    }
    steps = pictures.steps_per_epoch("train", config.batch_size)
    backbone = find_backbone(config.backbone)
    backbone.model.trainable = False
    inputs = keras.Input((config.image_size, config.image_size, 3))
    features = keras.layers.GlobalAveragePooling2D()(backbone.model(inputs, training=False))
    features = keras.layers.Dropout(config.dropout)(features)
    model = keras.Model(inputs, keras.layers.Dense(len(pictures.label_names))(features))
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            times.append(-time.perf_counter())

        def on_epoch_end(self, epoch, logs=None):
            times[-1] += time.perf_counter()

    def fit(rate: float, epochs: int) -> None:
        schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * steps)
        model.compile(
            keras.optimizers.Adam(schedule, clipnorm=config.optimizer.clip_norm),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        model.fit(
            pairs["train"], epochs=epochs, steps_per_epoch=steps, validation_data=pairs["validation"], verbose=0,
            callbacks=[Clock()],
        )  # fmt: skip

    probing = config.epochs if config.schedule == "probe" else config.probe_epochs
    fit(config.optimizer.learning_rate, probing)
    if config.epochs > probing:
        backbone.model.trainable = True
        fit(config.tune_rate, config.epochs - probing)
    accuracy = model.evaluate(pairs["test"], verbose=0)[1]
    return time.perf_counter() - start, times, accuracy


def main(_: list[str]) -> None:
    """Measures the probe's epochs and whole runs; with `--quick` few of the peer's epochs stand for all of them."""
    quick = flags.FLAGS.quick
    report = Report("transfer")
    config = ImagesConfig(baseline="none", checkpoint_seconds=1e9)
    probe = dataclasses.replace(config, schedule="probe", epochs=20)
    began = our_run(probe)[1]
    # From the first call of the second epoch to that of the last: steps, evaluations, records and checkpoints.
    calls = len(began) // probe.epochs
    ours = (began[-calls] - began[calls]) / (probe.epochs - 2)
    seconds, accuracy = our_run(config)[::2]
    few = dataclasses.replace(config, probe_epochs=3, epochs=3 + 2) if quick else config
    peer_seconds, times, peer_accuracy = keras_run(few)
    again, tuning = (min(times[start + 1 : end]) for start, end in ((0, few.probe_epochs), (few.probe_epochs, None)))
    left = config.epochs - config.probe_epochs - (few.epochs - few.probe_epochs)
    peer_seconds += (config.probe_epochs - few.probe_epochs) * again + left * tuning
    report.add("linear probe, an epoch after the first", ours, again, "s", "plain Keras, the network run again")
    note = ", most of its epochs taken to be as long as the shortest" if quick else ""
    report.add("the default run", seconds, peer_seconds, "s", f"plain Keras, all of the network tuned{note}")
    if not quick:
        report.add("test accuracy of the default run", 100 * accuracy, 100 * peer_accuracy, "%")
    report.finish()


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    app.run(main)
