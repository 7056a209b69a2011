"""What the layers with a product of the state in each step share: arguments, weights, noise, the way to the scan."""

import os

import keras
import tensorflow as tf

from ..scan.chunked import chunked
from ..scan.scan import Scan
from .sequence_layer import SequenceLayer, part


class RecurrentLayer(SequenceLayer):
    """Base of the recurrent layers; a subclass gives the arithmetic of one step.

    Weights have the names, shapes and gate order of the Keras layers. The product of the input with `kernel` is
    done for all steps at once; see `Scan` for the loop.

    Args:
        units: Size of the state.
        activation: Of the candidate.
        recurrent_activation: Of the gates, where there are gates.
        use_bias: Add a bias.
        kernel_initializer: Of the input weights.
        recurrent_initializer: Of the recurrent weights.
        bias_initializer: Of the bias.
        kernel_regularizer: Of the input weights.
        recurrent_regularizer: Of the recurrent weights.
        bias_regularizer: Of the bias.
        recurrent_dropout: Part of the recurrent input that is dropped, the same in all steps of a sequence (Gal and
            Ghahramani, arXiv 1512.05287).
        zoneout: Part of the state that keeps its last value (arXiv 1606.01305); the expectation in inference.
        layer_norm: Normalize the products of input and state (arXiv 1607.06450).
        recompute: Keep one state in `chunk` steps for the gradient and do the rest again: memory for time.
        chunk: Steps in a piece when `recompute` is set.
        **kwargs: Of `SequenceLayer`.

    Raises:
        ValueError: An argument is out of its range.
    """

    gates = 1

    def __init__(
        self,
        units: int,
        *,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias: bool = True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        layer_norm: bool = False,
        recompute: bool = False,
        chunk: int = 32,
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        if chunk < 1:
            raise ValueError(f"chunk must be at least 1, not {chunk}")
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self._gate = sigmoid if self.recurrent_activation is keras.activations.sigmoid else self.recurrent_activation
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.recurrent_dropout = part("recurrent_dropout", recurrent_dropout)
        self.zoneout = part("zoneout", zoneout)
        self.layer_norm = layer_norm
        self.recompute = recompute
        self.chunk = chunk
        self._scans: dict[bool, Scan] = {}

    def build(self, input_shape):
        width = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], width), self.kernel_initializer, self.kernel_regularizer)
        self.recurrent_kernel = self._weight(
            "recurrent_kernel", (self.output_size, width), self.recurrent_initializer, self.recurrent_regularizer)
        self.bias = self._weight(
            "bias", self._bias_shape(), self._bias_init, self.bias_regularizer) if self.use_bias else None
        if self.layer_norm:
            # Each gate is normalized on its own; the bias is that of the step.
            self.kernel_gain = self._weight("kernel_gain", (width,), "ones")
            self.recurrent_gain = self._weight("recurrent_gain", (width,), "ones")
        self._build_step(width)
        self._build_initial_state()
        self.input_spec = keras.layers.InputSpec(axes={-1: input_shape[-1]})
        self.built = True

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _bias_init(self, shape, dtype=None):
        return self.bias_initializer(shape, dtype)

    def _build_step(self, width: int) -> None:
        """Adds the weights that only this kind of layer has."""

    def _matrices(self) -> list[keras.Variable]:
        """The weights of the products in the loop."""
        return [self.recurrent_kernel]

    def _vectors(self) -> list[keras.Variable]:
        """The other weights that each step uses."""
        return [self.recurrent_gain] if self.layer_norm else []

    def _input_bias(self, bias: tf.Tensor) -> tf.Tensor:
        """The part of the bias that is added to the product of the input."""
        return bias

    @property
    def _added(self) -> bool:
        """Whether `linear(0, h)` has the product of the input in it; see `Scan`."""
        return False

    def _update(self, linear, x, state, vectors, drop, gate) -> list[tf.Tensor]:
        """The arithmetic of one step: from `x`, `(batch, gates * units)`, and the state to the next state.

        `gate` is the recurrent activation, in the form that suits the place.
        """
        raise NotImplementedError

    def step(self, state, inputs, training: bool = False):
        if not self.built:
            self.build((None, None, inputs.shape[-1]))
        inputs = tf.cast(inputs, self.compute_dtype)
        state = [tf.cast(part, tf.float32) for part in state]
        if training and self.dropout:
            inputs *= tf.cast(self._kept((tf.shape(inputs)[0], inputs.shape[-1]), self.dropout), inputs.dtype)
        drop, noise = self._noise(inputs[None], training)
        matrices = [tf.cast(tf.convert_to_tensor(matrix), self.compute_dtype) for matrix in self._matrices()]

        def linear(k, x):
            product = tf.cast(tf.matmul(tf.cast(x, matrices[k].dtype), matrices[k]), tf.float32)
            return z + product if self._added and k == 0 else product

        values = [tf.convert_to_tensor(weight) for weight in self._input_weights()]
        z = tf.cast(self._project(inputs, values), tf.float32)
        vectors = [tf.convert_to_tensor(vector) for vector in self._vectors()]
        new = self._update(linear, z, state, vectors, drop, self.recurrent_activation)
        new = self._zoned(new, state, [tensor[0] for tensor in noise], training)
        return tf.cast(new[0], self.compute_dtype), new

    def _run(self, x, state, mask, training, reverse, jit):
        drop, noise = self._noise(x, training)
        groups = [self._input_weights(), self._matrices(), self._vectors()]
        values = [tf.convert_to_tensor(weight) for group in groups for weight in group]
        first = len(groups[0])
        second = first + len(groups[1])

        def run(x, state, values, mask, noise):
            matrices, z = values[first:second], self._project(x, values[:first], jit)
            if jit:  # XLA is slow at bfloat16 on processors; the products outside of the loop are not its own.
                z = tf.cast(z, tf.float32)
            else:
                matrices = [tf.cast(matrix, self.compute_dtype) for matrix in matrices]
            outputs, last = self._scan(training)(
                [z], state, matrices, values[second:], auxiliary=noise, mask=mask, reverse=reverse, jit=jit,
                product_dtype=self.compute_dtype)
            return tf.cast(outputs, self.compute_dtype), last

        def part(x, state, mask, noise, drop):
            # The dropout mask is one more constant of the loop.
            given = values if drop is None else [*values, drop]
            if self.recompute:
                return chunked(run, x, state, given, mask, noise, chunk=self.chunk, reverse=reverse)
            return run(x, state, given, mask, noise)

        count = _parts(x.shape[1]) if jit else 1
        if count == 1:
            return part(x, state, mask, noise, drop)
        # Halves of the batch do not need each other: each core runs its own loop, instead of all waiting at each step.
        split = [tf.split(tensor, count, axis) if tensor is not None else [None] * count
                 for tensor, axis in [(x, 1), (mask, 1), (drop, 0)]]
        states = [tf.split(tensor, count, 0) for tensor in state]
        noises = [tf.split(tensor, count, 1) for tensor in noise]
        results = [part(split[0][k], [tensor[k] for tensor in states], split[1][k], [tensor[k] for tensor in noises],
                        split[2][k]) for k in range(count)]
        outputs = tf.concat([outputs for outputs, _ in results], 1)
        return outputs, [tf.concat(tensors, 0) for tensors in zip(*(last for _, last in results), strict=True)]

    def _input_weights(self):
        return [self.kernel, *([self.kernel_gain] if self.layer_norm else []), *([self.bias] if self.use_bias else [])]

    def _project(self, x, values, jit=False):
        """Multiplies inputs of any number of steps, `(..., depth)`, with the input weights."""
        kernel = tf.cast(values[0], x.dtype)
        flat = tf.matmul(tf.reshape(x, [-1, kernel.shape[0]]), kernel)
        if self.layer_norm:
            normalized = _compiled_normalized if jit else _normalized
            flat = tf.cast(normalized(tf.cast(flat, tf.float32), values[1], self.units), x.dtype)
        if self.use_bias:
            flat += tf.cast(self._input_bias(values[-1]), x.dtype)
        shape = tf.concat([tf.shape(x)[:-1], kernel.shape[1:]], 0)
        return tf.ensure_shape(tf.reshape(flat, shape), x.shape[:-1] + kernel.shape[1:])

    def _normalized(self, z, gain):
        return _normalized(z, gain, self.units)

    def _scan(self, training: bool) -> Scan:
        if training not in self._scans:
            dropped = training and self.recurrent_dropout > 0

            def step(linear, inputs, state, constants, noise):
                vectors, drop = (constants[:-1], constants[-1]) if dropped else (constants, None)
                new = self._update(linear, inputs[0], state, vectors, drop, self._gate)
                return self._zoned(new, state, noise, training)

            self._scans[training] = Scan(step, self._added)
        return self._scans[training]

    def _noise(self, x, training):
        """Draws the masks of the recurrent dropout and of the zoneout for `x`, `(time, batch, depth)`."""
        if not training:
            return None, []
        batch, drop, noise = tf.shape(x)[1], None, []
        if self.recurrent_dropout:
            drop = tf.ensure_shape(self._kept((batch, self.output_size), self.recurrent_dropout),
                                   (x.shape[1], self.output_size))
        if self.zoneout:
            noise = [tf.ensure_shape(self._kept((tf.shape(x)[0], batch, size), self.zoneout) > 0,
                                     (*x.shape[:2], size)) for size in self.state_sizes]
        return drop, noise

    def _zoned(self, new, state, noise, training):
        if not self.zoneout:
            return new
        if not training:
            return [self.zoneout * old + (1 - self.zoneout) * part for part, old in zip(new, state, strict=True)]
        return [tf.where(kept, part, old) for kept, part, old in zip(noise, new, state, strict=True)]

    def get_config(self):
        config = super().get_config()
        for name in ("activation", "recurrent_activation"):
            config[name] = keras.activations.serialize(getattr(self, name))
        for name in ("kernel", "recurrent", "bias"):
            config[f"{name}_initializer"] = keras.initializers.serialize(getattr(self, f"{name}_initializer"))
            config[f"{name}_regularizer"] = keras.regularizers.serialize(getattr(self, f"{name}_regularizer"))
        for name in ("use_bias", "recurrent_dropout", "zoneout", "layer_norm", "recompute", "chunk"):
            config[name] = getattr(self, name)
        return config


def sigmoid(x: tf.Tensor) -> tf.Tensor:
    """The logistic function by way of the hyperbolic tangent, for which there is vector code, and no division."""
    return 0.5 * tf.tanh(0.5 * x) + 0.5


def _parts(batch: int | None) -> int:
    """Number of independent loops for a batch: one a core of the processor, with 16 rows or more each."""
    if batch is None or tf.config.list_physical_devices("GPU"):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max((n for n in range(1, cores + 1) if batch % n == 0 and batch // n >= 16), default=1)


def _normalized(z: tf.Tensor, gain: tf.Tensor, units: int) -> tf.Tensor:
    """Normalizes each gate of `z`, `(rows, gates * units)`, over its units."""
    parts = tf.reshape(z, [-1, z.shape[-1] // units, units])
    parts -= tf.reduce_mean(parts, -1, keepdims=True)
    parts *= tf.math.rsqrt(tf.reduce_mean(tf.square(parts), -1, keepdims=True) + 1e-5)
    return tf.reshape(parts, [-1, z.shape[-1]]) * gain


_compiled_normalized = tf.function(_normalized, jit_compile=True, autograph=False)
