"""The minimal long short-term memory."""

import tensorflow as tf

from .parallel_layer import ParallelLayer


class MinLSTM(ParallelLayer):
    """Minimal LSTM (arXiv 2410.01201, algorithm 8): the gates `f` and `i` are scaled to a sum of 1.

    `f = sigmoid(W_f x)`, `i = sigmoid(W_i x)`, `h = (f h + i g(W_h x)) / (f + i)`.

    Args:
        units: Size of the state.
        **kwargs: Of `ParallelLayer`.

    Example:
        >>> MinLSTM(256, return_sequences=True)(tf.zeros((8, 2048, 64))).shape
        TensorShape([8, 2048, 256])
    """

    gates = 3

    def _steps(self, z):
        forget, write, candidate = tf.split(z, 3, -1)
        # f / (f + i) in terms of 1 / f and 1 / i, which are never zero; beyond 30 a gate is shut in float32.
        forget, write = (tf.exp(-tf.clip_by_value(gate, -30.0, 30.0)) for gate in (forget, write))
        forget = (1 + write) / (2 + write + forget)
        return forget, (1 - forget) * self._candidate(candidate)
