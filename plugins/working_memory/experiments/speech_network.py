"""The model of the speech experiment."""

import keras
import tensorflow as tf

from ogbrain.data.log_mel import LogMel

from ..ctc.ctc_head import CTCHead
from ..layers.bidirectional import Bidirectional
from ..layers.gru import GRU
from ..layers.lstm import LSTM
from ..layers.min_gru import MinGRU
from ..layers.min_lstm import MinLSTM
from ..layers.stacked import Stacked
from .spec_augment import SpecAugment

CELLS = {"lstm": LSTM, "gru": GRU, "min_lstm": MinLSTM, "min_gru": MinGRU}


class SpeechNetwork(keras.Model):
    """Log-mel spectrogram, recurrent layers, CTC head (Graves, Mohamed and Hinton, arXiv 1303.5778).

    Step `t` of the network reads the samples from `t * hop` on, `window` of them; what is left at the end is filled
    up with silence.

    Args:
        characters: Size of the alphabet.
        bands: Mel bands.
        stacked_frames: Frames of 10 ms in a step.
        cell: Name of the recurrent layer.
        bidirectional: Whether it goes in both directions.
        layers: How many.
        units: Their size.
        dropout: Between them.
        augment: Whether training changes speed and loudness and hides parts.
    """

    def __init__(self, *, characters: int, bands: int, stacked_frames: int, cell: str, bidirectional: bool, layers: int,
                 units: int, dropout: float, augment: bool, **kwargs):
        super().__init__(autocast=False, **kwargs)  # a wave in bfloat16 would be noise
        self.log_mel = LogMel(bands=bands)
        self.stacked_frames, self.augment = stacked_frames, augment
        self.hop = stacked_frames * self.log_mel.hop
        self.window = self.hop - self.log_mel.hop + self.log_mel.window
        self.hide = SpecAugment(bands=bands // 5, name="hide", dtype="float32")
        made = [CELLS[cell](units, return_sequences=True) for _ in range(layers)]
        self.recurrent = Stacked([Bidirectional(layer) for layer in made] if bidirectional else made,
                                 dropout=dropout, return_state=True, residual=True, name="recurrent")
        self.head = CTCHead(characters, name="characters")
        self.seed_generator = keras.random.SeedGenerator()
        self(tf.zeros((1, self.window)), tf.constant([self.window]))
        self.built = True

    def steps(self, samples: tf.Tensor) -> tf.Tensor:
        """Returns how many steps so many samples make."""
        return -(-samples // self.hop)

    def spectrogram(self, wave: tf.Tensor) -> tf.Tensor:
        """Returns the log-mel spectrogram, `(batch, steps * stacked_frames, bands)`, about 0 and 1 in size."""
        steps = tf.maximum(self.steps(tf.shape(wave)[1]), 1)
        wave = tf.pad(wave, [[0, 0], [0, steps * self.hop + self.window - self.hop - tf.shape(wave)[1]]])
        return self.scaled(self.log_mel(wave)[:, :steps * self.stacked_frames])

    def scaled(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Returns a spectrogram about 0 and 1 in size."""
        return (spectrogram + 4.0) / 4.0

    def call(self, wave, samples, training=False):
        """Returns log-probabilities, `(batch, steps, characters + 1)`, and how many steps count, `(batch,)`.

        Args:
            wave: `(batch, samples)`, float in [-1, 1], or 16-bit integers.
            samples: `(batch,)` ints: the length of each.
            training: Whether to draw what training draws.
        """
        wave = tf.cast(wave, tf.float32) / 32768.0 if wave.dtype.is_integer else wave
        return self.hear(self.spectrogram(wave), self.log_mel.frames(tf.cast(samples, tf.int32)), training)

    def hear(self, spectrogram: tf.Tensor, frames: tf.Tensor, training: bool = False):
        """Returns what `call` does, from spectrograms.

        Args:
            spectrogram: `(batch, steps * stacked_frames, bands)`, as `spectrogram` gives it.
            frames: `(batch,)` int32: the length of each, without padding.
            training: Whether to draw what training draws.
        """
        if training and self.augment:
            spectrogram, frames = self._varied(spectrogram, frames)
        spectrogram = self.hide(spectrogram, training=training and self.augment)
        batch, time, bands = spectrogram.shape
        steps = tf.shape(spectrogram)[1] // self.stacked_frames if time is None else time // self.stacked_frames
        stacked = tf.reshape(spectrogram, [tf.shape(spectrogram)[0] if batch is None else batch, steps,
                                           self.stacked_frames * bands])
        counted = -(-frames // self.stacked_frames)
        mask = tf.sequence_mask(counted, steps)
        return self.head(self.recurrent(stacked, mask=mask, training=training)[0]), counted

    def step(self, window: tf.Tensor, state: list[tf.Tensor]):
        """Reads `window` samples of each row, of which the first `hop` are new; one direction only.

        Returns:
            Log-probabilities, `(batch, characters + 1)`, and the state.
        """
        spectrogram = self.spectrogram(window)[:, :self.stacked_frames]
        stacked = tf.reshape(spectrogram, [-1, self.stacked_frames * spectrogram.shape[-1]])
        output, state = self.recurrent.step(state, stacked)
        return self.head.step(output), state

    def beam(self, log_probabilities: tf.Tensor, steps: tf.Tensor, width: int) -> tf.Tensor:
        """Returns the labels that a prefix beam search finds, `(batch, length)` int32, zero after the end."""
        # The op has its blank last.
        turned = tf.concat([log_probabilities[..., 1:], log_probabilities[..., :1]], -1)
        found, _ = tf.nn.ctc_beam_search_decoder(tf.transpose(turned, [1, 0, 2]), steps, beam_width=width)
        return tf.cast(tf.sparse.to_dense(found[0], default_value=-1), tf.int32) + 1

    def _varied(self, spectrogram, frames):
        """Changes speed and loudness of each clip; slower only as far as there is room for it."""
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        length = tf.shape(spectrogram)[1]
        draw = tf.random.stateless_uniform((2, tf.shape(spectrogram)[0]), seed)
        speed = tf.maximum(0.85 + 0.32 * draw[0], tf.cast(frames, tf.float32) / tf.cast(length, tf.float32))
        place = tf.cast(tf.range(length), tf.float32) * speed[:, None]
        left = tf.minimum(tf.cast(place, tf.int32), length - 1)
        right = tf.minimum(left + 1, length - 1)
        part = (place - tf.cast(left, tf.float32))[..., None]
        varied = tf.gather(spectrogram, left, batch_dims=1) * (1 - part) + tf.gather(
            spectrogram, right, batch_dims=1) * part
        frames = tf.minimum(tf.cast(tf.cast(frames, tf.float32) / speed, tf.int32), length)
        return tf.ensure_shape(varied + (draw[1] - 0.5)[:, None, None], spectrogram.shape), frames
