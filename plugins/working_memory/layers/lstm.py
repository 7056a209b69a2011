"""The long short-term memory and its variants."""

import tensorflow as tf

from .recurrent_layer import RecurrentLayer


class LSTM(RecurrentLayer):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gate) on one fused scan.

    `i, f, g, o = W x + U h + b`, `c = sigmoid(f) c + sigmoid(i) tanh(g)`, `h = sigmoid(o) tanh(c)`. The plain layer
    computes what `keras.layers.LSTM` does, from the same weights. The state is `[h, c]`.

    Args:
        units: Size of the cell.
        peepholes: The gates see the cell (Gers and Schmidhuber 2000).
        coupled_gates: The input gate is one minus the forget gate (Greff et al., arXiv 1503.04069).
        projection: Size of the output, a linear projection of the cell's (Sak et al., arXiv 1402.1128); 0 for none.
        unit_forget_bias: Start with a bias of 1 at the forget gate.
        **kwargs: Of `RecurrentLayer`.

    Example:
        >>> LSTM(256, return_sequences=True)(tf.zeros((8, 100, 64))).shape
        TensorShape([8, 100, 256])
    """

    def __init__(self, units: int, *, peepholes: bool = False, coupled_gates: bool = False, projection: int = 0,
                 unit_forget_bias: bool = True, **kwargs):
        super().__init__(units, **kwargs)
        if projection < 0:
            raise ValueError(f"projection must be at least 0, not {projection}")
        self.peepholes = peepholes
        self.coupled_gates = coupled_gates
        self.projection = projection
        self.unit_forget_bias = unit_forget_bias

    @property
    def gates(self) -> int:  # type: ignore[override]
        """Blocks of the kernel: input, forget, candidate, output; no input block when gates are coupled."""
        return 3 if self.coupled_gates else 4

    @property
    def state_sizes(self) -> list[int]:
        """Sizes of output and cell."""
        return [self.projection or self.units, self.units]

    def _bias_init(self, shape, dtype=None):
        bias = self.bias_initializer(shape, dtype)
        if not self.unit_forget_bias:
            return bias
        forget = 0 if self.coupled_gates else self.units
        return tf.concat([bias[:forget], tf.ones((self.units,), dtype), bias[forget + self.units:]], 0)

    def _build_step(self, width):
        if self.projection:
            self.projection_kernel = self._weight(
                "projection_kernel", (self.units, self.projection), "glorot_uniform")
        if self.peepholes:
            # One vector for each gate: input, forget, output.
            self.peephole_kernel = self._weight("peephole_kernel", (3, self.units), "zeros")
        if self.layer_norm:
            self.cell_gain = self._weight("cell_gain", (self.units,), "ones")
            self.cell_bias = self._weight("cell_bias", (self.units,), "zeros")

    def _matrices(self):
        return [self.recurrent_kernel, *([self.projection_kernel] if self.projection else [])]

    def _vectors(self):
        return [*super()._vectors(), *([self.cell_gain, self.cell_bias] if self.layer_norm else []),
                *([self.peephole_kernel] if self.peepholes else [])]

    @property
    def _added(self):
        return not self.layer_norm

    def _update(self, linear, x, state, vectors, drop, gate):
        h, c = state
        z = linear(0, h if drop is None else h * drop)
        if self.layer_norm:
            z = x + self._normalized(z, vectors[0])
        i, f, g, o = [None, *tf.split(z, 3, -1)] if self.coupled_gates else tf.split(z, 4, -1)
        if self.peepholes:
            i = i if i is None else i + c * vectors[-1][0]
            f += c * vectors[-1][1]
        f = gate(f)
        i = 1 - f if i is None else gate(i)
        c = f * c + i * self.activation(g)
        if self.peepholes:
            o += c * vectors[-1][2]
        seen = self._normalized(c, vectors[1]) + vectors[2] if self.layer_norm else c
        h = gate(o) * self.activation(seen)
        return [linear(1, h) if self.projection else h, c]

    def get_config(self):
        return {**super().get_config(), "peepholes": self.peepholes, "coupled_gates": self.coupled_gates,
                "projection": self.projection, "unit_forget_bias": self.unit_forget_bias}
