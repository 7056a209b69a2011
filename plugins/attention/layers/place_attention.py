"""Where to look: the mean place of what a query finds on a map."""

import keras
from keras import ops


class PlaceAttention(keras.layers.Layer):
    """Attends to the cells of a map, and returns where it did.

    A cell's key is a product of its features, its row, its column and their squares, so that a query can ask for what
    is there, for what is left or above, and for what is near a place. Its salience, how unlike the other cells it is,
    is added with a weight of its own: so something is looked at before anything is learned, and the sharper the
    attention, the less is its mean between two things. What was looked at already can be inhibited, with a learned
    weight too: so the next glance falls on something else. The keys are made once for many queries.

    Args:
        units: Depth of queries and keys.
        salience: Weight of the salience at the start; it is learned.
        inhibition: Weight of what was looked at already at the start; it is learned. 0: it does not count.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `state`, `(batch, depth)`; `features`, a map, `(batch, rows, columns, depth)`; `keys`, what
        `keys_of(features)` gave, to spare the product; `seen`, `(batch, rows, columns)` in [0, 1], how much of each
        cell was looked at, as `seen_from` tells it; left out, nothing.

    Output: `(batch, 2)` float32, `(y, x)` in [-1, 1]: the mean of the cells' middles by the softmax of their scores.

    Example:
        >>> attention = PlaceAttention(units=32)
        >>> attention(np.ones((4, 128)), np.ones((4, 12, 12, 16))).shape
        TensorShape([4, 2])

    Reference: salience as what stands out from its surround, and inhibition of return, Itti, Koch & Niebur 1998, A
        Model of Saliency-Based Visual Attention for Rapid Scene Analysis, doi:10.1109/34.730558; scores as in Vaswani
        et al. 2017, Attention Is All You Need, arXiv 1706.03762, section 3.2.1; places as in Levine et al. 2016,
        End-to-End Training of Deep Visuomotor Policies, arXiv 1504.00702, section 5.1.
    """

    def __init__(self, units: int = 32, salience: float = 8.0, inhibition: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units = units
        self.salience = salience
        self.inhibition = inhibition
        self.query = keras.layers.Dense(units, dtype=self.dtype_policy, name="query")
        self.key = keras.layers.Dense(units, use_bias=False, dtype=self.dtype_policy, name="key")

    def build(self, state_shape, features_shape):
        """Builds both products."""
        self.query.build(state_shape)
        self.key.build((*features_shape[:3], features_shape[3] + 4))
        initial = keras.initializers.Constant
        self.salience_weight = self.add_weight(
            shape=(), initializer=initial(self.salience), dtype="float32", autocast=False, name="salience"
        )
        self.inhibition_weight = None
        if self.inhibition:
            self.inhibition_weight = self.add_weight(
                shape=(), initializer=initial(self.inhibition), dtype="float32", autocast=False, name="inhibition"
            )
        super().build(state_shape)

    def keys_of(self, features):
        """Returns the keys of a map, `(batch, rows, columns, depth)` to `(batch, rows, columns, units + 1)`."""
        rows, columns = features.shape[1:3]
        places = middles(rows, columns)
        where = ops.concatenate([places, ops.square(places)], axis=-1)
        where = ops.broadcast_to(where, (ops.shape(features)[0], rows, columns, 4))
        keys = self.key(ops.concatenate([features, ops.cast(where, features.dtype)], axis=-1))
        unlike = ops.abs(features - ops.mean(features, axis=(1, 2), keepdims=True))
        unlike = ops.mean(unlike, axis=-1, keepdims=True)
        salience = unlike / (ops.max(unlike, axis=(1, 2), keepdims=True) + 1e-6)
        return ops.concatenate([keys, salience], axis=-1)

    def call(self, state, features, keys=None, seen=None):
        keys = self.keys_of(features) if keys is None else keys
        rows, columns = keys.shape[1:3]
        scores = ops.einsum("bu,brcu->brc", self.query(state), keys[..., :-1]) * self.units**-0.5
        # Places are numbers of pixels: float32 at any precision.
        scores = ops.cast(scores, "float32") + self.salience_weight * ops.cast(keys[..., -1], "float32")
        if self.inhibition_weight is not None and seen is not None:
            scores = scores - self.inhibition_weight * ops.cast(seen, "float32")
        weights = ops.softmax(ops.reshape(scores, (-1, rows * columns)))
        return ops.matmul(weights, ops.reshape(middles(rows, columns), (-1, 2)))

    def multiply_adds(self, rows: int, columns: int, queries: int) -> int:
        """Returns the multiply-adds for some queries of one map; the layer must be built."""
        keys = rows * columns * self.key.kernel.shape[0] * self.units
        return keys + queries * (self.query.kernel.shape[0] + rows * columns) * self.units

    def compute_output_shape(self, state_shape, features_shape):
        """Returns `(batch, 2)`."""
        return (state_shape[0], 2)

    def compute_output_spec(self, state, features, keys=None, seen=None):
        """Returns the shape, float32 whatever the dtype policy."""
        return keras.KerasTensor((state.shape[0], 2), dtype="float32")

    def get_config(self):
        """Returns the arguments of `__init__`."""
        names = ("units", "salience", "inhibition")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def seen_from(locations, reach, rows: int, columns: int):
    """Returns how much of each cell is seen from a place.

    Args:
        locations: `(batch, 2)` float32, `(y, x)` in [-1, 1].
        reach: The distance, `(y, x)`, at which it is exp(-1/2), in the same units.
        rows: Rows of the map.
        columns: Its columns.

    Returns:
        `(batch, rows, columns)` float32, 1 at the place itself.
    """
    apart = (middles(rows, columns) - locations[:, None, None]) / reach
    return ops.exp(-0.5 * ops.sum(ops.square(apart), axis=-1))


def middles(rows: int, columns: int):
    """Returns the middle of each cell of a map, `(rows, columns, 2)` float32, from -1 to 1 as locations are."""
    row, column = ((2 * ops.arange(count, dtype="float32") + 1) / count - 1 for count in (rows, columns))
    return ops.stack(ops.meshgrid(row, column, indexing="ij"), axis=-1)
