"""Additive attention: a hidden layer compares each query with each place of the memory."""

import keras
from keras import ops


class AdditiveAttention(keras.layers.Layer):
    """Bahdanau's attention, `softmax(v . tanh(W q + U m + b))`, with the products `U m` computed once.

    Luong's `concat` score is the same arithmetic, with the state after the step as the query. The comparison itself is
    `keras.layers.AdditiveAttention`; this layer adds the learned products, the keys that a decoder computes before its
    first step, and coverage.

    Args:
        units: Depth of the hidden layer.
        coverage: Add a learned vector times the attention that each place has had so far (See et al. 2017, arXiv
            1704.04368, equation 11).
        **kwargs: Of `keras.layers.Layer`.

    Input: `query`, `(batch, queries, depth)`; `memory`, `(batch, places, depth)`; `memory_mask`, `(batch, places)`
        bool, the places that can be seen; `keys`, what `keys(memory)` gave, to spare the product; `had`, `(batch,
        places)`, the sum of the weights so far, with `coverage`.

    Output: The context, `(batch, queries, memory depth)`, and the weights, `(batch, queries, places)`.

    Example:
        >>> attention = AdditiveAttention(128)
        >>> context, weights = attention(state[:, None], memory, keys=attention.keys(memory))

    Reference: Bahdanau et al. 2015, arXiv 1409.0473, appendix A.1.2.
    """

    def __init__(self, units: int, *, coverage: bool = False, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units = units
        self.coverage = coverage
        policy = self.dtype_policy
        self.query_product = keras.layers.Dense(units, use_bias=False, dtype=policy, name="query")
        self.key_product = keras.layers.Dense(units, dtype=policy, name="key")
        self.compare = keras.layers.AdditiveAttention(dtype=policy, name="compare")

    def build(self, query_shape, memory_shape):
        """Builds the sub-layers."""
        self.query_product.build(query_shape)
        self.key_product.build(memory_shape)
        keys = (*memory_shape[:-1], self.units)
        self.compare.build([(*query_shape[:-1], self.units), memory_shape, keys])
        if self.coverage:
            self.had_weight = self.add_weight(name="coverage", shape=(self.units,), initializer="glorot_uniform")
        self.built = True

    def keys(self, memory):
        """Returns what is compared with queries, `(batch, places, units)`; the same for all of them."""
        return self.key_product(memory)

    def call(self, query, memory, memory_mask=None, keys=None, had=None):
        keys = self.keys(memory) if keys is None else keys
        if self.coverage and had is not None:
            keys = keys + ops.cast(had, keys.dtype)[..., None] * ops.cast(self.had_weight, keys.dtype)
        mask = None if memory_mask is None else [None, memory_mask]
        return self.compare([self.query_product(query), memory, keys], mask=mask, return_attention_scores=True)

    def compute_output_spec(self, query, memory, memory_mask=None, keys=None, had=None):
        """Returns shapes and dtypes of context and weights."""
        return attention_spec(query, memory, self.compute_dtype)

    def compute_mask(self, query, mask=None, *_, **__):
        """Passes no mask on: what is seen has no padding."""
        return None, None

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "units": self.units, "coverage": self.coverage}


def attention_spec(query, memory, dtype: str):
    """Returns what a functional model is told of context and weights."""
    front = query.shape[:2]
    return (keras.KerasTensor((*front, memory.shape[-1]), dtype), keras.KerasTensor((*front, memory.shape[1]), dtype))
