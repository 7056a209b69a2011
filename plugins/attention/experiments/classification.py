"""What the glimpse experiment and its baselines share: the data and the measure of a guess."""

import keras
import tensorflow as tf

import ogbrain

from ..pipelines.cluttered_images import ClutteredImages, image_shape
from .glimpse_config import GlimpseConfig


class ClutteredClassification(ogbrain.SupervisedExperiment):
    """Tells what is on a cluttered canvas; the model is up to the subclass."""

    monitor, monitor_mode = "accuracy", "max"

    config: GlimpseConfig
    pipeline: ClutteredImages

    def build_pipeline(self) -> ClutteredImages:
        """Returns the cluttered canvases that the config asks for."""
        config = self.config
        return ClutteredImages(
            config.data.name,
            canvas=config.canvas,
            clutter=config.clutter,
            clutter_size=config.clutter_size,
            splits=dict(zip(("train", "validation", "test"), config.splits, strict=True)),
            data_dir=config.data.data_dir,
        )

    @property
    def label_names(self) -> list[str]:
        """Names of the classes, in the order of the model's outputs."""
        return self.pipeline.info.features["label"].names

    @property
    def channels(self) -> int:
        """Colour channels of the images."""
        return image_shape(self.pipeline.info)[-1]

    def multiply_adds(self) -> int:
        """Returns the multiply-adds the model spends on one image in evaluation."""
        raise NotImplementedError

    def notes(self) -> dict[str, str]:
        """Returns the cost of an answer."""
        return {"multiply-adds for an image": f"{self.multiply_adds():,}"}


def guess_metrics(probabilities: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns cross-entropy and accuracy of each guess.

    Args:
        probabilities: `(batch, classes)`.
        labels: `(batch,)` integers.

    Returns:
        `loss` and `accuracy`, `(batch,)` float32.
    """
    right = keras.ops.cast(tf.argmax(probabilities, -1), labels.dtype) == labels
    return {
        "loss": keras.losses.sparse_categorical_crossentropy(labels, probabilities),
        "accuracy": tf.cast(right, tf.float32),
    }
