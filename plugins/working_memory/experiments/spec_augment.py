"""Noise for spectrograms in training."""

import keras
import tensorflow as tf


class SpecAugment(keras.layers.Layer):
    """Hides bands of frequency and stretches of time (Park et al., arXiv 1904.08779), in training alone.

    Args:
        bands: The most bands that one mask hides.
        frames: The most frames that one mask hides.
        masks: Masks of each kind.
        seed: Of what is drawn.
        **kwargs: Of `keras.layers.Layer`.

    Example:
        >>> SpecAugment()(tf.zeros((8, 300, 40)), training=True).shape
        TensorShape([8, 300, 40])
    """

    def __init__(self, bands: int = 8, frames: int = 20, masks: int = 2, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.bands, self.frames, self.masks, self.seed = bands, frames, masks, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or not self.masks:
            return inputs
        shape = tf.shape(inputs)
        time = self._kept(shape[0], shape[1], self.frames)[:, :, None]
        return inputs * time * self._kept(shape[0], shape[2], self.bands)[:, None, :]

    def _kept(self, batch, length, longest):
        """Draws 0 where something is hidden and 1 elsewhere, `(batch, length)`."""
        draw = tf.random.stateless_uniform((2, self.masks, batch, 1), tf.cast(self.seed_generator.next(), tf.int32))
        # No more than a fifth of what is there, so that short sounds keep something.
        most = tf.minimum(tf.cast(longest, tf.float32), 0.2 * tf.cast(length, tf.float32))
        size = draw[0] * most
        first = draw[1] * (tf.cast(length, tf.float32) - size)
        place = tf.range(length, dtype=tf.float32)
        hidden = tf.reduce_any((place >= first) & (place < first + size), 0)
        return 1.0 - tf.cast(hidden, tf.float32)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "bands": self.bands, "frames": self.frames, "masks": self.masks,
                "seed": self.seed}
