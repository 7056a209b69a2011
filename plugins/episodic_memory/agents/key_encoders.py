"""What makes keys of observations."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from ..environments.environments import Spec
from .q_network import build_encoder


def projection_encoder(spec: Spec, depth: int, seed: int) -> keras.Model:
    """Builds a fixed Gaussian projection, which keeps distances nearly as they are.

    Args:
        spec: What observations are like; bytes are divided by 255.
        depth: Length of a key.
        seed: Of the projection.

    Source: Johnson and Lindenstrauss, 1984; keys of Blundell et al., 2016, arXiv:1606.04460, section 3.
    """
    inputs = keras.Input(spec.observation_shape, dtype=str(spec.observation_dtype), name="observations")
    x = layers.Flatten()(ops.cast(inputs, "float32"))
    if spec.observation_dtype == "uint8":
        x = layers.Rescaling(1 / 255)(x)
    gaussian = keras.initializers.RandomNormal(stddev=depth**-0.5, seed=seed)
    projection = layers.Dense(depth, use_bias=False, kernel_initializer=gaussian, trainable=False, name="keys")
    return keras.Model(inputs, projection(x), name="projection")


def learned_encoder(spec: Spec, units: Sequence[int], depth: int) -> keras.Model:
    """Builds an encoder that is learned: convolutions for pictures, hidden layers, a linear layer of `depth`."""
    features = build_encoder(spec)
    x = features.output
    for size in units:
        x = layers.Dense(size, activation="relu")(x)
    return keras.Model(features.input, layers.Dense(depth, dtype="float32", name="keys")(x), name="key_encoder")
