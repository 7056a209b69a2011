"""The layer between a recurrent network and the CTC loss."""

import keras
import tensorflow as tf

from .ctc_loss import BLANK, ctc_loss


class CTCHead(keras.layers.Layer):
    """Log-probabilities of each character and of the blank for each frame (Graves et al. 2006).

    Args:
        characters: Size of the alphabet, without the blank. Class 0 is the blank, 1 the first character.
        kernel_initializer: Of the weights.
        **kwargs: Of `keras.layers.Layer`.

    Raises:
        ValueError: `characters` is below 1.

    Example:
        >>> head = CTCHead(26)
        >>> loss = head.loss(labels, head(frames), label_length, frame_length)
    """

    def __init__(self, characters: int, *, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        if characters < 1:
            raise ValueError(f"characters must be at least 1, not {characters}")
        self.characters = characters
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.characters + 1), initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.characters + 1,), initializer="zeros")
        self.built = True

    def call(self, inputs):
        # Float32 from here on: the loss sums many small probabilities.
        return tf.nn.log_softmax(tf.cast(keras.ops.matmul(inputs, self.kernel) + self.bias, tf.float32))

    def step(self, inputs: tf.Tensor) -> tf.Tensor:
        """Log-probabilities of one frame, `(batch, depth)`; there is no state."""
        return self.call(inputs)

    @staticmethod
    def loss(labels, log_probabilities, label_length, frame_length) -> tf.Tensor:
        """The loss of each row; see `ctc_loss`."""
        return ctc_loss(labels, log_probabilities, label_length, frame_length)

    @staticmethod
    def decode(log_probabilities, frame_length) -> tuple[tf.Tensor, tf.Tensor]:
        """Greedy decoding in the graph.

        Args:
            log_probabilities: Of shape `(batch, frames, classes)`.
            frame_length: Of shape `(batch,)`.

        Returns:
            Labels of shape `(batch, frames)`, zero after the end, and their lengths, `(batch,)`, int32.
        """
        best = tf.argmax(log_probabilities, -1, output_type=tf.int32)
        last = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=BLANK)
        valid = tf.sequence_mask(frame_length, tf.shape(best)[1])
        kept = (best != BLANK) & (best != last) & valid
        frames = tf.shape(best)[1]
        # Kept frames first, in their order.
        order = tf.argsort(tf.where(kept, 0, 1), axis=1, stable=True)
        length = tf.reduce_sum(tf.cast(kept, tf.int32), 1)
        labels = tf.gather(best, order, batch_dims=1)
        return tf.where(tf.sequence_mask(length, frames), labels, BLANK), length

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.characters + 1)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), "float32")

    def get_config(self):
        return {**super().get_config(), "characters": self.characters,
                "kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
