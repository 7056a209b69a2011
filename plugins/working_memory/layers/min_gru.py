"""The minimal gated recurrent unit."""

import tensorflow as tf

from .parallel_layer import ParallelLayer


class MinGRU(ParallelLayer):
    """Minimal GRU (arXiv 2410.01201, algorithm 6): `z = sigmoid(W_z x)`, `h = (1 - z) h + z g(W_h x)`.

    Args:
        units: Size of the state.
        **kwargs: Of `ParallelLayer`.

    Example:
        >>> MinGRU(256, return_sequences=True)(tf.zeros((8, 2048, 64))).shape
        TensorShape([8, 2048, 256])
    """

    gates = 2

    def _steps(self, z):
        gate, candidate = tf.split(z, 2, -1)
        gate = tf.sigmoid(gate)
        return 1 - gate, gate * self._candidate(candidate)
