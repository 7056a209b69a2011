"""Finds a pretrained network by what the config says."""

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import ogbrain
from ogbrain.errors import UserError, nearest, unknown_name
from ogbrain.paths import user_path

from .backbone import Backbone, even_groups
from .efficientnet_lite import efficientnet_lite

FORMS = (
    "efficientnet_lite/lite0 (lite1, lite2)", "applications:NAME[:WEIGHTS_FILE]", "hub:PRESET", "run:RUN_FOLDER",
    "file:MODEL.keras", "file:SAVED_MODEL_FOLDER", "PLUGIN/LAYER, an image encoder",
)  # fmt: skip

_FIXED = {"NASNetMobile": 224, "NASNetLarge": 331}
"""Applications whose padding is right for pictures of one size only, in pixels."""
LAYER_UNITS = 256
"""Depth of the features of a plugin's layer."""


def find_backbone(name: str, pretrained: bool = True, data_dir: str = "", size: int = 0) -> Backbone:
    """Returns the network that a name means.

    Args:
        name: One of `FORMS`. `applications` are those of Keras: with ImageNet weights off the web, or those of a file.
            `hub` is a preset of KerasHub, a name or a local folder. `run` is the folder of a run, whose own backbone
            or whole model up to its last map of features is taken. `file` is a model that Keras saved, or a
            SavedModel, which cannot be trained further. A plugin's layer, of the kind `image_encoder`, has weights of
            its own only by training.
        pretrained: False builds it with random weights where it can be built so.
        data_dir: Folder of all data.
        size: Height and width of the pictures, for a layer, which may take only one size; 0 is 64.

    Raises:
        UserError: There is nothing of that name, or it is not a network of pictures.

    Example:
        >>> backbone = find_backbone("efficientnet_lite/lite0")
    """
    kind, separator, rest = name.partition(":")
    if not separator:
        family, slash, variant = name.partition("/")
        if family == "efficientnet_lite":
            return efficientnet_lite(variant or "lite0", pretrained, data_dir)
        if slash:
            return _layer(name, pretrained, size or 64)
        raise UserError(f"config.backbone: {name!r} is not allowed; one of: {', '.join(FORMS)}")
    kinds = {"applications": _application, "hub": _hub, "run": _run, "file": _file}
    if kind not in kinds:
        raise unknown_name("kind of config.backbone", kind, kinds)
    if not pretrained and not can_be_trained(name):
        raise UserError(f"config.weights: random is not allowed with the SavedModel {name!r}; pretrained")
    return kinds[kind](rest, pretrained)


def can_be_trained(name: str) -> bool:
    """Whether the network that a name means can be trained, which a SavedModel cannot."""
    kind, _, rest = name.partition(":")
    return kind != "file" or not user_path(rest).is_dir()


def _layer(name: str, pretrained: bool, size: int) -> Backbone:
    layer_class = ogbrain.layers.get(name, kind="image_encoder")
    if pretrained:
        raise UserError(f"config.weights: pretrained is not allowed with the layer {name!r}, which has none; random")
    inputs = keras.Input((size, size, 3), name="image")
    layer = layer_class(units=LAYER_UNITS)
    features = layer(keras.layers.Rescaling(1 / 255)(inputs))
    return Backbone(keras.Model(inputs, features, name="backbone"), [[layer]], size)


def _application(rest: str, pretrained: bool) -> Backbone:
    name, _, file = rest.partition(":")
    known = [key for key, value in vars(keras.applications).items() if callable(value) and key[0].isupper()]
    if name not in known:
        raise unknown_name("network of keras.applications", name, known)
    build = getattr(keras.applications, name)
    module = importlib.import_module(build.__module__)
    if file and not user_path(file).exists():
        raise UserError(f"config.backbone: {user_path(file)}: there is no such file of weights")
    weights = str(user_path(file)) if file else "imagenet"
    hint = "the web is needed, or a file: applications:NAME:FILE"
    if file:
        hint = "weights without the classifier are needed"
    side = _FIXED.get(name)
    inner = _loaded(
        lambda: build(include_top=False, weights=weights if pretrained else None, input_shape=(side, side, 3)),
        f"weights of {name}",
        hint,
    )
    inputs = keras.Input((side, side, 3), name="image")
    # Their preprocessing may write into its argument, hence the copy.
    prepared = keras.layers.Lambda(lambda x: module.preprocess_input(x + 0.0), name="preprocess")(inputs)
    return Backbone(keras.Model(inputs, inner(prepared), name="backbone"), even_groups(inner), side or 224)


def _loaded(load: Callable[[], keras.Model], source: str, hint: str = "") -> keras.Model:
    """Returns a model that Keras loads, once it is known that all its weights came along and are numbers."""
    try:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            model = load()
    except Exception as error:
        raise UserError(
            f"config.backbone: {source}: cannot be loaded ({_reason(error)})" + (f"; {hint}" if hint else "")
        ) from error
    for warning in heard:
        if "no matching group" in str(warning.message):  # what the file lacks, Keras would leave random
            raise UserError(f"config.backbone: {source}: {' '.join(str(warning.message).split())}")
    for variable in model.variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            raise UserError(f"config.backbone: {source}: {variable.path} holds numbers that are not finite")
    return model


def _hub(rest: str, pretrained: bool) -> Backbone:
    try:
        keras_hub = importlib.import_module("keras_hub")
    except ImportError:
        raise UserError("config.backbone: hub:PRESET needs KerasHub: pip install keras-hub") from None
    try:
        inner = keras_hub.models.Backbone.from_preset(rest, load_weights=pretrained)
        convert = keras_hub.layers.ImageConverter.from_preset(rest)
    except Exception as error:
        raise UserError(f"config.backbone: hub:{rest}: {_reason(error)}") from error
    inputs = keras.Input((None, None, 3), name="image")
    return Backbone(keras.Model(inputs, inner(convert(inputs)), name="backbone"), even_groups(inner), 224)


def _run(rest: str, pretrained: bool) -> Backbone:
    from ogbrain.training.saved_run import SavedRun

    experiment = SavedRun(user_path(rest)).experiment
    names = [layer.name for layer in getattr(experiment.model, "layers", [])]
    if "backbone" in names:
        model = experiment.model.get_layer("backbone")
        groups = getattr(getattr(experiment, "backbone", None), "groups", None) or even_groups(model)
        backbone = Backbone(model, groups, getattr(getattr(experiment, "backbone", None), "size", 0))
    else:
        backbone = _up_to_features(experiment.model, f"run:{rest}")
    return backbone if pretrained else _forgetful(backbone)


def _forgetful(backbone: Backbone) -> Backbone:
    """Gives the layers that can be trained new random weights."""
    for layer in [layer for group in backbone.groups for layer in group]:
        fresh = layer.__class__.from_config(layer.get_config())
        fresh.build(layer.input.shape)
        layer.set_weights(fresh.get_weights())
    return backbone


def _file(rest: str, pretrained: bool) -> Backbone:
    path = user_path(rest)
    if path.is_dir() and (path / "saved_model.pb").exists():
        return _saved_model(path)
    if not path.is_file() or path.suffix not in (".keras", ".h5"):
        beside = [entry.name for entry in path.parent.glob("*") if entry != path]
        near = nearest(path.name, beside)
        raise UserError(
            f"config.backbone: {path}: is neither a .keras file nor a SavedModel's folder"
            + (f"; did you mean {near!r}?" if near else "")
        )
    model = _loaded(lambda: keras.models.load_model(path, compile=False), str(path))
    backbone = _up_to_features(model, str(path))
    return backbone if pretrained else _forgetful(backbone)


def _reason(error: Exception) -> str:
    """Returns Keras' message in one line, without its list of all that does not fit: the first has its shapes."""
    text = str(error).partition("List of objects that could not be loaded")[0]
    return " ".join(text.split())[:400] or type(error).__name__


def _saved_model(path: Path) -> Backbone:
    """Returns what a signature of colour pictures gives: its `features`, else its first numbers."""
    import tensorflow as tf

    try:
        signatures = tf.saved_model.load(str(path)).signatures
    except Exception as error:  # TensorFlow has one of its own for each kind of damage
        raise UserError(f"config.backbone: {path}: cannot be loaded ({_reason(error)})") from error
    taken = {name: list(found.structured_input_signature[1].values()) for name, found in signatures.items()}
    for name in sorted(taken, key=lambda name: (name != "features", name != "serving_default")):
        fits = [spec for spec in taken[name] if spec.dtype.is_floating and spec.shape.rank == 4 and spec.shape[-1] == 3]
        numbers = [key for key, made in signatures[name].structured_outputs.items() if made.dtype.is_floating]
        if numbers and fits and len(taken[name]) == 1:
            shape = tuple(fits[0].shape[1:])
            inputs = keras.Input(shape, name="image")
            layer = keras.layers.TFSMLayer(str(path), call_endpoint=name)
            outputs = layer(inputs)["features" if "features" in numbers else numbers[0]]
            return Backbone(keras.Model(inputs, outputs, name="backbone"), [], shape[0] or 0)
    raise UserError(
        f"config.backbone: {path}: no signature takes colour pictures, floats of (batch, height, width, 3), and gives "
        f"numbers; it has: {', '.join(taken) or 'none'}"
    )


def _up_to_features(model: keras.Model, source: str) -> Backbone:
    """Cuts a model after its last map of features, or before its last dense layer."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise UserError(f"config.backbone: {source}: is not a model whose layers are known; a Functional one is needed")
    shape = model.inputs[0].shape
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] != 3:
        takes = [tuple(given.shape) for given in model.inputs]
        raise UserError(f"config.backbone: {source}: takes {takes}; colour pictures (None, height, width, 3)")
    made = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    maps = [layer for layer in made if len(getattr(layer.output, "shape", ())) == 4]
    dense = [number for number, layer in enumerate(made) if isinstance(layer, keras.layers.Dense)]
    if maps:
        output = maps[-1].output
    else:
        output = made[dense[-1] - 1].output if dense and dense[-1] else made[-1].output
    cut = keras.Model(model.inputs[0], output, name="backbone")
    return Backbone(cut, even_groups(cut), shape[1] or 0)
