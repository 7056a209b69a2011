"""A convolutional network that sees the whole canvas at once, of the same cost as the glimpses."""

import keras
import tensorflow as tf

from ogbrain.data.pipeline import Batch

from .label_sequences import LabelSequences, sequence_metrics
from .many_objects_config import ManyObjectsConfig

_HIDDEN = 128


class WholeCanvas(LabelSequences):
    """Three convolutions, each halving the picture, a dense layer, and a classifier for each label of the sequence.

    Args:
        config: The config of the experiment to compare with.
        budget: Multiply-adds for one image; the network is the widest of no more.
    """

    def __init__(self, config: ManyObjectsConfig, budget: int):
        super().__init__(config)
        self.budget = budget

    def build_model(self) -> keras.Model:
        """Returns the widest such network within the budget, at least of width 1."""
        self._width = 1
        while self._cost(self._width + 1) <= self.budget:
            self._width += 1
        inputs = features = keras.Input((self.config.canvas, self.config.canvas, self.channels))
        for factor in (1, 2, 4):
            features = keras.layers.Conv2D(factor * self._width, 3, 2, padding="same", activation="relu")(features)
        features = keras.layers.Dense(_HIDDEN, activation="relu")(keras.layers.Flatten()(features))
        shape = (self.pipeline.length, len(self.label_names))
        logits = keras.layers.Dense(shape[0] * shape[1], dtype="float32")(features)
        return keras.Model(inputs, keras.layers.Reshape(shape)(logits))

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy."""
        metrics = sequence_metrics(model(batch["image"], training=training), batch["labels"])
        return tf.reduce_mean(metrics["loss"]), metrics

    def multiply_adds(self) -> int:
        """Returns the multiply-adds of all layers."""
        return self._cost(self._width)

    def _cost(self, width: int) -> int:
        side, depth, total = self.config.canvas, self.channels, 0
        for factor in (1, 2, 4):
            side = -(-side // 2)
            total += side * side * 9 * depth * factor * width
            depth = factor * width
        return total + side * side * depth * _HIDDEN + _HIDDEN * self.pipeline.length * len(self.label_names)
