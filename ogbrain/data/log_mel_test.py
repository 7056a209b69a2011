"""Tests of the log-mel features against NumPy."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.data.log_mel import LogMel
from ogbrain.errors import UserError


def reference(wave, window, hop, bands, rate, low, high, floor):
    size = 512
    count = -(-len(wave) // hop)
    wave = np.pad(wave, (0, window + hop * count))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    energy = np.stack([np.abs(np.fft.rfft(wave[t * hop : t * hop + window] * hann, size)) ** 2 for t in range(count)])
    mel = lambda hertz: 1127 * np.log(1 + hertz / 700)  # noqa: E731
    edges = np.linspace(mel(low), mel(high), bands + 2)
    bins = mel(np.arange(1, size // 2 + 1) * rate / size)
    weights = np.zeros((size // 2 + 1, bands))
    for band in range(bands):
        left, middle, right = edges[band : band + 3]
        weights[1:, band] = np.maximum(
            0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
        )
    return np.log(energy @ weights + floor)


class LogMelTest(parameterized.TestCase):
    def test_equals_reference(self):
        wave = np.random.default_rng(0).uniform(-1, 1, 3333).astype(np.float32)
        found = LogMel(bands=20)(wave[np.newaxis])
        expected = reference(wave, 400, 160, 20, 16000, 20, 8000, 1e-6)
        self.assertEqual(found.shape, (1, 21, 20))
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-3)

    def test_a_tone_is_in_its_band(self):
        time = np.arange(16000) / 16000
        energies = [
            LogMel(bands=40)(np.sin(2 * np.pi * hertz * time)[np.newaxis].astype(np.float32)).numpy()[0, 50].argmax()
            for hertz in (300, 1000, 3000)
        ]
        self.assertEqual(energies, sorted(set(energies)))

    def test_silence_and_integers(self):
        silence = LogMel()(tf.zeros([1, 400], tf.int64))
        np.testing.assert_allclose(silence, np.log(1e-6), rtol=1e-6)
        wave = np.random.default_rng(1).integers(-3000, 3000, (2, 800))
        np.testing.assert_allclose(LogMel()(wave), LogMel()((wave / 32768).astype(np.float32)), atol=1e-4)

    def test_export(self):
        module = tf.Module()
        module.features = tf.function(LogMel(bands=8), input_signature=[tf.TensorSpec([None, None], tf.float32)])
        folder = self.create_tempdir().full_path
        wave = np.random.default_rng(2).uniform(-1, 1, (2, 1000)).astype(np.float32)
        tf.saved_model.save(module, folder)
        np.testing.assert_array_equal(tf.saved_model.load(folder).features(wave), module.features(wave))

    @parameterized.parameters({"hop": 0}, {"lowest": 9000.0}, {"highest": 9000.0}, {"floor": 0.0}, {"bands": 0})
    def test_bad_values(self, **arguments):
        with self.assertRaisesRegex(UserError, "is not allowed|are not allowed"):
            LogMel(**arguments)


if __name__ == "__main__":
    absltest.main()
