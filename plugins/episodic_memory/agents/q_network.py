"""Networks from observations to a value for each action."""

import ast
from collections.abc import Sequence

import keras
from keras import layers, ops

import ogbrain
from ogbrain.errors import UserError, one_line

from ..environments.environments import Spec
from ..layers.patch_convolution import PatchConvolution

NATURE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""Filters, size and stride of the convolutions of Mnih et al., 2015."""
SMALL = (16, 3)
"""Filters and size of the one of Young and Tian, 2019, for MinAtar."""


def build_encoder(spec: Spec, encoder: str = "", arguments: str = "", shape: Sequence[int] = ()) -> keras.Model:
    """Builds what makes flat features of observations.

    Pictures get convolutions, those of Mnih et al. (2015) from 36 pixels on and one of 16 filters below; anything else
    is taken as it is. Bytes are divided by 255, and stacks of frames, first axis, become channels.

    Args:
        spec: What observations are like.
        encoder: Registered name of a layer, `PLUGIN/LAYER`, to take instead.
        arguments: What the layer is made with, `"units=64, dropout=0.1"`.
        shape: What an observation is reshaped to before that layer, -1 for the rest; as it is if empty.

    Raises:
        UserError: The layer is unknown, or cannot be made or called so.

    Example:
        >>> build_encoder(Spec((10, 10, 4), np.dtype(bool), ("left", "right"))).output_shape
        (None, 1024)
    """
    inputs = keras.Input(spec.observation_shape, dtype=str(spec.observation_dtype), name="observations")
    policy = keras.config.dtype_policy()
    x = ops.cast(inputs, policy.compute_dtype)
    if spec.observation_dtype == "uint8":
        x = layers.Rescaling(1 / 255)(x)
    if encoder:
        x = _registered(x, encoder, arguments, shape)
    else:
        if spec.stacked > 1:
            x = layers.Permute((*range(2, len(spec.observation_shape) + 1), 1))(x)
        if len(spec.observation_shape) == 3:
            if min(x.shape[1:3]) < 36:
                x = PatchConvolution(*SMALL, activation="relu")(x)
            else:
                for filters, size, stride in NATURE:
                    x = layers.Conv2D(filters, size, stride, activation="relu")(x)
    return keras.Model(inputs, layers.Flatten()(x), name="encoder")


def build_q_network(encoder: keras.Model, actions: int, units: Sequence[int], dueling: bool = False) -> keras.Model:
    """Puts hidden layers and a value for each action on an encoder.

    Args:
        encoder: A model with flat features.
        actions: Number of actions.
        units: Of the hidden layers.
        dueling: Whether a value of the situation and advantages of the actions, less their mean, are added up, each
            with the last hidden layer of its own (Wang et al., 2016, equation 9).
    """
    x = encoder.output
    for size in units[:-1] if dueling else units:
        x = layers.Dense(size, activation="relu")(x)
    if dueling:
        streams = [layers.Dense(units[-1], activation="relu")(x) if units else x for _ in range(2)]
        value = layers.Dense(1, dtype="float32", name="value")(streams[0])
        advantages = layers.Dense(actions, dtype="float32", name="advantages")(streams[1])
        x = value + advantages - ops.mean(advantages, -1, keepdims=True)
    else:
        x = layers.Dense(actions, dtype="float32", name="values")(x)
    return keras.Model(encoder.input, x, name="q_network")


def _registered(x, name: str, arguments: str, shape: Sequence[int]):
    layer_class = ogbrain.layers.get(name, kind="encoder")
    try:
        call = ast.parse(f"f({arguments})", mode="eval").body
        values = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}  # type: ignore[attr-defined]
        layer = layer_class(**values)
    except Exception as error:
        raise UserError(
            f"config.encoder_arguments: {name} cannot be made with {arguments!r}: {one_line(error)}"
        ) from error
    try:
        return layer(layers.Reshape(tuple(shape))(x) if shape else x)
    except Exception as error:
        raise UserError(
            f"config.encoder: {name} does not take observations of shape {tuple(x.shape[1:])}, reshaped to "
            f"{tuple(shape) or 'nothing else'}: {one_line(error)}; another config.encoder_shape may help"
        ) from error
