"""A recurrent cell wrapped in attention over a memory."""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from .additive_attention import AdditiveAttention


class AttentionDecoder(keras.layers.Layer):
    """Reads a sequence with a recurrent layer, and looks into a memory after each step.

    The output of a step is `tanh(W [context; state] + b)` (Luong et al. 2015, equation 5), where the query of the
    attention is the state after the step. With input feeding the output of a step is an input of the next (section
    3.3), so steps are done one after the other; without, the recurrent layer reads all of the sequence at once and all
    steps look into the memory at once. `step` gives the same numbers one step at a time.

    Args:
        recurrent: A layer with `call(inputs, initial_state)` that returns sequences, `step(state, inputs)`,
            `get_initial_state(batch)` and `state_sizes`, such as `working_memory/gru` or `working_memory/lstm`.
        attention: An attention layer of this plugin; None takes additive attention of `units`.
        units: Depth of the output.
        input_feeding: Feed the output of a step to the next.
        jit: Compile the attention with XLA in training, where all sizes are known.
        **kwargs: Of `keras.layers.Layer`.

    Input: `inputs`, `(batch, time, depth)`; `memory`, `(batch, places, depth)`; `memory_mask`, `(batch, places)` bool;
        `initial_state`, the state before the first step as `start` takes it.

    Output: `(batch, time, units)`, and the attention's weights, `(batch, time, places)`.

    Example:
        >>> GRU = ogbrain.layers.get("working_memory/gru")
        >>> decoder = AttentionDecoder(GRU(256, return_sequences=True), AdditiveAttention(128), units=256)
        >>> outputs, weights = decoder(embedded, memory, memory_mask=mask)
    """

    def __init__(
        self,
        recurrent: keras.layers.Layer,
        attention: keras.layers.Layer | None = None,
        units: int = 256,
        *,
        input_feeding: bool = False,
        jit: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.recurrent = recurrent
        self.attention = attention or AdditiveAttention(units, dtype=self.dtype_policy, name="attention")
        self.units = units
        self.input_feeding = input_feeding
        self.jit = jit
        self.combine = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy, name="combine")

    @property
    def one_by_one(self) -> bool:
        """Whether a step needs the output of the one before."""
        return self.input_feeding or self.attention.coverage

    def build(self, inputs_shape, memory_shape):
        """Builds the sub-layers."""
        batch, depth = inputs_shape[0], inputs_shape[-1] + self.units * self.input_feeding
        if not self.recurrent.built:
            self.recurrent.build((batch, None, depth))
        query = self.recurrent.state_sizes[0]
        if not self.attention.built:
            self.attention.build((batch, None, query), memory_shape)
        self.combine.build((batch, None, memory_shape[-1] + query))
        self.built = True

    def start(self, memory, initial_state: Sequence | None = None) -> list:
        """Returns the state before the first step.

        Args:
            memory: `(batch, places, depth)`.
            initial_state: Of the recurrent layer; its own by default.

        Returns:
            The recurrent layer's state, then the last output with input feeding, then the sum of the weights with
            coverage; each `(batch, size)`.
        """
        batch = ops.shape(memory)[0]
        state = list(self.recurrent.get_initial_state(batch))
        if initial_state is not None:
            # Keras casts what a layer is called with; a step's state has a type of its own.
            state = [ops.cast(given, own.dtype) for given, own in zip(initial_state, state, strict=True)]
        if self.input_feeding:
            state.append(ops.zeros((batch, self.units), self.compute_dtype))
        if self.attention.coverage:
            state.append(ops.zeros((batch, ops.shape(memory)[1]), self.compute_dtype))
        return state

    def step(self, state: Sequence, inputs, memory, memory_mask=None, keys=None):
        """Runs one step.

        Args:
            state: From `start` or the last step.
            inputs: `(batch, depth)`.
            memory: `(batch, places, depth)`.
            memory_mask: `(batch, places)` bool.
            keys: `attention.keys(memory)`, to compute it once for all steps.

        Returns:
            The output, `(batch, units)`, the new state, and the weights, `(batch, places)`.
        """
        count = len(self.recurrent.state_sizes)
        inner, rest = list(state[:count]), list(state[count:])
        if self.input_feeding:
            inputs = ops.concatenate([inputs, ops.cast(rest[0], inputs.dtype)], -1)
        query, inner = self.recurrent.step(inner, inputs)
        coverage = {"had": rest[-1]} if self.attention.coverage else {}
        context, weights = self.attention(query[:, None], memory, memory_mask=memory_mask, keys=keys, **coverage)
        weights = weights[:, 0]
        output = self.combine(ops.concatenate([context[:, 0], ops.cast(query, context.dtype)], -1))
        new = [*inner, *[output] * self.input_feeding]
        if coverage:
            new.append(rest[-1] + ops.cast(weights, rest[-1].dtype))
        return output, new, weights

    def call(self, inputs, memory, memory_mask=None, initial_state=None, training=False):
        keys = self.attention.keys(memory)
        if self.one_by_one:
            return self._loop(inputs, memory, memory_mask, initial_state, keys)
        states = self.recurrent(inputs, initial_state=initial_state, training=training)

        def look(states, memory, keys, mask):
            return self.attention(states, memory, memory_mask=mask, keys=keys)

        static = None not in (*states.shape, *memory.shape)
        if self.jit and static and training is True and not tf.executing_eagerly():
            # Elementwise work over (batch, time, places, units): compiled, it is never written to memory.
            look = tf.function(look, jit_compile=True)
        context, weights = look(states, memory, keys, memory_mask)
        outputs = self.combine(ops.concatenate([context, ops.cast(states, context.dtype)], -1))
        return outputs, ops.cast(weights, self.compute_dtype)

    def _loop(self, inputs, memory, memory_mask, initial_state, keys):
        time = tf.shape(inputs)[1]

        def advance(place, state, outputs, weights):
            output, state, seen = self.step(state, inputs[:, place], memory, memory_mask, keys)
            output, seen = (tf.cast(part, self.compute_dtype) for part in (output, seen))
            return place + 1, state, outputs.write(place, output), weights.write(place, seen)

        arrays = [
            tf.TensorArray(self.compute_dtype, time, element_shape=(inputs.shape[0], depth))
            for depth in (self.units, memory.shape[1])
        ]
        start = self.start(memory, initial_state)
        _, _, outputs, weights = tf.while_loop(lambda place, *_: place < time, advance, (0, start, *arrays),
                                               maximum_iterations=time)
        return tuple(
            tf.ensure_shape(tf.transpose(array.stack(), [1, 0, 2]), (*inputs.shape[:2], depth))
            for array, depth in ((outputs, self.units), (weights, memory.shape[1]))
        )

    def compute_output_spec(self, inputs, memory, memory_mask=None, initial_state=None, training=False):
        """Returns shapes and dtypes of outputs and weights."""
        front = inputs.shape[:2]
        return tuple(
            keras.KerasTensor((*front, depth), self.compute_dtype) for depth in (self.units, memory.shape[1])
        )

    def compute_mask(self, inputs, mask=None, *_, **__):
        """Passes no mask on."""
        return None, None

    def get_config(self):
        """Returns the arguments of `__init__`."""
        names = ("units", "input_feeding", "jit")
        config = {**super().get_config(), **{name: getattr(self, name) for name in names}}
        for name in ("recurrent", "attention"):
            config[name] = keras.saving.serialize_keras_object(getattr(self, name))
            config[name].pop("build_config", None)  # this layer builds them
        return config

    @classmethod
    def from_config(cls, config):
        """Makes the layer and those it wraps."""
        config = dict(config)
        inner = [keras.saving.deserialize_keras_object(config.pop(name)) for name in ("recurrent", "attention")]
        return cls(*inner, **config)
