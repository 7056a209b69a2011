"""TensorBoard records of a run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from ogbrain.training.checkpoints import writing


class TensorBoardWriter:
    """Writes scalars and images under `RUN/tensorboard`, opened at the first record.

    Args:
        folder: Where to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._writer: tf.summary.SummaryWriter | None = None

    def scalars(self, split: str, values: Mapping[str, float], step: int) -> None:
        """Records metrics of a split."""
        with writing(self.folder), self._open().as_default():
            for name, value in values.items():
                tf.summary.scalar(f"{name}/{split}", value, step=step)

    def image(self, name: str, picture: np.ndarray, step: int) -> None:
        """Records a uint8 picture of shape `(height, width, 3)`."""
        with writing(self.folder), self._open().as_default():
            tf.summary.image(name, picture[None], step=step)

    def graph(self, graph: tf.Graph) -> None:
        """Records the graph of the training step."""
        with writing(self.folder), self._open().as_default():
            tf.summary.graph(graph)

    def close(self) -> None:
        """Writes out what is buffered."""
        if self._writer is not None:
            with writing(self.folder):
                self._writer.close()

    def _open(self) -> tf.summary.SummaryWriter:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder))
        return self._writer
