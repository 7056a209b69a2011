"""Texts with their classes."""

from typing import Any

import tensorflow as tf

from ogbrain.data.builders import builder
from ogbrain.errors import UserError

from .selected_examples import SelectedExamples


class TextClasses(SelectedExamples):
    """Batches of `text`, `(batch,)` strings, and `label`, `(batch,)` int64.

    Args:
        dataset: Data set with the feature `text`.
        data_dir: Folder of all data.
        **kwargs: Those of `SelectedExamples`.

    Example:
        >>> pipeline = TextClasses("rated_sentences/movie", classes=["negative", "positive"])
    """

    def __init__(self, dataset: str = "rated_sentences/movie", *, data_dir: str = "", **kwargs: Any):
        data = builder(dataset, data_dir)
        if "text" not in data.info.features:
            hint = "; it holds pictures: --experiment=transfer/images" if "image" in data.info.features else ""
            raise UserError(f"data set {data.info.full_name}: has no feature 'text'{hint}")
        super().__init__(dataset, features=["text"], data_dir=data_dir, preprocess=[self._number], **kwargs)

    def texts(self, split: str) -> list[str]:
        """Returns all the texts of a split."""
        batches = self.batches(split, batch_size=1024)
        return [text.decode("utf-8", "replace") for batch in batches for text in batch["text"].numpy()]

    def _number(self, batch: dict, seed: tf.Tensor) -> dict:
        return {"text": batch["text"], "label": self.renumbered(batch[self.label_feature])}
