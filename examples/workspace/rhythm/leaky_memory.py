"""A recurrent layer whose units forget at rates of their own."""

import keras
from keras import ops


class LeakyMemory(keras.layers.Layer):
    """Leaky integrators: `h[t] = a h[t-1] + (1 - a) tanh(W x[t] + U h[t-1] + b)`, with a learned `a` for each unit.

    Args:
        units: Number of integrators.
        return_sequences: Whether all states are the output, or the last one.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `(batch, time, depth)`, and a mask, `(batch, time)`: at a step that is masked the state stays as it is.

    Output: `(batch, units)`, or `(batch, time, units)` with `return_sequences`.

    Example:
        >>> LeakyMemory(4)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])

    Reference: Jaeger et al. 2007, leaky-integrator units.
    """

    def __init__(self, units: int, return_sequences: bool = False, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units = units
        self.return_sequences = return_sequences
        self.supports_masking = True

    def build(self, input_shape):
        """Makes the weights."""
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), initializer="orthogonal", name="recurrent")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.leak = self.add_weight(shape=(self.units,), initializer="zeros", name="leak")

    def call(self, inputs, mask=None):
        keep = ops.sigmoid(self.leak)
        driven = ops.matmul(inputs, self.kernel) + self.bias  # all steps in one product
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], "bool")

        def step(state, given):
            drive, present = given
            new = keep * state + (1 - keep) * ops.tanh(drive + ops.matmul(state, self.recurrent))
            state = ops.where(present[:, None], new, state)
            return state, state

        first = ops.zeros_like(driven[:, 0])
        last, states = ops.scan(step, first, (ops.swapaxes(driven, 0, 1), ops.swapaxes(mask, 0, 1)))
        return ops.swapaxes(states, 0, 1) if self.return_sequences else last

    def compute_mask(self, inputs, mask=None):
        """Returns the mask, where there are still steps for it."""
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape):
        """Returns `(batch, units)`, or `(batch, time, units)`."""
        return (*input_shape[: 2 if self.return_sequences else 1], self.units)

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "units": self.units, "return_sequences": self.return_sequences}
