"""What takes the place of attention in a model without it."""

import keras
from keras import ops


class FixedContext(keras.layers.Layer):
    """The same context at every step: a hidden layer over a memory of one place, the sentence in one vector.

    Its interface is that of an attention layer, and `hidden` makes its number of weights that of one.

    Args:
        hidden: Depth of the hidden layer.
        **kwargs: Of `keras.layers.Layer`.
    """

    coverage = False

    def __init__(self, hidden: int, **kwargs):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.inner = keras.layers.Dense(hidden, activation="tanh", dtype=self.dtype_policy, name="inner")

    def build(self, query_shape, memory_shape):
        """Builds the two layers."""
        self.outer = keras.layers.Dense(memory_shape[-1], dtype=self.dtype_policy, name="outer")
        self.inner.build(memory_shape)
        self.outer.build((*memory_shape[:-1], self.hidden))
        self.built = True

    def keys(self, memory):
        """Returns the context, `(batch, 1, depth)`."""
        return self.outer(self.inner(memory))

    def call(self, query, memory, memory_mask=None, keys=None):
        context = self.keys(memory) if keys is None else keys
        ones = ops.ones_like(query[..., :1])
        return ones * context, ones

    def compute_output_spec(self, query, memory, memory_mask=None, keys=None):
        """Returns shapes and dtypes."""
        front = query.shape[:2]
        return tuple(keras.KerasTensor((*front, depth), self.compute_dtype) for depth in (memory.shape[-1], 1))

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "hidden": self.hidden}


def hidden_units(query: int, memory: int, units: int) -> int:
    """Returns the hidden depth for as many weights as additive attention of `units` has."""
    return max(1, round(((query + memory + 2) * units - memory) / (2 * memory + 1)))
