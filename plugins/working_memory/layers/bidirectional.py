"""Two directions of a layer over time."""

import keras
import tensorflow as tf

from .sequence_layer import SequenceLayer, specs

MERGES = ("concat", "sum", "mean", "mul")


class Bidirectional(keras.layers.Layer):
    """Runs a copy of a layer from each end (Schuster and Paliwal 1997) and joins what they say of each step.

    Neither direction copies the sequence in reverse, and the two are independent in the graph, so each
    can have a core of its own. Masked steps give zero. There is no `step`: the last step is needed for the first.

    Args:
        layer: The forward layer, of this plugin; the backward one has the same config.
        merge_mode: `"concat"`, `"sum"`, `"mean"` or `"mul"`.
        **kwargs: Of `keras.layers.Layer`.

    Raises:
        ValueError: `layer` is of another kind, or `merge_mode` is unknown.

    Example:
        >>> Bidirectional(LSTM(128, return_sequences=True))(tf.zeros((8, 100, 64))).shape
        TensorShape([8, 100, 256])
    """

    def __init__(self, layer: SequenceLayer, *, merge_mode: str = "concat", **kwargs):
        super().__init__(**kwargs)
        if not isinstance(layer, SequenceLayer):
            raise ValueError(f"layer must be a layer over time of this plugin, not {type(layer).__name__}")
        if merge_mode not in MERGES:
            raise ValueError(f"merge_mode must be one of {MERGES}, not {merge_mode!r}")
        self.layer = layer
        config = {**layer.get_config(), "name": f"backward_{layer.name}"}
        self.backward_layer = type(layer).from_config(config)
        self.merge_mode = merge_mode
        self.supports_masking = True

    def build(self, input_shape):
        for layer in (self.layer, self.backward_layer):
            if not layer.built:
                layer.build(input_shape)
        self.built = True

    def call(self, inputs, initial_state=None, mask=None, training=False):
        count = len(self.layer.state_sizes)
        states = [None, None] if initial_state is None else [initial_state[:count], initial_state[count:]]
        results = [layer.run(inputs, state, mask, training, reverse=reverse) for layer, state, reverse in (
            (self.layer, states[0], False), (self.backward_layer, states[1], True))]
        if self.layer.return_sequences:
            outputs = [outputs for outputs, _ in results]
            if mask is not None:
                valid = tf.cast(mask, tf.bool)[..., None]
                outputs = [tf.where(valid, output, tf.zeros((), output.dtype)) for output in outputs]
        else:
            outputs = [tf.cast(state[0], self.compute_dtype) for _, state in results]
        result = self._merged(*outputs)
        return [result, *results[0][1], *results[1][1]] if self.layer.return_state else result

    def _merged(self, forward, backward):
        if self.merge_mode == "concat":
            return tf.concat([forward, backward], -1)
        if self.merge_mode == "mul":
            return forward * backward
        total = forward + backward
        return total / 2 if self.merge_mode == "mean" else total

    @property
    def output_size(self) -> int:
        """Depth of the output."""
        return self.layer.output_size * (2 if self.merge_mode == "concat" else 1)

    def compute_output_shape(self, inputs_shape, initial_state_shape=None):
        front = inputs_shape[:2] if self.layer.return_sequences else inputs_shape[:1]
        outputs = (*front, self.output_size)
        states = [(inputs_shape[0], size) for size in self.layer.state_sizes]
        return [outputs, *states, *states] if self.layer.return_state else outputs

    def compute_output_spec(self, inputs, initial_state=None, mask=None, training=False):
        return specs(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        mask = mask if self.layer.return_sequences else None
        return [mask, *[None] * (2 * len(self.layer.state_sizes))] if self.layer.return_state else mask

    def get_config(self):
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer),
                "merge_mode": self.merge_mode}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("layer")), **config)
