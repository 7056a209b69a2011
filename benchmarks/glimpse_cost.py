"""What a glimpse model costs as images grow, beside a convolutional network: flat against quadratic.

Pictures are bytes, as files hold them; each model makes floats of the pixels that it reads.

`bazel run //benchmarks:glimpse_cost -- --quick --plot=glimpse_cost.png`
"""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags
from matplotlib.figure import Figure

from benchmarks.report import Report
from ogbrain.paths import user_path
from plugins.attention.experiments.glimpse_config import GlimpseConfig
from plugins.attention.layers.recurrent_attention import RecurrentAttention

_PLOT = flags.DEFINE_string("plot", "", "File to draw the cost over the size of the picture to.")

SIZES = (60, 120, 240, 480)
"""Sides of the images, in pixels."""
BATCH = 32
CLASSES = 10


def glimpse_model(size: int) -> keras.Model:
    """Returns the default glimpse experiment's model for images of one size."""
    config = GlimpseConfig()
    inputs = keras.Input((size, size, 1), dtype="uint8")
    attention = RecurrentAttention(
        glimpses=config.glimpses,
        patch_size=config.patch_size,
        scales=config.scales,
        units=config.units,
        patch_units=config.patch_units,
        location_units=config.location_units,
        policy_units=config.policy_units,
        seed=1,
    )
    outputs = attention(inputs)
    logits = keras.layers.Dense(CLASSES)(outputs["states"][:, -1])
    return keras.Model(inputs, {"logits": logits, "log_probs": outputs["log_probs"]})


def conv_model(size: int) -> keras.Model:
    """Returns a small convolutional network: three convolutions, each halving the image, and their mean."""
    inputs = keras.Input((size, size, 1), dtype="uint8")
    features = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in (16, 32, 64):
        features = keras.layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, {"logits": keras.layers.Dense(CLASSES)(features)})


def forward(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a compiled forward pass."""
    function = tf.function(lambda images: model(images)["logits"], jit_compile=True)
    return function.get_concrete_function(pictures(model))


def training_step(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a compiled training step: cross-entropy, REINFORCE where there is a policy, Adam."""
    optimizer = keras.optimizers.Adam(1e-4)
    optimizer.build(model.trainable_variables)
    labels = tf.range(BATCH) % CLASSES

    @tf.function(jit_compile=True)
    def step(images):
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(labels, outputs["logits"], from_logits=True)
            loss = tf.reduce_mean(losses)
            if "log_probs" in outputs:
                loss += tf.reduce_mean(tf.stop_gradient(losses)[:, None] * outputs["log_probs"])
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return step.get_concrete_function(pictures(model))


def pictures(model: keras.Model) -> tf.TensorSpec:
    """Returns the spec of a batch for a model."""
    return tf.TensorSpec((BATCH, *model.input_shape[1:]), tf.uint8)


def milliseconds(functions: dict[int, Callable], rounds: int, calls: int) -> dict[int, float]:
    """Returns the time of a call for each size, the least disturbed of rounds in which the sizes take turns."""
    images = {
        size: tf.cast(tf.random.stateless_uniform((BATCH, size, size, 1), (1, size), 0, 256, tf.int32), tf.uint8)
        for size in functions
    }
    for size, function in functions.items():
        function(images[size])
    times: dict[int, list[float]] = {size: [] for size in functions}
    for _ in range(rounds):
        for size, function in functions.items():
            start = time.perf_counter()
            for _ in range(calls):
                result = function(images[size])
            np.asarray(result)
            times[size].append((time.perf_counter() - start) / calls * 1e3)
    return {size: min(values) for size, values in times.items()}


def main(_: list[str]) -> None:
    """Measures both models at each size and shows how each grows."""
    rounds, calls = (5, 5) if flags.FLAGS.quick else (31, 20)
    report = Report("glimpse_cost")
    costs = {}
    for work, make in (("forward pass", forward), ("training step", training_step)):
        ours = milliseconds({size: make(glimpse_model(size)) for size in SIZES}, rounds, calls)
        # The network is the slower the larger the image: fewer calls are enough.
        peer = milliseconds({size: make(conv_model(size)) for size in SIZES}, max(3, rounds // 5), max(1, calls // 10))
        costs[work] = (ours, peer)
        for size in SIZES:
            report.add(f"{work}, {BATCH} images of {size}x{size}", ours[size], peer[size], "ms", "peer: convolutions")
        for size in SIZES[1:]:
            grown, peer_grown = ours[size] / ours[SIZES[0]], peer[size] / peer[SIZES[0]]
            report.add(f"{work}, growth from {SIZES[0]} to {size} pixels", grown, peer_grown, "times")
    report.finish()
    if _PLOT.value:
        plot(costs)


def plot(costs: dict[str, tuple[dict[int, float], dict[int, float]]]) -> None:
    """Draws the milliseconds of each work over the side of the picture."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots(1, len(costs), sharey=True)
    for axis, (work, times) in zip(axes, costs.items(), strict=True):
        for name, values in zip(("glimpses", "convolutions"), times, strict=True):
            axis.plot(list(values), list(values.values()), "o-", label=name)
        axis.set(title=work, xlabel="side of the picture, pixels", yscale="log", xticks=SIZES)
    axes[0].set_ylabel(f"milliseconds for {BATCH} pictures")
    axes[0].legend()
    figure.savefig(user_path(_PLOT.value), dpi=100)


if __name__ == "__main__":
    app.run(main)
