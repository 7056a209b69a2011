"""Tests of the context network and the layer that reads several objects."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.attention.layers.context_network import ContextNetwork
from plugins.attention.layers.deep_recurrent_attention import DeepRecurrentAttention
from plugins.attention.layers.glimpse_sensor import GlimpseSensor

SMALL: dict[str, Any] = {
    "labels": 2,
    "glimpses": 2,
    "patch_size": 2,
    "scales": 2,
    "units": 5,
    "patch_units": 4,
    "location_units": 3,
    "context_size": 4,
    "seed": 1,
}


def images(batch=3, height=9, width=9):
    return np.random.default_rng(0).random((batch, height, width, 1)).astype("float32")


class ContextNetworkTest(LayerTestCase, parameterized.TestCase):
    def test_conformance(self):
        self.check_layer(
            ContextNetwork, {"units": 5, "size": 4, "filters": [2, 3]}, {"images": images()}, output_shape=(3, 5)
        )

    @parameterized.parameters((8, 12), (9, 7), (1, 1), (3, 1000))
    def test_cells_are_means(self, height, width):
        layer = ContextNetwork(size=4)
        picture = images(2, height, width)
        # Each pixel is repeated until cells have whole numbers of them.
        fine = picture.repeat(4, 1).repeat(4, 2).reshape(2, 4, height, 4, width, 1)
        np.testing.assert_allclose(layer.shrink(picture), fine.mean((2, 4)), atol=1e-5)

    def test_mean_places(self):
        features = np.zeros((2, 4, 5, 1), "float32")
        features[1, 0, 4] = 50.0
        # Nothing in sight is in the middle on average; the middle of the upper right cell is half a cell from edges.
        places = ContextNetwork()._mean_places(features)
        np.testing.assert_allclose(places, [[0, 0], [-0.75, 0.8]], atol=1e-6)

    def test_multiply_adds(self):
        layer = ContextNetwork(units=5, size=5, filters=(2, 3))
        layer.build((None, 9, 9, 1))
        self.assertEqual(layer.multiply_adds(), 25 * 9 * 2 + 9 * 9 * 2 * 3 + (9 * 3 + 2 * 3) * 5)

    @parameterized.parameters({"units": 0}, {"size": 0}, {"filters": (0,)})
    def test_bad_arguments(self, **arguments):
        with self.assertRaisesRegex(ValueError, "at least 1"):
            ContextNetwork(**arguments)


class DeepRecurrentAttentionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters("soft", "reinforce")
    def test_conformance(self, gradient):
        self.check_layer(
            DeepRecurrentAttention,
            {**SMALL, "gradient": gradient},
            {"images": images()},
            output_shape={
                "states": (3, 2, 5),
                "seen": (3, 4, 5),
                "plans": (3, 4, 5),
                "locations": (3, 4, 2),
                "log_probs": (3, 4),
            },
            call_arguments={"sample": False},
            gradients=gradient == "soft",
        )

    def test_places_are_drawn_for_reinforce_only(self):
        for gradient, differs in (("soft", False), ("reinforce", True)):
            layer = DeepRecurrentAttention(**SMALL, gradient=gradient)
            first, second = (layer(images())["locations"] for _ in range(2))
            self.assertEqual(bool(np.any(first != second)), differs)

    def test_multiply_adds(self):
        layer = DeepRecurrentAttention(**SMALL)
        layer.build((None, 9, 9, 1))
        glimpse = 2 * 2 * 2 * 4 + 2 * 3 + (4 + 3) * 5 + (5 + 5) * 20 + (10 + 5) * 20 + 5 * 2
        self.assertEqual(layer.multiply_adds(), layer.context.multiply_adds() + 4 * glimpse)

    @parameterized.parameters({"labels": 0}, {"glimpses": 0}, {"gradient": "hard"})
    def test_bad_arguments(self, **arguments):
        with self.assertRaisesRegex(ValueError, next(iter(arguments))):
            DeepRecurrentAttention(**{**SMALL, **arguments})


class SoftSensorTest(LayerTestCase):
    def test_conformance(self):
        inputs = {"images": images(), "locations": np.float32([[0.1, 0.2], [-0.7, 0.9], [-5, 5]])}
        self.check_layer(
            GlimpseSensor, {"patch_size": 2, "scales": 2, "soft": True}, inputs, output_shape=(3, 2, 2, 2, 1)
        )

    def test_interpolates_and_has_the_gradient_of_a_ramp(self):
        ramp = np.broadcast_to(np.arange(20, dtype="float32")[None, :, None, None], (1, 20, 20, 1))
        sensor = GlimpseSensor(patch_size=2, scales=2, soft=True)
        location = tf.constant([[0.13, 0.0]])
        with tf.GradientTape() as tape:
            tape.watch(location)
            mean = tf.reduce_mean(sensor(ramp, location))
        # The middle of the crop is at (location + 1) / 2 * 20 from the upper edge; pixel n is in the middle at n + 0.5.
        self.assertAlmostEqual(float(mean), 1.13 * 10 - 0.5, places=4)
        np.testing.assert_allclose(tape.gradient(mean, location), [[10, 0]], atol=1e-4)

    def test_no_gradient_reaches_the_image(self):
        picture = tf.constant(images())
        with tf.GradientTape() as tape:
            tape.watch(picture)
            total = tf.reduce_sum(GlimpseSensor(patch_size=2)(picture, keras.ops.zeros((3, 2))))
        self.assertIsNone(tape.gradient(total, picture))


if __name__ == "__main__":
    absltest.main()
