"""The part of a network that is new: from features to scores of classes."""

import keras
import numpy as np
from keras import ops

POOLINGS = ("average", "generalized_mean", "attention")
NORMALIZATIONS = ("none", "layer", "unit")
KINDS = ("linear", "cosine", "mlp")


class TransferHead(keras.layers.Layer):
    """Pools a map of features and scores classes.

    Pooling over places: `average`; `generalized_mean`, `mean(max(x, eps)^p)^(1/p)` with a learned `p` from 3 on,
    between average and maximum (arXiv 1711.02512); or `attention`, an average weighted by a softmax of learned scores.
    Then normalisation, dropout, and scores: a `linear` layer, `cosine` similarities to a learned vector of each class
    times a learned scale (arXiv 1804.09458), or an `mlp` with one hidden layer.

    Args:
        classes: Number of classes.
        pooling: One of `POOLINGS`; features that have no places are taken as they are.
        normalization: `none`, `layer` or `unit` (length 1).
        dropout: Share of the pooled features that is dropped in training.
        kind: One of `KINDS`.
        units: Depth of the hidden layer of `mlp`.
        seed: Seed of weights and dropout.
        **kwargs: Those of Keras layers.

    Example:
        >>> TransferHead(10)(ops.ones((2, 7, 7, 1280))).shape
        (2, 10)
    """

    def __init__(
        self,
        classes: int,
        pooling: str = "average",
        normalization: str = "none",
        dropout: float = 0.2,
        kind: str = "linear",
        units: int = 256,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value, known in (
            ("pooling", pooling, POOLINGS), ("normalization", normalization, NORMALIZATIONS), ("kind", kind, KINDS),
        ):  # fmt: skip
            if value not in known:
                raise ValueError(f"{name}: {value!r} is not allowed; one of {', '.join(known)}")
        self.classes, self.pooling, self.normalization = classes, pooling, normalization
        self.dropout, self.kind, self.units, self.seed = dropout, kind, units, seed
        inner = {"dtype": self.dtype_policy}
        dense = {"kernel_initializer": keras.initializers.GlorotUniform(seed), **inner}
        self._drop = keras.layers.Dropout(dropout, seed=seed, **inner)
        self._normalize = keras.layers.LayerNormalization(**inner) if normalization == "layer" else None
        self._hidden = keras.layers.Dense(units, "gelu", **dense) if kind == "mlp" else None
        self._linear = None if kind == "cosine" else keras.layers.Dense(classes, **dense)

    def build(self, shape):
        depth = shape[-1]
        if len(shape) == 4 and self.pooling == "generalized_mean":
            self.power = self.add_weight(shape=(), initializer=keras.initializers.Constant(3.0), name="power")
        if len(shape) == 4 and self.pooling == "attention":
            initializer = keras.initializers.GlorotUniform(self.seed)
            self.query = self.add_weight(shape=(depth, 1), initializer=initializer, name="query")
        if self._normalize:
            self._normalize.build((None, depth))
        if self._hidden:
            self._hidden.build((None, depth))
        if self._linear:
            self._linear.build((None, self.units if self._hidden else depth))
        else:
            initializer = keras.initializers.GlorotUniform(self.seed)
            self.directions = self.add_weight(shape=(depth, self.classes), initializer=initializer, name="directions")
            # Cosines lie in [-1, 1]: without a scale the softmax of many classes could never be sure.
            self.log_scale = self.add_weight(
                shape=(), initializer=keras.initializers.Constant(np.log(16.0)), name="log_scale"
            )

    def reduce(self, features):
        """Does what of the pooling has no weights, so that a cache of features is as small as may be."""
        return ops.mean(features, (1, 2)) if len(features.shape) == 4 and self.pooling == "average" else features

    def pool(self, features):
        """Returns `(batch, depth)`: pooled features."""
        if len(features.shape) != 4 or self.pooling == "average":
            return self.reduce(features)
        if self.pooling == "generalized_mean":
            power = ops.clip(self.power, 1.0, 10.0)
            return ops.mean(ops.maximum(features, 1e-6) ** power, (1, 2)) ** (1.0 / power)
        places = ops.reshape(features, (ops.shape(features)[0], -1, features.shape[3]))
        scores = ops.softmax(ops.matmul(places, ops.cast(self.query, places.dtype)) / places.shape[-1] ** 0.5, axis=1)
        return ops.sum(places * scores, 1)

    def call(self, features, training=False):
        pooled = self.pool(features)
        if self._normalize:
            pooled = self._normalize(pooled)
        elif self.normalization == "unit":
            pooled = ops.normalize(pooled, axis=-1)
        pooled = self._drop(pooled, training=training)
        if self._hidden:
            pooled = self._hidden(pooled)
        if self._linear:
            return self._linear(pooled)
        directions = ops.cast(ops.normalize(self.directions, axis=0), pooled.dtype)
        return ops.matmul(ops.normalize(pooled, axis=-1), directions) * ops.cast(ops.exp(self.log_scale), pooled.dtype)

    def compute_output_shape(self, shape):
        return (shape[0], self.classes)

    def get_config(self):
        names = ("classes", "pooling", "normalization", "dropout", "kind", "units", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
