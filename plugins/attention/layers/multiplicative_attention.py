"""Multiplicative attention: products of the query with each place of the memory."""

import keras

from .additive_attention import attention_spec

SCORES = ("dot", "general")


class MultiplicativeAttention(keras.layers.Layer):
    """Luong's attention, `softmax(q . m)` or `softmax(q . W m)`, with the products `W m` computed once.

    The comparison itself is `keras.layers.Attention`. The third score of the paper, `concat`, is `AdditiveAttention`.

    Args:
        score: `"dot"`, for which query and memory are of one depth, or `"general"`.
        **kwargs: Of `keras.layers.Layer`.

    Input and output are those of `AdditiveAttention`, without coverage.

    Example:
        >>> context, weights = MultiplicativeAttention("general")(states, memory, memory_mask=mask)

    Reference: Luong et al. 2015, arXiv 1508.04025, equation 8.
    """

    coverage = False

    def __init__(self, score: str = "general", **kwargs):
        super().__init__(**kwargs)
        if score not in SCORES:
            raise ValueError(f"score must be one of {SCORES}, got {score!r}; concat is AdditiveAttention")
        self.score = score
        self.compare = keras.layers.Attention(dtype=self.dtype_policy, name="compare")

    def build(self, query_shape, memory_shape):
        """Builds the product of the keys."""
        if self.score == "general":
            self.key_product = keras.layers.Dense(
                query_shape[-1], use_bias=False, dtype=self.dtype_policy, name="key"
            )
            self.key_product.build(memory_shape)
        elif query_shape[-1] != memory_shape[-1]:
            raise ValueError(
                f"score 'dot' needs query and memory of one depth, got {query_shape[-1]} and {memory_shape[-1]}; "
                "'general' takes any"
            )
        self.compare.build([query_shape, memory_shape, (*memory_shape[:-1], query_shape[-1])])
        self.built = True

    def keys(self, memory):
        """Returns what is multiplied with queries, `(batch, places, query depth)`; the same for all of them."""
        return self.key_product(memory) if self.score == "general" else memory

    def call(self, query, memory, memory_mask=None, keys=None):
        keys = self.keys(memory) if keys is None else keys
        mask = None if memory_mask is None else [None, memory_mask]
        return self.compare([query, memory, keys], mask=mask, return_attention_scores=True)

    def compute_output_spec(self, query, memory, memory_mask=None, keys=None):
        """Returns shapes and dtypes of context and weights."""
        return attention_spec(query, memory, self.compute_dtype)

    def compute_mask(self, query, mask=None, *_, **__):
        """Passes no mask on: what is seen has no padding."""
        return None, None

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "score": self.score}
