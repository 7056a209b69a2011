"""Models that look at the whole picture at once, of the same cost as the glimpses."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ogbrain.data.pipeline import Batch

from .classification import ClutteredClassification, guess_metrics
from .glimpse_config import GlimpseConfig


class WholePicture(ClutteredClassification):
    """A feed-forward classifier with as many multiply-adds as it is given, or just below.

    Args:
        config: The config of the experiment to compare with: data, training and all.
        budget: Multiply-adds for one image.
    """

    def __init__(self, config: GlimpseConfig, budget: int):
        super().__init__(config)
        self.budget = budget

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy."""
        metrics = guess_metrics(model(batch["image"], training=training), batch["label"])
        return tf.reduce_mean(metrics["loss"]), metrics

    def multiply_adds(self) -> int:
        """Returns the multiply-adds of the dense and convolutional layers."""
        return sum(_multiply_adds(layer) for layer in self.model.layers)

    def _widest(self, build: Callable[[int], keras.Model]) -> keras.Model:
        """Returns the widest of a family of models that keeps to the budget, at least of width 1."""

        def fits(width: int) -> bool:
            return sum(_multiply_adds(layer) for layer in build(width).layers) <= self.budget

        high = 2
        while fits(high):
            high *= 2
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return build(low)

    def _inputs(self) -> keras.KerasTensor:
        return keras.Input((self.config.canvas, self.config.canvas, self.channels))

    def _outputs(self, features: keras.KerasTensor) -> keras.KerasTensor:
        return keras.layers.Dense(len(self.label_names), activation="softmax", dtype="float32")(features)


class FullyConnected(WholePicture):
    """Two hidden layers of one width, the paper's first baseline."""

    def build_model(self) -> keras.Model:
        """Returns the widest such network within the budget."""

        def build(width: int) -> keras.Model:
            inputs = self._inputs()
            features = keras.layers.Flatten()(inputs)
            for _ in range(2):
                features = keras.layers.Dense(width, activation="relu")(features)
            return keras.Model(inputs, self._outputs(features))

        return self._widest(build)


class Convolutional(WholePicture):
    """Three convolutions, each halving the picture, and a dense layer."""

    def build_model(self) -> keras.Model:
        """Returns the widest such network within the budget."""

        def build(width: int) -> keras.Model:
            inputs = features = self._inputs()
            for factor in (1, 2, 4):
                convolution = keras.layers.Conv2D(factor * width, 3, 2, padding="same", activation="relu")
                features = convolution(features)
            features = keras.layers.Dense(64, activation="relu")(keras.layers.Flatten()(features))
            return keras.Model(inputs, self._outputs(features))

        return self._widest(build)


def _multiply_adds(layer: keras.layers.Layer) -> int:
    """Returns kernel size times output positions."""
    if not hasattr(layer, "kernel"):
        return 0
    positions = np.prod(layer.output.shape[1:-1], dtype=int)
    return int(np.prod(layer.kernel.shape)) * int(positions)
