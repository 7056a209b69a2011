"""The vanilla recurrent network."""

from .recurrent_layer import RecurrentLayer


class SimpleRNN(RecurrentLayer):
    """Vanilla recurrent network (Elman 1990) on one fused scan: `h = tanh(W x + U h + b)`.

    Computes what `keras.layers.SimpleRNN` does, from the same weights. The state is `[h]`.

    Args:
        units: Size of the state.
        **kwargs: Of `RecurrentLayer`.

    Example:
        >>> SimpleRNN(32)(tf.zeros((8, 100, 64))).shape
        TensorShape([8, 32])
    """

    @property
    def _added(self):
        return not self.layer_norm

    def _update(self, linear, x, state, vectors, drop, gate):
        h, = state
        z = linear(0, h if drop is None else h * drop)
        return [self.activation(x + self._normalized(z, vectors[0]) if self.layer_norm else z)]
