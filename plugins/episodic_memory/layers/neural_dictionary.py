"""The differentiable neural dictionary as a layer."""

import keras
import numpy as np
from keras import ops

from .kernels import inverse_distance_value, mean_value

KERNELS = ("inverse_distance", "mean")


class NeuralDictionary(keras.layers.Layer):
    """Answers a query with the values of the nearest keys, weighted by how near they are.

    Keys and values are weights: they get gradients like any other, and so does what makes the queries. The neighbours
    are found in the graph, exactly, by a matrix product and `top_k`, so that a saved model needs nothing else; training
    on many keys can find them elsewhere and hand them in. Distances are computed in float32 at any precision.

    Args:
        capacity: Most keys.
        depth: Length of a key and of a query.
        neighbors: Keys that answer a query, k.
        delta: What keeps the weight of a key equal to the query finite.
        kernel: `"inverse_distance"`, or `"mean"`: the value of the key itself where the query is one, else the plain
            mean of the neighbours' (equation 2 of Blundell et al., 2016, arXiv:1606.04460).
        **kwargs: Those of Keras layers.

    Inputs are `(batch, depth)`; outputs `(batch,)`, 0 as long as the dictionary is empty.

    Example:
        >>> layer = NeuralDictionary(capacity=1000, depth=2, neighbors=1)
        >>> layer.load(keys=[[0, 0], [3, 4]], values=[1, 2])
        >>> layer(ops.array([[3.0, 3.0]]))
        [2.0]

    Source: Pritzel et al., 2017, arXiv:1703.01988, section 2.
    """

    def __init__(
        self,
        capacity: int,
        depth: int,
        neighbors: int = 50,
        delta: float = 1e-3,
        kernel: str = "inverse_distance",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel not in KERNELS:
            raise ValueError(f"kernel: {kernel!r} is not allowed; one of {', '.join(KERNELS)}")
        self.capacity, self.depth, self.neighbors, self.delta = capacity, depth, neighbors, delta
        self.kernel = kernel

    def build(self, shape):
        if shape is not None and shape[-1] != self.depth:
            raise ValueError(f"{self.name}: queries of {shape[-1]} numbers, keys of depth {self.depth}")
        float32 = {"initializer": "zeros", "dtype": "float32", "autocast": False}
        self.keys = self.add_weight(shape=(self.capacity, self.depth), name="keys", **float32)
        self.values = self.add_weight(shape=(self.capacity,), name="values", **float32)
        self.size = self.add_weight(shape=(), name="size", dtype="int32", initializer="zeros", trainable=False)

    def load(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Sets what the dictionary holds, keys `(size, depth)` and values `(size,)`.

        Raises:
            ValueError: There are more of them than the capacity.
        """
        if len(keys) > self.capacity:
            raise ValueError(f"{self.name}: {len(keys)} keys; at most its capacity, {self.capacity}")
        if not self.built:
            self.build(None)
        rest = self.capacity - len(keys)
        self.keys.assign(np.pad(np.asarray(keys, np.float32), [(0, rest), (0, 0)]))
        self.values.assign(np.pad(np.asarray(values, np.float32), [(0, rest)]))
        self.size.assign(len(keys))

    def nearest(self, queries):
        """Returns the places of the nearest keys, int32 `(batch, min(neighbors, capacity))`, those of no key last."""
        scores = ops.matmul(queries, ops.transpose(self.keys)) - ops.sum(ops.square(self.keys), -1) / 2
        scores = ops.where(ops.arange(self.capacity) < self.size, scores, -np.inf)
        return ops.top_k(scores, min(self.neighbors, self.capacity))[1]

    def call(self, queries, slots=None):
        queries = ops.cast(queries, "float32")
        if slots is None:
            slots = self.nearest(ops.stop_gradient(queries))
        keys, values = ops.take(self.keys, slots, axis=0), ops.take(self.values, slots, axis=0)
        present = slots < self.size
        if self.kernel == "mean":
            outputs = mean_value(queries, keys, values, present)
        else:
            outputs = inverse_distance_value(queries, keys, values, self.delta, present)
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, shape):
        return shape[:1]

    def get_config(self):
        names = ("capacity", "depth", "neighbors", "delta", "kernel")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
