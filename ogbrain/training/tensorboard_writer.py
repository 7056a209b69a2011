"""TensorBoard records of a run."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from ogbrain.training.checkpoints import writing
from ogbrain.training.embedding import Embedding


class TensorBoardWriter:
    """Writes scalars, images, hyper-parameters and embeddings under `RUN/tensorboard`, opened at the first record.

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

    def animation(self, name: str, gif: bytes, step: int) -> None:
        """Records a GIF file; the board shows it among the images, moving."""
        from tensorboard.plugins.image import metadata

        width, height = (str(int.from_bytes(gif[start : start + 2], "little")) for start in (6, 8))
        with writing(self.folder), self._open().as_default():
            # As tf.summary.image writes it, which would make a PNG of each frame.
            content = tf.constant([width, height, gif])
            tf.summary.write(name, content, step=step, metadata=metadata.create_summary_metadata(None, ""))

    def graph(self, graph: tf.Graph) -> None:
        """Records the graph of the training step."""
        with writing(self.folder), self._open().as_default():
            tf.summary.graph(graph)

    def hyperparameters(self, values: Mapping[str, bool | int | float | str], results: Mapping[str, float]) -> None:
        """Records what the run was made with, and the figures to compare it by."""
        from tensorboard.plugins.hparams import api

        with writing(self.folder), self._open().as_default():
            api.hparams_config(
                hparams=[api.HParam(name) for name in values],
                metrics=[api.Metric(f"result/{name}", display_name=name) for name in results],
            )
            api.hparams(dict(values))
            for name, value in results.items():
                tf.summary.scalar(f"result/{name}", value, step=0)

    def embeddings(self, embeddings: Mapping[str, Embedding]) -> None:
        """Writes points for the projector, each embedding as tables of vectors and labels and a sheet of pictures."""
        from google.protobuf import text_format
        from tensorboard.plugins.projector import ProjectorConfig

        config = ProjectorConfig()
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, embedding in embeddings.items():
                described = config.embeddings.add(tensor_name=name, tensor_path=f"{name}.tsv")
                np.savetxt(self.folder / f"{name}.tsv", embedding.vectors, fmt="%.6g", delimiter="\t")
                described.metadata_path = f"{name}_labels.tsv"
                labels = "".join(" ".join(label.split()) + "\n" for label in embedding.labels)
                (self.folder / described.metadata_path).write_text(labels)
                if embedding.pictures is not None:
                    described.sprite.image_path = f"{name}.png"
                    described.sprite.single_image_dim.extend(embedding.pictures.shape[2:0:-1])
                    (self.folder / f"{name}.png").write_bytes(tf.io.encode_png(_sheet(embedding.pictures)).numpy())
            if embeddings:
                (self.folder / "projector_config.pbtxt").write_text(text_format.MessageToString(config))

    def close(self) -> None:
        """Writes out what is buffered."""
        if self._writer is not None:
            with writing(self.folder):
                self._writer.close()

    def _open(self) -> tf.summary.SummaryWriter:
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder))
        return self._writer


def _sheet(pictures: np.ndarray) -> np.ndarray:
    """Lays pictures out in a square, row by row, as the projector wants them."""
    count, height, width, channels = pictures.shape
    side = math.ceil(math.sqrt(count))
    sheet = np.zeros((side * side, height, width, channels), np.uint8)
    sheet[:count] = pictures
    return sheet.reshape(side, side, height, width, channels).swapaxes(1, 2).reshape(side * height, side * width, -1)
