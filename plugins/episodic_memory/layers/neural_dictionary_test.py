"""Tests of the neural dictionary."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.episodic_memory.layers.kernels import inverse_distance_value
from plugins.episodic_memory.layers.neural_dictionary import NeuralDictionary

RANDOM = np.random.default_rng(0)
KEYS, VALUES = RANDOM.normal(size=(20, 3)).astype(np.float32), RANDOM.normal(size=20).astype(np.float32)
QUERIES = RANDOM.normal(size=(6, 3)).astype(np.float32)


def filled(**arguments) -> NeuralDictionary:
    layer = NeuralDictionary(**{"capacity": 30, "depth": 3, "neighbors": 5, "delta": 0.1, **arguments})
    layer.load(KEYS, VALUES)
    return layer


def expected(neighbors: int = 5, delta: float = 0.1) -> np.ndarray:
    distances = ((QUERIES[:, None] - KEYS) ** 2).sum(-1)
    nearest = np.argsort(distances, 1)[:, :neighbors]
    weights = 1 / (np.take_along_axis(distances, nearest, 1) + delta)
    return (weights * VALUES[nearest]).sum(1) / weights.sum(1)


class NeuralDictionaryTest(LayerTestCase):
    def test_conformance(self):
        self.check_layer(NeuralDictionary, {"capacity": 4, "depth": 3, "neighbors": 2}, QUERIES, output_shape=(6,))
        plain = {"capacity": 4, "depth": 3, "neighbors": 2, "kernel": "mean"}
        self.check_layer(NeuralDictionary, plain, QUERIES, output_shape=(6,), gradients=False)

    def test_values_beside_numpy(self):
        np.testing.assert_allclose(filled()(QUERIES), expected(), rtol=1e-4)
        np.testing.assert_allclose(filled(neighbors=50)(QUERIES), expected(20), rtol=1e-4)
        layer = filled()
        np.testing.assert_allclose(layer(QUERIES, layer.nearest(QUERIES)), expected(), rtol=1e-4)
        np.testing.assert_allclose(tf.function(layer, jit_compile=True)(QUERIES), expected(), rtol=1e-4)
        mixed = filled(dtype="mixed_bfloat16")(QUERIES)
        np.testing.assert_allclose(tf.cast(mixed, tf.float32), expected(), rtol=1e-2)

    def test_mean_of_neighbors_or_what_is_known(self):
        layer = filled(kernel="mean")
        distances = ((QUERIES[:, None] - KEYS) ** 2).sum(-1)
        nearest = np.argsort(distances, 1)[:, :5]
        np.testing.assert_allclose(layer(QUERIES), VALUES[nearest].mean(1), rtol=1e-5)
        np.testing.assert_allclose(layer(KEYS), VALUES, rtol=1e-5)
        np.testing.assert_allclose(filled(kernel="mean", neighbors=30)(QUERIES), np.full(6, VALUES.mean()), rtol=1e-4)

    def test_empty(self):
        np.testing.assert_array_equal(NeuralDictionary(4, 3)(QUERIES), np.zeros(6))

    def test_gradients_beside_differences(self):
        layer = filled()
        slots = layer.nearest(QUERIES)
        error, numeric = tf.test.compute_gradient(
            lambda queries, keys, values: self._loss(layer, queries, keys, values, slots), [QUERIES, KEYS, VALUES]
        )
        for ours, theirs in zip(error, numeric, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=2e-2)
            self.assertGreater(np.abs(ours).max(), 0.05)

    @staticmethod
    def _loss(layer, queries, keys, values, slots):
        return inverse_distance_value(queries, tf.gather(keys, slots), tf.gather(values, slots), layer.delta)

    def test_keys_and_values_learn(self):
        layer = filled()
        optimizer = keras.optimizers.SGD(0.5)
        targets = np.sin(QUERIES).sum(1)
        losses = []
        for _ in range(100):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((layer(QUERIES) - targets) ** 2)
            variables = layer.trainable_variables
            optimizer.apply(tape.gradient(loss, [v.value for v in variables]), variables)
            losses.append(float(loss))
        self.assertLess(losses[-1], losses[0] / 20)
        self.assertGreater(np.abs(layer.keys.numpy()[:20] - KEYS).max(), 1e-3)
        np.testing.assert_array_equal(layer.keys.numpy()[20:], 0)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "kernel: 'max' is not allowed; one of inverse_distance, mean"):
            filled(kernel="max")
        with self.assertRaisesRegex(ValueError, "20 keys; at most its capacity, 10"):
            filled(capacity=10)
        with self.assertRaisesRegex(ValueError, "queries of 2 numbers, keys of depth 3"):
            NeuralDictionary(4, 3)(np.zeros((2, 2), np.float32))


if __name__ == "__main__":
    absltest.main()
