"""GloVe word vectors as the first layer of a model of texts."""

from collections.abc import Sequence

import keras

from ogbrain.data import resources

from ..pipelines.words import WordPieces
from .word_vectors import WordVectors

DEPTH = 50
"""Length of a vector."""
UNKNOWN = ("subwords", "learned")


class Glove(keras.layers.Layer):
    """Gives the GloVe vectors of the words of raw texts.

    A word that is not known gets the mean of the vectors of its sub-words of three to five letters, each the mean of
    the known words that have it; or one vector for all, learned if the layer is trainable. A saved model holds words
    and vectors, and needs no package.

    Args:
        vocabulary: How many of GloVe's 400,000 words are known, the most frequent ones.
        trainable: Whether the vectors are learned further.
        unknown: `subwords` or `learned`.
        buckets: Vectors of sub-words, which share them by their hash.
        most_words: Words of a text that are looked at.
        words: The words that are known; empty for GloVe's most frequent ones.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.
        seed: Seed of vectors that nothing is known of.
        **kwargs: Those of Keras layers.

    Inputs are `(batch,)` strings in UTF-8; outputs `(batch, words, 50)`, padded with 0, which `keras.layers.Masking`
    understands.

    Raises:
        UserError: The package of GloVe's vectors cannot be had or read.

    Example:
        >>> texts = keras.Input((), dtype="string")
        >>> model = keras.Sequential([texts, Glove(), layers.Masking(), layers.LSTM(32), layers.Dense(1)])

    Reference: Pennington et al. 2014, GloVe; Bojanowski et al. 2017, arXiv 1607.04606, for the sub-words.
    """

    def __init__(
        self,
        vocabulary: int = 20_000,
        trainable: bool = False,
        unknown: str = "subwords",
        buckets: int = 2000,
        most_words: int = 64,
        words: Sequence[str] = (),
        data_dir: str = "",
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(trainable=trainable, **kwargs)
        if unknown not in UNKNOWN:
            raise ValueError(f"unknown: {unknown!r} is not allowed; one of {', '.join(UNKNOWN)}")
        self.unknown, self.buckets, self.most_words = unknown, buckets, most_words
        self.data_dir, self.seed = data_dir, seed
        self.words = list(words) or resources.load("glove_6b_50d", data_dir)[0][:vocabulary]
        self.vocabulary = len(self.words)
        self.pieces = WordPieces(self.words, buckets if unknown == "subwords" else 0, most=most_words)
        self._vectors = WordVectors(self.pieces.size, DEPTH, trainable, seed, dtype=self.dtype_policy, name="vectors")
        self._loaded = False

    def build(self, shape):
        del shape  # of texts, which have no depth
        self._vectors.build(None)
        if not self._loaded:
            names, vectors = resources.load("glove_6b_50d", self.data_dir)
            wanted = set(self.words)
            known = {name: vector for name, vector in zip(names, vectors, strict=True) if name in wanted}
            self._vectors.assign(self.pieces.vectors(known, DEPTH, self.seed))

    def call(self, texts):
        return self._vectors(self.pieces(texts))

    def compute_output_shape(self, shape):
        return (shape[0], None, DEPTH)

    def get_config(self):
        names = ("vocabulary", "trainable", "unknown", "buckets", "most_words", "words", "data_dir", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config):
        layer = cls(**config)
        # Its vectors come out of the saved model.
        layer._loaded = True
        return layer
