"""Layers over time on top of each other."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from .bidirectional import Bidirectional
from .sequence_layer import SequenceLayer, specs


class Stacked(keras.layers.Layer):
    """A stack of layers over time, with residual connections and dropout between them.

    The state is one flat list: that of the first layer, then of the second, and so on.

    Args:
        layers: Layers of this plugin, the lowest first; all but the last must return sequences.
        residual: Add the input of a layer to its output, where their depths are the same (arXiv 1609.08144).
        dropout: Part of the input of each layer but the first that is dropped.
        **kwargs: Of `keras.layers.Layer`.

    Raises:
        ValueError: There is no layer, one is of another kind, or one below the last returns no sequences.

    Example:
        >>> layer = Stacked([LSTM(64, return_sequences=True), LSTM(64, return_sequences=True)], residual=True)
        >>> layer(tf.zeros((8, 100, 64))).shape
        TensorShape([8, 100, 64])
    """

    def __init__(self, layers: Sequence[keras.layers.Layer], *, residual: bool = False, dropout: float = 0.0,
                 return_state: bool = False, **kwargs):
        super().__init__(**kwargs)
        if not layers:
            raise ValueError("layers must hold at least one layer")
        for layer in layers:
            if not isinstance(layer, SequenceLayer | Bidirectional):
                raise ValueError(f"layers must be layers over time of this plugin, not {type(layer).__name__}")
            inner = layer.layer if isinstance(layer, Bidirectional) else layer
            if layer is not layers[-1] and not inner.return_sequences:
                raise ValueError(f"layer {layer.name!r} is below another and must have return_sequences=True")
            if inner.return_state:
                raise ValueError(f"layer {layer.name!r} must not have return_state=True; the stack's own decides")
        self.layers = list(layers)
        self.residual = residual
        self.dropout = dropout
        self.return_state = return_state
        self.dropouts = [keras.layers.Dropout(dropout) for _ in layers[1:]]
        self.supports_masking = True

    def build(self, input_shape):
        for layer in self.layers:
            if not layer.built:
                layer.build(input_shape)
            input_shape = (*input_shape[:2], layer.output_size)
        self.built = True

    @property
    def _steppable(self) -> bool:
        return all(isinstance(layer, SequenceLayer) for layer in self.layers)

    @property
    def state_sizes(self) -> list[int]:
        """Sizes of the tensors of the state."""
        return [size for layer in self.layers for size in self._sizes(layer)]

    def _sizes(self, layer):
        return layer.layer.state_sizes * 2 if isinstance(layer, Bidirectional) else layer.state_sizes

    @property
    def output_size(self) -> int:
        """Depth of the output."""
        return self.layers[-1].output_size

    def get_initial_state(self, batch_size) -> list[tf.Tensor]:
        """Returns the state before the first step, tensors of shape `(batch_size, size)`, float32."""
        parts = [half for layer in self.layers for half in (
            [layer.layer, layer.backward_layer] if isinstance(layer, Bidirectional) else [layer])]
        return [tensor for part in parts for tensor in part.get_initial_state(batch_size)]

    def call(self, inputs, initial_state=None, mask=None, training=False):
        x, last, start = inputs, [], 0
        for i, layer in enumerate(self.layers):
            count = len(self._sizes(layer))
            state = None if initial_state is None else list(initial_state[start:start + count])
            start += count
            fed = self.dropouts[i - 1](x, training=training) if i else x
            if isinstance(layer, SequenceLayer):
                outputs, new = layer.run(fed, state, mask, training, reverse=layer.go_backwards)
                outputs = outputs if layer.return_sequences else tf.cast(new[0], self.compute_dtype)
                last += new
            else:
                outputs = layer(fed, initial_state=state, mask=mask, training=training)
            x = self._added(x, outputs)
        return [x, *last] if self.return_state else x

    def _added(self, x, outputs):
        return x + outputs if self.residual and x.shape[-1] == outputs.shape[-1] and (
            x.shape.rank == outputs.shape.rank) else outputs

    def step(self, state: Sequence[tf.Tensor], inputs: tf.Tensor, training: bool = False):
        """Runs one step; see `SequenceLayer.step`.

        Raises:
            ValueError: A layer goes in both directions or backwards.
        """
        if not self._steppable or any(layer.go_backwards for layer in self.layers):
            raise ValueError("a layer that goes backwards has no step")
        if not self.built:
            self.build((None, None, inputs.shape[-1]))
        x, new, start = tf.cast(inputs, self.compute_dtype), [], 0
        for i, layer in enumerate(self.layers):
            count = len(layer.state_sizes)
            fed = self.dropouts[i - 1](x, training=training) if i else x
            outputs, part = layer.step(state[start:start + count], fed, training)
            start += count
            new += part
            x = self._added(x, outputs)
        return x, new

    def compute_output_shape(self, inputs_shape, initial_state_shape=None):
        last = self.layers[-1]
        inner = last.layer if isinstance(last, Bidirectional) else last
        outputs = (*(inputs_shape[:2] if inner.return_sequences else inputs_shape[:1]), self.output_size)
        return [outputs, *((inputs_shape[0], size) for size in self.state_sizes)] if self.return_state else outputs

    def compute_output_spec(self, inputs, initial_state=None, mask=None, training=False):
        return specs(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        last = self.layers[-1]
        inner = last.layer if isinstance(last, Bidirectional) else last
        mask = mask if inner.return_sequences else None
        return [mask, *[None] * len(self.state_sizes)] if self.return_state else mask

    def get_config(self):
        return {**super().get_config(), "layers": [keras.saving.serialize_keras_object(layer) for layer in self.layers],
                "residual": self.residual, "dropout": self.dropout, "return_state": self.return_state}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls([keras.saving.deserialize_keras_object(layer) for layer in config.pop("layers")], **config)
