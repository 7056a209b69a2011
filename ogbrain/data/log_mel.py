"""Log-mel features of sound, in the graph, so that an exported model takes the wave itself."""

import dataclasses

import tensorflow as tf

from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class LogMel:
    """Log-scaled mel spectrogram of Hann-windowed frames; only TensorFlow ops, so it can be exported.

    Frame `t` covers the samples `t * hop` to `t * hop + window`; what is left at the end is filled up with silence.

    Example:
        >>> features = LogMel()(tf.zeros([2, 16000]))
        >>> features.shape
        TensorShape([2, 100, 80])

    Reference: mel scale of O'Shaughnessy 1987, `m = 2595 log10(1 + f / 700)`, as
        `tf.signal.linear_to_mel_weight_matrix` computes it.
    """

    sample_rate: int = 16000
    """Samples a second."""

    window: int = 400
    """Samples in a frame."""

    hop: int = 160
    """Samples from one frame to the next."""

    bands: int = 80
    """Mel bands."""

    lowest: float = 20.0
    """Lower edge of the first band, in hertz."""

    highest: float = 0.0
    """Upper edge of the last band, in hertz; 0: half the sample rate."""

    floor: float = 1e-6
    """Added to the energy before the logarithm, which it keeps finite in silence."""

    def __post_init__(self) -> None:
        """Checks the values."""
        for name in ("sample_rate", "window", "hop", "bands"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}: {getattr(self, name)} is not allowed; a whole number from 1 on")
        if not 0 <= self.lowest < self.top <= self.sample_rate / 2:
            raise UserError(
                f"bands from {self.lowest} to {self.top} Hz are not allowed; "
                f"they lie between 0 and {self.sample_rate / 2} Hz"
            )
        if self.floor <= 0:
            raise UserError(f"floor: {self.floor} is not allowed; a number above 0")

    @property
    def top(self) -> float:
        """Upper edge of the last band, in hertz."""
        return self.highest or self.sample_rate / 2

    def __call__(self, wave: tf.Tensor) -> tf.Tensor:
        """Computes the features.

        Args:
            wave: `(batch, samples)`: float in [-1, 1], or integers as 16-bit sound has them.

        Returns:
            `(batch, frames, bands)` float32, natural logarithms; `frames` is `samples / hop`, rounded up.
        """
        wave = tf.convert_to_tensor(wave)
        if wave.dtype.is_integer:
            wave = tf.cast(wave, tf.float32) / 32768.0
        wave = tf.cast(wave, tf.float32)
        frames = tf.signal.frame(wave, self.window, self.hop, pad_end=True)
        size = 1 << (self.window - 1).bit_length()
        spectrum = tf.signal.rfft(frames * tf.signal.hann_window(self.window), fft_length=[size])
        energy = tf.square(tf.abs(spectrum))
        weights = tf.signal.linear_to_mel_weight_matrix(
            self.bands, size // 2 + 1, self.sample_rate, self.lowest, self.top
        )
        return tf.math.log(tf.matmul(energy, weights) + self.floor)

    def frames(self, samples: tf.Tensor) -> tf.Tensor:
        """Returns how many frames so many samples give, of the same shape."""
        return -(-samples // self.hop)
