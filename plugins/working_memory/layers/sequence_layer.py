"""What every layer of this plugin is: sequences in, outputs and an explicit state out, or one step of it."""

from collections.abc import Sequence

import keras
import tensorflow as tf

JIT = ("auto", True, False)


class SequenceLayer(keras.layers.Layer):
    """Base of all layers over time; a subclass gives `build`, `step` and `_run`.

    The state is a list of float32 tensors of shape `(batch, size)`, the output first. It is always explicit: given to
    `step` or as `initial_state`, returned by `step` or with `return_state=True`; so it can be saved, exported, resumed.

    Masked steps leave the state as it is and repeat the last output (zero before the first valid step), like Keras. A
    row that is masked throughout, or has no steps, ends in the initial state.

    Args:
        units: Size of the state.
        dropout: Part of the input that is dropped, the same in all steps of a sequence.
        learned_initial_state: Learn the state before the first step; it is zero otherwise.
        return_sequences: Return the outputs of all steps, not only the last.
        return_state: Return the last state too.
        go_backwards: Go from the last step to the first; outputs are in that order.
        zero_output_for_mask: Masked steps give zero instead of the last output.
        jit: Compile the loop with XLA, in graphs: True, False, or `"auto"`: in training, where batch size and length
            are static. A compiled loop whose length is not static takes sequences of one step or more.
        seed: Of all that is drawn.
        **kwargs: Of `keras.layers.Layer`.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(
        self,
        units: int,
        *,
        dropout: float = 0.0,
        learned_initial_state: bool = False,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
        jit: bool | str = "auto",
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, not {units}")
        if jit not in JIT:
            raise ValueError(f"jit must be one of {JIT}, not {jit!r}")
        self.units = units
        self.dropout = part("dropout", dropout)
        self.learned_initial_state = learned_initial_state
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.zero_output_for_mask = zero_output_for_mask
        self.jit = jit
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    @property
    def state_sizes(self) -> list[int]:
        """Sizes of the tensors of the state, the output first."""
        return [self.units]

    @property
    def output_size(self) -> int:
        """Depth of the output."""
        return self.state_sizes[0]

    def _build_initial_state(self) -> None:
        if self.learned_initial_state:
            self.initial_state = [self._weight(f"initial_state_{i}", (size,), "zeros")
                                  for i, size in enumerate(self.state_sizes)]

    def _weight(self, name, shape, initializer, regularizer=None):
        # Float32 in the loop whatever the policy; products are cast where they are done.
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, regularizer=regularizer, autocast=False)

    def get_initial_state(self, batch_size) -> list[tf.Tensor]:
        """Returns the state before the first step, tensors of shape `(batch_size, size)`, float32."""
        if self.learned_initial_state and self.built:
            return [tf.tile(tf.convert_to_tensor(part)[None], [batch_size, 1]) for part in self.initial_state]
        return [tf.zeros((batch_size, size)) for size in self.state_sizes]

    def step(self, state: Sequence[tf.Tensor], inputs: tf.Tensor, training: bool = False):
        """Runs one step.

        Args:
            state: From `get_initial_state` or the last step.
            inputs: Of shape `(batch, depth)`.
            training: Draw dropout and the like; each step draws its own.

        Returns:
            The output, `(batch, output_size)`, and the new state.
        """
        raise NotImplementedError

    def _run(self, x, state, mask, training, reverse, jit) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Runs `x`, `(time, batch, depth)`, in either direction; outputs stand at the place of their input."""
        raise NotImplementedError

    def call(self, inputs, initial_state=None, mask=None, training=False):
        outputs, state = self.run(inputs, initial_state, mask, training, reverse=self.go_backwards)
        if self.return_sequences:
            result = tf.reverse(outputs, [1]) if self.go_backwards else outputs
        else:
            result = tf.cast(state[0], self.compute_dtype)
            if mask is not None:
                # Keras has no output to repeat where no step was valid.
                result *= tf.cast(tf.reduce_any(mask, 1), result.dtype)[:, None]
        return [result, *state] if self.return_state else result

    def run(self, inputs, initial_state=None, mask=None, training=False, reverse: bool = False):
        """Runs the sequences in either direction; outputs stand at the place of their input.

        Args:
            inputs: Of shape `(batch, time, depth)`.
            initial_state: The state before the first step; None for the layer's own.
            mask: Of shape `(batch, time)`, bool.
            training: Draw dropout and the like.
            reverse: Go from the last step to the first.

        Returns:
            Outputs of shape `(batch, time, output_size)` and the last state.
        """
        inputs = tf.cast(inputs, self.compute_dtype)
        mask = None if mask is None else tf.transpose(tf.cast(mask, tf.bool))
        batch = inputs.shape[0] if inputs.shape[0] is not None else tf.shape(inputs)[0]
        state = self.get_initial_state(batch) if initial_state is None else (
            list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state])
        if len(state) != len(self.state_sizes):
            raise ValueError(f"initial_state must have {len(self.state_sizes)} tensors, not {len(state)}")
        state = [tf.ensure_shape(tf.cast(tensor, tf.float32), (inputs.shape[0], size))
                 for tensor, size in zip(state, self.state_sizes, strict=True)]
        x = tf.transpose(inputs, [1, 0, 2])
        if training is True and self.dropout:
            x *= tf.cast(self._kept((1, batch, x.shape[-1]), self.dropout), x.dtype)
        jit = self.jit if self.jit != "auto" else (
            training is True and not tf.executing_eagerly() and None not in inputs.shape)
        # XLA has no loops over nothing; and a tape that watches eagerly would look into the compiled loop.
        jit = bool(jit) and inputs.shape[1] != 0 and not tf.executing_eagerly()
        outputs, last = self._run(x, state, mask, training is True, reverse, jit)
        if mask is not None:
            seen = mask if self.zero_output_for_mask else (
                tf.math.cumsum(tf.cast(mask, tf.int32), 0, reverse=reverse) > 0)
            outputs = tf.where(seen[..., None], outputs, tf.zeros((), outputs.dtype))
        outputs = tf.transpose(outputs, [1, 0, 2])
        outputs.set_shape((*inputs.shape[:2], self.output_size))
        return outputs, last

    def _kept(self, shape, rate):
        """Draws what is kept: `1 / (1 - rate)` there, and 0 where it is dropped."""
        draw = tf.random.stateless_uniform(shape, tf.cast(self.seed_generator.next(), tf.int32))
        return tf.cast(draw >= rate, tf.float32) / (1 - rate)

    def compute_output_shape(self, inputs_shape, initial_state_shape=None):
        front = inputs_shape[:2] if self.return_sequences else inputs_shape[:1]
        outputs = (*front, self.output_size)
        return [outputs, *((inputs_shape[0], size) for size in self.state_sizes)] if self.return_state else outputs

    def compute_output_spec(self, inputs, initial_state=None, mask=None, training=False):
        return specs(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def compute_mask(self, inputs, mask=None):
        if not self.return_sequences:
            mask = None
        elif mask is not None and self.go_backwards:
            mask = tf.reverse(mask, [1])
        return [mask, *[None] * len(self.state_sizes)] if self.return_state else mask

    def get_config(self):
        names = ("units", "dropout", "learned_initial_state", "return_sequences", "return_state", "go_backwards",
                 "zero_output_for_mask", "jit", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def part(name: str, value: float) -> float:
    """Checks a rate of dropout or zoneout."""
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be from 0 to below 1, not {value}")
    return value


def specs(shapes, dtype: str):
    """What a functional model is told of a result: the output in the compute dtype, states in float32."""
    if not isinstance(shapes, list):
        return keras.KerasTensor(shapes, dtype)
    return [keras.KerasTensor(shape, "float32" if i else dtype) for i, shape in enumerate(shapes)]
