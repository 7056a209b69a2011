"""What the many-objects experiment and its baseline share: the data and the measure of a told sequence."""

import keras
import tensorflow as tf

import ogbrain
from ogbrain.data.pipeline import Pipeline

from ..pipelines.cluttered_images import image_shape
from ..pipelines.many_images import ManyImages
from .many_objects_config import ManyObjectsConfig


class LabelSequences(ogbrain.SupervisedExperiment):
    """Tells a sequence of labels up to an end mark; the model is up to the subclass."""

    monitor, monitor_mode = "accuracy", "max"
    config: ManyObjectsConfig
    pipeline: ManyImages

    def build_pipeline(self) -> ManyImages:
        """Returns the canvases that the config asks for, as they are in evaluation."""
        return self._canvases(augment=False)

    def stage_pipeline(self, stage: int) -> Pipeline:
        """Returns the canvases of training: each object is turned and resized."""
        return self._canvases(augment=True)

    def _canvases(self, augment: bool) -> ManyImages:
        config = self.config
        several = config.task == "several"
        return ManyImages(
            config.data.name,
            canvas=config.canvas,
            least=1 if several else 2,
            most=config.most if several else 2,
            spacing=config.spacing,
            clutter=config.clutter if several else 0,
            clutter_size=config.clutter_size,
            addition=config.task == "addition",
            turn=config.turn if augment else 0.0,
            resize=config.resize if augment else 0.0,
            splits=dict(zip(("train", "validation", "test"), config.splits, strict=True)),
            data_dir=config.data.data_dir,
        )

    @property
    def label_names(self) -> list[str]:
        """Names of the labels, in the order of the model's outputs, the end mark last."""
        return self.pipeline.label_names

    @property
    def channels(self) -> int:
        """Colour channels of the images."""
        return image_shape(self.pipeline.info)[-1]

    def multiply_adds(self) -> int:
        """Returns the multiply-adds the model spends on one image."""
        raise NotImplementedError

    def notes(self) -> dict[str, str]:
        """Returns the cost of an answer."""
        return {"multiply-adds for an image": f"{self.multiply_adds():,}"}


def told(labels: tf.Tensor, end: int) -> tf.Tensor:
    """Returns which labels are told: all up to the first end mark, and it; `(batch, length)` float32."""
    before = tf.cumsum(tf.cast(labels == end, tf.float32), axis=1, exclusive=True)
    return tf.cast(before == 0, tf.float32)


def sequence_metrics(logits: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns how well sequences are told.

    Args:
        logits: `(batch, length, classes)`; the last class is the end mark.
        labels: `(batch, length)` integers, padded with end marks.

    Returns:
        `(batch,)` float32: `loss`, the cross-entropy of a told label; `accuracy`, 1 where the whole sequence is right;
        `label_accuracy`, the share of labels that are.
    """
    weights = told(labels, logits.shape[-1] - 1)
    right = tf.cast(tf.argmax(logits, -1, output_type=labels.dtype) == labels, tf.float32)
    return {
        "loss": mean_entropy(logits, labels, weights),
        "accuracy": tf.reduce_min(tf.maximum(right, 1 - weights), 1),
        "label_accuracy": tf.reduce_sum(right * weights, 1) / tf.reduce_sum(weights, 1),
    }


def mean_entropy(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns the weighted mean cross-entropy of each row, `(batch,)`; labels and weights are `(batch, length)`."""
    entropies = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return tf.reduce_sum(entropies * weights, 1) / tf.reduce_sum(weights, 1)
