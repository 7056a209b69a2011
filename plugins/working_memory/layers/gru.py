"""The gated recurrent unit."""

import tensorflow as tf

from .recurrent_layer import RecurrentLayer


class GRU(RecurrentLayer):
    """Gated recurrent unit (Cho et al., arXiv 1406.1078) on one fused scan.

    `z, r = sigmoid(W x + U h + b)`, `n = tanh(W_n x + b_n + r (U_n h + d_n))`, `h = z h + (1 - z) n`. With
    `reset_after=False` the reset gate is applied before the product, `U_n (r h)`. Computes what `keras.layers.GRU`
    does, from the same weights. The state is `[h]`.

    Args:
        units: Size of the state.
        reset_after: Apply the reset gate after the recurrent product.
        **kwargs: Of `RecurrentLayer`.

    Example:
        >>> GRU(256)(tf.zeros((8, 100, 64))).shape
        TensorShape([8, 256])
    """

    gates = 3

    def __init__(self, units: int, *, reset_after: bool = True, **kwargs):
        super().__init__(units, **kwargs)
        self.reset_after = reset_after

    def _bias_shape(self):
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def _input_bias(self, bias):
        return bias[0] if self.reset_after else bias

    def _matrices(self):
        if self.reset_after:
            return [self.recurrent_kernel]
        kernel = tf.convert_to_tensor(self.recurrent_kernel)
        return [kernel[:, :2 * self.units], kernel[:, 2 * self.units:]]

    def _vectors(self):
        return [*super()._vectors(), *([self.bias[1]] if self.reset_after and self.bias is not None else [])]

    def _update(self, linear, x, state, vectors, drop, gate):
        h, = state
        fed = h if drop is None else h * drop
        product = linear(0, fed)
        split = 2 * self.units
        if self.layer_norm:
            product = self._normalized(product, vectors[0][:product.shape[-1]])
        if self.reset_after and self.use_bias:
            product += vectors[-1]
        z, r = tf.split(gate(x[:, :split] + product[:, :split]), 2, -1)
        if self.reset_after:
            candidate = r * product[:, split:]
        else:
            candidate = linear(1, r * fed)
            if self.layer_norm:
                candidate = self._normalized(candidate, vectors[0][split:])
        n = self.activation(x[:, split:] + candidate)
        return [z * h + (1 - z) * n]

    def get_config(self):
        return {**super().get_config(), "reset_after": self.reset_after}
