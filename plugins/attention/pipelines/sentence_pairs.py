"""Pairs of a sentence and its translation, as ids of pieces of words."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data import builders
from ogbrain.data.buckets import Buckets
from ogbrain.data.decode import decode
from ogbrain.data.encode import Encode
from ogbrain.data.pipeline import Batch, Pipeline
from ogbrain.data.vocabulary import Vocabulary
from ogbrain.errors import UserError


class SentencePairs(Pipeline):
    """Sentences and their translations in batches of a few shapes.

    A batch is `source` and `target`, `(batch, time)` int32 with the end id after each sentence and 0 as padding, and
    the texts themselves, `source_text` and `target_text`. Training batches hold pairs of about one length; rows and
    lengths are padded to the batch size and the next of `lengths`, so that there are only as many shapes as lengths.

    Example:
        >>> pairs = SentencePairs("libreoffice_help/en_fr", source="en", target="fr", batch_size=64)
        >>> batch = next(iter(pairs.batches("train", batch_size=64, training=True)))
    """

    def __init__(
        self,
        dataset: str | tfds.core.DatasetBuilder,
        *,
        source: str,
        target: str,
        batch_size: int,
        size: int = 4000,
        lengths: tuple[int, ...] = (16, 28, 40, 56, 80),
        most_words: int = 0,
        splits: tuple[str, ...] = ("train", "validation", "test"),
        data_dir: str = "",
    ):
        """Declares the pipeline, and learns the vocabularies of the training texts the first time.

        Args:
            dataset: Name or builder of a dataset of pairs of texts.
            source: The feature that is translated.
            target: The feature that holds the translation.
            batch_size: Rows to which training batches are padded.
            size: The most pieces of each vocabulary.
            lengths: Lengths to which sentences are padded, rising; training leaves out pairs that are longer than the
                last, evaluation pads them to their own.
            most_words: Train and validate on pairs with no more words in the source; 0: all.
            splits: Three TFDS split strings, for training, validation and testing.
            data_dir: The folder of data.

        Raises:
            UserError: No such feature, or no pair is short enough.
        """
        builder = builders.builder(dataset, data_dir) if isinstance(dataset, str) else dataset
        self.source_vocabulary, self.target_vocabulary = (
            Vocabulary.of_dataset(builder, splits[0], feature, kind="subwords", size=size)
            for feature in (source, target)
        )
        super().__init__(
            builder,
            splits=dict(zip(("train", "validation", "test"), splits, strict=True)),
            prepare=[Encode(self.source_vocabulary, source, "source", end=True),
                     Encode(self.target_vocabulary, target, "target", end=True)],
            features=["source", "target", source, target],
            preprocess=[_Pad(lengths, batch_size, {"source_text": source, "target_text": target})],
            buckets=Buckets(features=("source", "target"), boundaries=lengths[:-1]),
        )
        self.source, self.most_words, self.longest = source, most_words, lengths[-1]

    def _indices(self, split: str) -> np.ndarray:
        indices = super()._indices(split)
        if split == "train":
            for name in ("source", "target"):
                indices = indices[self._source.lengths(name)[indices] <= self.longest]
            if not len(indices):
                raise UserError(f"config.lengths: {self.longest} leaves no pair of split {split!r}; a larger last one")
        if not self.most_words or split == "test":
            return indices
        kept = indices[self._words[indices] <= self.most_words]
        if not len(kept):
            raise UserError(f"config.most_words: {self.most_words} leaves no pair of split {split!r}")
        return kept

    @functools.cached_property
    def _words(self) -> np.ndarray:
        """The words of each source sentence, in the order of the prepared splits."""
        texts = [decode(self.builder, base, (), (self.source,))[self.source].values for base in self._bases]
        return np.array([len(text.split()) for part in texts for text in part])


@dataclasses.dataclass(frozen=True)
class _Pad:
    """Pads to one of a few shapes."""

    lengths: tuple[int, ...]
    rows: int
    texts: dict[str, str]

    def __call__(self, batch: Batch, seed: tf.Tensor) -> Batch:
        del seed
        source, target = batch["source"], batch["target"]
        longest = tf.maximum(tf.shape(source)[1], tf.shape(target)[1])
        choices = tf.constant(self.lengths)
        length = tf.maximum(longest, choices[tf.reduce_sum(tf.cast(choices[:-1] < longest, tf.int32))])
        rows = tf.maximum(self.rows - tf.shape(source)[0], 0)
        padded = {
            name: tf.pad(ids, [[0, rows], [0, length - tf.shape(ids)[1]]])
            for name, ids in (("source", source), ("target", target))
        }
        texts = {name: tf.concat([batch[kept], tf.fill([rows], "")], 0) for name, kept in self.texts.items()}
        return {**padded, **texts}
