"""Vectors of words, known beforehand or learned."""

import keras
import numpy as np
from keras import ops


class WordVectors(keras.layers.Layer):
    """Looks up the vectors of words; a word may be of several pieces, whose mean is its vector.

    Args:
        size: How many numbers there are; 0 is padding.
        depth: Length of a vector.
        trainable: Whether the vectors are learned further.
        seed: Seed of the vectors until `assign` gives better ones.
        **kwargs: Those of Keras layers.

    Inputs are `(batch, words)` or `(batch, words, pieces)` integers; outputs `(batch, words, depth)`, 0 for padding.

    Example:
        >>> layer = WordVectors(3, 2)
        >>> layer.assign([[0, 0], [1, 1], [3, 5]])
        >>> layer(ops.array([[[1, 2], [2, 0]]]))
        [[[2, 3], [3, 5]]]
    """

    def __init__(self, size: int, depth: int, trainable: bool = True, seed: int = 0, **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.size, self.depth, self.seed = size, depth, seed

    def build(self, shape):
        self.vectors = self.add_weight(
            shape=(self.size, self.depth),
            initializer=keras.initializers.RandomUniform(-0.25, 0.25, seed=self.seed),
            name="vectors",
        )

    def assign(self, vectors: np.ndarray) -> None:
        """Sets all the vectors, `(size, depth)`."""
        if not self.built:
            self.build(None)
        self.vectors.assign(vectors)

    def call(self, numbers):
        present = ops.cast(numbers > 0, self.compute_dtype)[..., None]
        vectors = ops.take(ops.cast(self.vectors, self.compute_dtype), numbers, axis=0) * present
        if len(numbers.shape) == 2:
            return vectors
        return ops.sum(vectors, 2) / ops.maximum(ops.sum(present, 2), 1.0)

    def compute_output_shape(self, shape):
        return (*shape[:2], self.depth)

    def get_config(self):
        own = {"size": self.size, "depth": self.depth, "trainable": self.trainable, "seed": self.seed}
        return {**super().get_config(), **own}
