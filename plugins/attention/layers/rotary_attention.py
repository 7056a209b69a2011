"""Multi-head attention with rotary positions, grouped queries and a cache."""

import functools

import keras
from keras import ops


class RotaryAttention(keras.layers.GroupQueryAttention):
    """`keras.layers.GroupQueryAttention` with rotary positions and a cache of keys and values for decoding.

    Queries and keys of self-attention are turned by angles that grow with their place, so their product depends on the
    distance between them; attention to another sequence has no such distance and is left as it is. With as many
    key-value heads as query heads it is multi-head attention, with one it is multi-query attention.

    Args:
        head_dim: Depth of a head, even.
        num_query_heads: Query heads.
        num_key_value_heads: Key and value heads, each for as many query heads.
        causal: Each place sees itself and those before it.
        window: Each place sees so many places at most, itself among them, in each direction it may look; 0: all.
        rotary: Whether positions count.
        base: Of the angles `base ** (-2 k / head_dim)`.
        **kwargs: Of `keras.layers.GroupQueryAttention`.

    Input: `query`, `(batch, places, depth)`; `value`, `(batch, others, depth)`, the other sequence, left out for
        self-attention; `value_mask`, `(batch, others)` bool, what can be seen; in self-attention `mask`, which Keras
        gives by itself, says so too.

    Output: `(batch, places, depth)`, and the weights, `(batch, query heads, places, others)`.

    Example:
        >>> attention = RotaryAttention(16, 4, 2, causal=True)
        >>> outputs, weights = attention(inputs)
        >>> cache = attention.empty_cache(batch, longest=64)
        >>> output, cache = attention.step(inputs[:, 0], cache, 0)

    References: Su et al. 2021, arXiv 2104.09864; Ainslie et al. 2023, arXiv 2305.13245; Beltagy et al. 2020, arXiv
        2004.05150 (windows).
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        *,
        causal: bool = False,
        window: int = 0,
        rotary: bool = True,
        base: float = 10_000.0,
        **kwargs,
    ):
        if min(head_dim, num_query_heads, num_key_value_heads) < 1:
            raise ValueError(
                f"head_dim and the numbers of heads must be at least 1, got {head_dim}, {num_query_heads} and "
                f"{num_key_value_heads}"
            )
        for name in ("sliding_window", "use_gate"):
            if kwargs.get(name):
                raise ValueError(f"{name} is not allowed here{'; window' if name == 'sliding_window' else ''}")
        super().__init__(head_dim, num_query_heads, num_key_value_heads, **kwargs)
        if head_dim % 2:
            raise ValueError(f"head_dim must be even, got {head_dim}")
        if window < 0:
            raise ValueError(f"window must be at least 0, got {window}")
        self.causal = causal
        self.window = window
        self.rotary = rotary
        self.base = base
        self._return_attention_scores = True

    def build(self, query_shape, value_shape=None):
        """Builds the products."""
        super().build(query_shape, query_shape if value_shape is None else value_shape)

    def call(self, query, value=None, value_mask=None, mask=None, training=False):
        own = value is None
        if own and value_mask is None:
            value_mask = mask
        keys, values = self.project(query if own else value, own)
        queries = self._query_dense(query)
        masks = [] if value_mask is None else [ops.cast(value_mask, "bool")[:, None]]
        if own:
            places = ops.arange(ops.shape(query)[1])
            queries = self._turn(queries, places) if self.rotary else queries
            distance = places[:, None] - places[None]
            masks += [(distance >= 0)[None]] * self.causal
            masks += [(ops.abs(distance) < self.window)[None]] * bool(self.window)
        mask = functools.reduce(ops.logical_and, masks) if masks else None
        return self._attend(queries, keys, values, mask, training)

    def project(self, value, own: bool = False):
        """Returns keys and values, `(batch, others, key-value heads, head_dim)` each.

        Args:
            value: `(batch, others, depth)`.
            own: Whether they are those of self-attention, which rotary positions turn.
        """
        keys = self._key_dense(value)
        if own and self.rotary:
            keys = self._turn(keys, ops.arange(ops.shape(value)[1]))
        return keys, self._value_dense(value)

    def look(self, query, keys, values, mask=None):
        """Attends to keys and values that `project` gave; `mask` is `(batch, others)` bool."""
        mask = None if mask is None else ops.cast(mask, "bool")[:, None]
        return self._attend(self._query_dense(query), keys, values, mask, False)

    def empty_cache(self, batch, longest):
        """Returns room for the keys and values of `longest` places, `(batch, longest, heads, head_dim)` each."""
        shape = (batch, longest, self.num_key_value_heads, self.head_dim)
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def step(self, inputs, cache, place):
        """Reads one place of causal self-attention, at a cost that does not grow with the places before it.

        Args:
            inputs: `(batch, depth)`.
            cache: From `empty_cache` or the last step.
            place: Its number, from 0, `()` int32.

        Returns:
            The output, `(batch, depth)`, and the cache with this place.
        """
        inputs = inputs[:, None]
        here = ops.reshape(ops.cast(place, "int32"), (1,))
        queries, new = self._query_dense(inputs), self._key_dense(inputs)
        if self.rotary:
            queries, new = self._turn(queries, here), self._turn(new, here)
        others = ops.arange(ops.shape(cache[0])[1])
        written = (others == here[0])[None, :, None, None]
        keys = ops.where(written, new, cache[0])
        values = ops.where(written, self._value_dense(inputs), cache[1])
        mask = others <= here[0]
        if self.window:
            mask = ops.logical_and(mask, others > here[0] - self.window)
        output, _ = self._attend(queries, keys, values, mask[None, None], False)
        return output[:, 0], (keys, values)

    def _attend(self, queries, keys, values, mask, training):
        keys, values = (ops.repeat(part, self.num_repeats, axis=2) for part in (keys, values))
        output, weights = self._compute_attention(queries, keys, values, attention_mask=mask, training=training)
        return self._output_dense(output), weights

    def _turn(self, x, places):
        """Turns the two halves of each head, `(batch, places, heads, head_dim)`, as the parts of complex numbers."""
        half = self.head_dim // 2
        speeds = self.base ** (-ops.arange(half, dtype="float32") / half)
        angles = ops.cast(places, "float32")[:, None] * speeds
        cos, sin = (ops.cast(part, x.dtype)[None, :, None] for part in (ops.cos(angles), ops.sin(angles)))
        real, imaginary = x[..., :half], x[..., half:]
        return ops.concatenate([real * cos - imaginary * sin, real * sin + imaginary * cos], -1)

    def compute_output_spec(self, query, value=None, value_mask=None, mask=None, training=False):
        """Returns shapes and dtypes of output and weights."""
        others = (query if value is None else value).shape[1]
        weights = (query.shape[0], self.num_query_heads, query.shape[1], others)
        return keras.KerasTensor(query.shape, self.compute_dtype), keras.KerasTensor(weights, self.compute_dtype)

    def compute_output_shape(self, query_shape, value_shape=None):
        """Returns the shapes of output and weights."""
        others = (query_shape if value_shape is None else value_shape)[1]
        return query_shape, (query_shape[0], self.num_query_heads, query_shape[1], others)

    def compute_mask(self, query, mask=None, *_, **__):
        """Passes the query's mask on with the outputs, none with the weights."""
        return mask, None

    def get_config(self):
        """Returns the arguments of `__init__`."""
        names = ("causal", "window", "rotary", "base")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
