"""Pictures and their classes."""

from collections.abc import Sequence

import tensorflow as tf

import ogbrain
from ogbrain.data.pipeline import Batch


class Pictures(ogbrain.Pipeline):
    """Pictures with values from 0 to 1, of a data set that has `image` and `label`.

    Args:
        name: Registered name of the data set.
        splits: TFDS split strings of training, validation and test examples.
        data_dir: Folder of prepared data; empty for the default.

    Example:
        >>> batch = next(iter(Pictures("fashion_mnist").batches("train", batch_size=32, training=True)))
        >>> batch["image"].shape, batch["label"].shape
        (TensorShape([32, 28, 28, 1]), TensorShape([32]))
    """

    def __init__(
        self, name: str, splits: Sequence[str] = ("train[:90%]", "train[90%:]", "test"), data_dir: str = ""
    ):
        names = ("train", "validation", "test")
        super().__init__(
            name, splits=dict(zip(names, splits, strict=True)), preprocess=[scale], data_dir=data_dir,
            features=["image", "label"],
        )  # fmt: skip

    @property
    def label_names(self) -> list[str]:
        """Names of the classes, in the order of their numbers."""
        return self.info.features["label"].names


def scale(batch: Batch, seed: tf.Tensor) -> Batch:
    """Returns a batch with values from 0 to 1; the seed is there for what is drawn, which here is nothing."""
    return {**batch, "image": tf.cast(batch["image"], tf.float32) / 255.0}
