"""What the layers whose gates do not see the state share."""

import keras
import tensorflow as tf

from ..scan.linear_scan import LinearScan
from .sequence_layer import SequenceLayer


class ParallelLayer(SequenceLayer):
    """Base of the minimal recurrent layers (Feng et al., "Were RNNs all we needed?", arXiv 2410.01201).

    Their gates depend on the input only, so the state is a linear recurrence, `h = a h + b`: trained in parallel over
    time by an associative scan (see `LinearScan`), and run in constant memory by `step`. The candidate goes through
    `g(x) = x + 0.5` for `x >= 0`, `sigmoid(x)` below, which is positive, as in the paper's appendix; no logarithms are
    needed here, because the factors `a` are below 1 and are never divided by.

    Args:
        units: Size of the state.
        use_bias: Add a bias.
        kernel_initializer: Of the weights.
        bias_initializer: Of the bias.
        positive: Use `g`; the candidate is linear otherwise.
        **kwargs: Of `SequenceLayer`.
    """

    gates = 2

    def __init__(self, units: int, *, use_bias: bool = True, kernel_initializer="glorot_uniform",
                 bias_initializer="zeros", positive: bool = True, **kwargs):
        super().__init__(units, **kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.positive = positive
        self._linear_scan = LinearScan(self._steps)

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], width), self.kernel_initializer)
        self.bias = self._weight("bias", (width,), self.bias_initializer) if self.use_bias else None
        self._build_initial_state()
        self.input_spec = keras.layers.InputSpec(axes={-1: input_shape[-1]})
        self.built = True

    def _steps(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """From `z`, `(..., gates * units)`, to the factor and the summand of the recurrence."""
        raise NotImplementedError

    def _candidate(self, x):
        return tf.where(x >= 0, x + 0.5, tf.sigmoid(x)) if self.positive else x

    def _project(self, x):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), x.dtype)
        z = tf.matmul(tf.reshape(x, [-1, kernel.shape[0]]), kernel)
        if self.bias is not None:
            z += tf.cast(tf.convert_to_tensor(self.bias), x.dtype)
        shape = tf.concat([tf.shape(x)[:-1], kernel.shape[1:]], 0)
        return tf.ensure_shape(tf.reshape(z, shape), x.shape[:-1] + kernel.shape[1:])

    def step(self, state, inputs, training: bool = False):
        if not self.built:
            self.build((None, None, inputs.shape[-1]))
        inputs = tf.cast(inputs, self.compute_dtype)
        if training and self.dropout:
            inputs *= tf.cast(self._kept((tf.shape(inputs)[0], inputs.shape[-1]), self.dropout), inputs.dtype)
        a, b = self._steps(tf.cast(self._project(inputs), tf.float32))
        h = a * tf.cast(state[0], tf.float32) + b
        return tf.cast(h, self.compute_dtype), [h]

    def _run(self, x, state, mask, training, reverse, jit):
        outputs, last = self._linear_scan(self._project(x), state[0], mask=mask, reverse=reverse, jit=jit)
        return outputs, [last]

    def get_config(self):
        return {**super().get_config(), "use_bias": self.use_bias, "positive": self.positive,
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
                "bias_initializer": keras.initializers.serialize(self.bias_initializer)}
