"""Conversion of recurrent layers from and to those of Keras, weights included."""

import keras

from .layers.bidirectional import MERGES, Bidirectional
from .layers.gru import GRU
from .layers.lstm import LSTM
from .layers.recurrent_layer import RecurrentLayer
from .layers.simple_rnn import SimpleRNN

KINDS: dict[type[keras.layers.Layer], type[RecurrentLayer]] = {
    keras.layers.LSTM: LSTM, keras.layers.GRU: GRU, keras.layers.SimpleRNN: SimpleRNN}
# What Keras has no counterpart of, and the values with which it is not used.
_OWN = {"zoneout": 0.0, "layer_norm": False, "learned_initial_state": False, "peepholes": False,
        "coupled_gates": False, "projection": 0}
_SHARED = ("name", "trainable", "dtype", "units", "activation", "recurrent_activation", "use_bias",
           "kernel_initializer", "recurrent_initializer", "bias_initializer", "kernel_regularizer",
           "recurrent_regularizer", "bias_regularizer", "dropout", "recurrent_dropout", "return_sequences",
           "return_state", "go_backwards", "zero_output_for_mask", "unit_forget_bias", "reset_after", "seed")


def from_keras(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Makes the layer of this plugin that computes what `layer` does.

    Args:
        layer: A `keras.layers.LSTM`, `GRU`, `SimpleRNN`, or `Bidirectional` of one of them.

    Returns:
        A layer with the same arguments, and with the same weights if `layer` has been built.

    Raises:
        ValueError: The layer is of another kind, stateful, or has a constraint on its weights.

    Example:
        >>> fast = from_keras(model.get_layer("lstm"))
    """
    if isinstance(layer, keras.layers.Bidirectional):
        if layer.merge_mode not in (*MERGES, "ave"):
            raise ValueError(f"layer {layer.name!r}: merge_mode {layer.merge_mode!r} has no counterpart")
        mode = "mean" if layer.merge_mode == "ave" else layer.merge_mode
        result = Bidirectional(_recurrent(layer.forward_layer), merge_mode=mode, name=layer.name)
    else:
        result = _recurrent(layer)
    if layer.built:
        inner = layer.forward_layer if isinstance(layer, keras.layers.Bidirectional) else layer
        result.build((None, None, inner.cell.kernel.shape[0]))
        result.set_weights(layer.get_weights())
    return result


def to_keras(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Makes the Keras layer that computes what `layer` does.

    Args:
        layer: An `LSTM`, `GRU`, `SimpleRNN`, or `Bidirectional` of one of them, of this plugin.

    Returns:
        A layer with the same arguments, and with the same weights if `layer` has been built.

    Raises:
        ValueError: The layer is of another kind, or a variant that Keras does not have.
    """
    if isinstance(layer, Bidirectional):
        mode = "ave" if layer.merge_mode == "mean" else layer.merge_mode
        result = keras.layers.Bidirectional(_stock(layer.layer), merge_mode=mode, name=layer.name)
        inner = layer.layer
    else:
        result, inner = _stock(layer), layer
    if layer.built:
        result.build((None, None, inner.kernel.shape[0]))
        result.set_weights(layer.get_weights())
    return result


def _recurrent(layer):
    kind = KINDS.get(type(layer))
    if kind is None:
        raise ValueError(f"layer {layer.name!r} is a {type(layer).__name__}; only LSTM, GRU, SimpleRNN convert")
    config = layer.get_config()
    for name in ("stateful", "kernel_constraint", "recurrent_constraint", "bias_constraint"):
        if config.get(name):
            raise ValueError(f"layer {layer.name!r}: {name} has no counterpart")
    return kind.from_config({name: config[name] for name in _SHARED if config.get(name) is not None})


def _stock(layer):
    stock = {kind: stock for stock, kind in KINDS.items()}.get(type(layer))
    if stock is None:
        raise ValueError(f"layer {layer.name!r} is a {type(layer).__name__}; only LSTM, GRU, SimpleRNN convert")
    config = layer.get_config()
    for name, unused in _OWN.items():
        if config.get(name, unused) != unused:
            raise ValueError(f"layer {layer.name!r}: Keras has no {name}")
    known = stock(1).get_config()
    return stock.from_config({name: config[name] for name in _SHARED if name in config and name in known})
