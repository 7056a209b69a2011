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
from plugins.attention.layers.place_attention import PlaceAttention, seen_from

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


class PlaceAttentionTest(LayerTestCase):
    state = np.random.default_rng(1).normal(size=(3, 5)).astype("float32")
    features = np.maximum(np.random.default_rng(2).normal(size=(3, 4, 2, 6)), 0).astype("float32")
    looked = np.random.default_rng(3).uniform(size=(3, 4, 2)).astype("float32")

    def test_conformance(self):
        inputs = {"state": self.state, "features": self.features, "seen": self.looked}
        arguments = {"units": 7, "salience": 2.0, "inhibition": 3.0}
        self.check_layer(PlaceAttention, arguments, inputs, output_shape=(3, 2), mixed_precision=False)
        # Places are numbers of pixels: float32 at any precision.
        self.assertEqual(PlaceAttention(7, dtype="mixed_bfloat16")(self.state, self.features).dtype, tf.float32)

    def test_equals_reference(self):
        layer = PlaceAttention(units=7, salience=2.0, inhibition=3.0)
        places = layer(self.state, self.features, seen=self.looked)
        where = np.array([[[y, x] for x in (-0.5, 0.5)] for y in (-0.75, -0.25, 0.25, 0.75)])
        seen = np.concatenate([self.features, np.tile(np.concatenate([where, where**2], -1), (3, 1, 1, 1))], -1)
        query = self.state @ layer.query.kernel.numpy() + layer.query.bias.numpy()
        scores = np.einsum("bu,brcu->brc", query, seen @ layer.key.kernel.numpy()) / 7**0.5
        unlike = np.abs(self.features - self.features.mean((1, 2), keepdims=True)).mean(-1)
        powers = np.exp(scores + 2 * unlike / unlike.max((1, 2), keepdims=True) - 3 * self.looked)
        expected = np.einsum("brc,rca->ba", powers / powers.sum((1, 2), keepdims=True), where)
        np.testing.assert_allclose(places, expected, atol=1e-5)
        again = layer(self.state, self.features, layer.keys_of(self.features), self.looked)
        np.testing.assert_allclose(again, places, atol=1e-6)

    def test_looks_at_one_thing_after_another_before_it_learns(self):
        features = np.zeros((1, 5, 5, 2), "float32")
        features[0, 1, 4], features[0, 3, 0] = 1.0, 0.8
        layer, state = PlaceAttention(units=3, salience=60.0, inhibition=60.0), np.zeros((1, 4), "float32")
        first = layer(state, features)
        np.testing.assert_allclose(first, [[-0.4, 0.8]], atol=1e-3)
        seen = seen_from(first, (0.2, 0.2), 5, 5)
        np.testing.assert_allclose(layer(state, features, seen=seen), [[0.4, -0.8]], atol=1e-3)
        careless = PlaceAttention(units=3, salience=60.0)
        np.testing.assert_allclose(careless(state, features, seen=seen), first, atol=1e-3)

    def test_what_is_seen_falls_with_the_distance(self):
        seen = seen_from(np.array([[-0.5, 0.5]], "float32"), np.array([1.0, 0.5], "float32"), 2, 2)
        np.testing.assert_allclose(seen[0], np.exp([[-2.0, 0.0], [-2.5, -0.5]]), atol=1e-6)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "units must be at least 1, got 0"):
            PlaceAttention(units=0)


class DeepRecurrentAttentionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters(("soft", 3, [2]), ("soft", 0, []), ("reinforce", 3, []))
    def test_conformance(self, gradient, place_units, filters):
        self.check_layer(
            DeepRecurrentAttention,
            {**SMALL, "gradient": gradient, "place_units": place_units, "filters": filters},
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
        layer = DeepRecurrentAttention(**SMALL, place_units=3, filters=(7,))
        layer.build((None, 9, 9, 1))
        # One convolution leaves 1x1x7 of the patches; the map of 2x2 cells has 16 features and 4 numbers of its place.
        glimpse = 16 * 2 * 7 + 7 * 4 + 2 * 3 + (4 + 3) * 5 + (5 + 5) * 20 + (10 + 5) * 20 + 5 * 2
        places = 4 * 20 * 3 + 4 * (5 + 4) * 3
        self.assertEqual(layer.multiply_adds(), layer.context.multiply_adds() + places + 4 * glimpse)

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
