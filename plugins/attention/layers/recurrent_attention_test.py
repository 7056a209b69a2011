"""Tests of the recurrent attention core and the glimpse network."""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.attention.layers.glimpse_network import GlimpseNetwork
from plugins.attention.layers.recurrent_attention import CORES, PLACES, RecurrentAttention

SMALL: dict[str, Any] = {
    "glimpses": 3,
    "patch_size": 2,
    "scales": 2,
    "units": 5,
    "patch_units": 4,
    "location_units": 3,
    "seed": 1,
}


def images(batch=4, size=9, seed=0):
    return tf.constant(np.random.default_rng(seed).random((batch, size, size, 1)), tf.float32)


class GlimpseNetworkTest(LayerTestCase):
    def test_conformance(self):
        random = np.random.default_rng(0)
        inputs = {
            "patches": random.random((3, 2, 2, 2, 1), "float32"),
            "locations": random.uniform(-1, 1, (3, 2)).astype("float32"),
        }
        for filters in ([], [3, 2]):
            arguments = {"units": 6, "patch_units": 5, "location_units": 4, "filters": filters}
            self.check_layer(GlimpseNetwork, arguments, inputs, output_shape=(3, 6))

    def test_convolutions_see_the_scales_side_by_side(self):
        network = GlimpseNetwork(units=6, filters=(3,))
        patches = np.random.default_rng(0).random((2, 3, 4, 4, 1), "float32")
        picture = patches[..., 0].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(network(patches), network(picture), atol=1e-6)
        self.assertEqual(network.multiply_adds(), 4 * 16 * 3 * 3 + 12 * 128 + 2 * 128 + 256 * 6)
        with self.assertRaisesRegex(ValueError, "filters must be at least 1"):
            GlimpseNetwork(filters=(0,))

    def test_equals_the_formula(self):
        network = GlimpseNetwork(units=6, patch_units=5, location_units=4)
        patches = np.random.default_rng(0).random((3, 2, 2, 2, 1), "float32")
        locations = np.random.default_rng(1).uniform(-1, 1, (3, 2)).astype("float32")
        network(patches, locations)
        for weight in network.trainable_weights:
            weight.assign(np.random.default_rng(len(weight.path)).normal(size=weight.shape))
        got = network(patches, locations)
        what = np.maximum(patches.reshape(3, -1) @ network.patch_hidden.kernel + network.patch_hidden.bias, 0)
        where = np.maximum(locations @ network.location_hidden.kernel + network.location_hidden.bias, 0)
        total = what @ network.joined.kernel[:5] + where @ network.joined.kernel[5:] + network.joined.bias
        np.testing.assert_allclose(got, np.maximum(total, 0), rtol=1e-4, atol=1e-5)


class RecurrentAttentionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters(*itertools.product(CORES, PLACES))
    def test_conformance(self, core, places):
        for sample in (True, False):
            self.check_layer(
                RecurrentAttention,
                {**SMALL, "core": core, "places": places, "policy_units": 3},
                {"images": images().numpy()},
                output_shape={"states": (4, 3, 5), "locations": (4, 3, 2), "log_probs": (4, 3)},
                call_arguments={"sample": sample},
                mixed_precision=sample,
                # What is drawn depends on how many there are, and XLA has random numbers of its own.
                batch_independent=not sample,
                xla=not sample and places == "learned",
                gradients=sample,
            )

    @parameterized.parameters(*itertools.product(CORES, PLACES, ("float32", "mixed_bfloat16")))
    def test_outputs_are_as_announced(self, core, places, dtype):
        layer = RecurrentAttention(**SMALL, core=core, places=places, dtype=dtype)
        outputs = layer(images())
        symbolic = layer(keras.Input((None, None, 1)))
        self.assertEqual(set(outputs), {"states", "locations", "log_probs"})
        for name, output in outputs.items():
            self.assertEqual(output.shape[1:], symbolic[name].shape[1:])
            self.assertEqual(output.dtype.name, symbolic[name].dtype)
            self.assertTrue(np.all(np.isfinite(tf.cast(output, tf.float32))))
        self.assertEqual(outputs["locations"].dtype, tf.float32)
        self.assertLessEqual(float(np.abs(outputs["locations"]).max()), 1.0)
        np.testing.assert_array_equal(outputs["log_probs"][:, 0], np.zeros(4))

    def test_is_the_loop_of_its_parts(self):
        layer = RecurrentAttention(**SMALL, core="simple")
        outputs = layer(images(), sample=False)
        policy: Any = layer.policy
        location, state = tf.zeros((4, 2)), tf.zeros((4, 5))
        for glimpse in range(3):
            np.testing.assert_allclose(outputs["locations"][:, glimpse], location, atol=1e-6)
            code = layer.network(layer.sensor(images(), location), location)
            kernel = layer.cell.kernel.value
            state = tf.nn.relu(code @ kernel[:5] + state @ kernel[5:] + layer.cell.bias)
            np.testing.assert_allclose(outputs["states"][:, glimpse], state, atol=1e-5)
            location = policy(state, sample=False)[0]

    @parameterized.parameters(True, False)
    def test_who_gets_which_gradient(self, policy_shapes_state):
        layer = RecurrentAttention(**SMALL, policy_shapes_state=policy_shapes_state)
        layer.build((None, 9, 9, 1))
        variables = [weight.value for weight in layer.trainable_weights]
        policy: Any = layer.policy
        own = {weight.path for weight in policy.trainable_weights}
        rest = {weight.path for weight in layer.trainable_weights} - own
        expected = {"states": rest, "log_probs": own | rest if policy_shapes_state else own}
        for name, reached in expected.items():
            with tf.GradientTape() as tape:
                total = tf.reduce_sum(layer(images())[name])
            gradients = tape.gradient(total, variables)
            touched = {
                weight.path
                for weight, gradient in zip(layer.trainable_weights, gradients, strict=True)
                if gradient is not None and np.any(gradient != 0)
            }
            self.assertEqual(touched, reached, name)

    def test_places(self):
        random = RecurrentAttention(**{**SMALL, "glimpses": 8}, places="random")
        locations = random(images(200))["locations"]
        np.testing.assert_allclose(np.mean(locations, (0, 1)), [0, 0], atol=0.08)
        np.testing.assert_allclose(np.std(locations, (0, 1)), [3**-0.5] * 2, atol=0.05)
        self.assertIsNone(random.policy)
        centre = RecurrentAttention(**SMALL)(images())["locations"]
        np.testing.assert_array_equal(centre[:, 0], np.zeros((4, 2)))
        start = RecurrentAttention(**SMALL, first_place="random")(images())["locations"]
        self.assertTrue(np.all(np.abs(start[:, 0]) > 0))
        fixed = random(images(), sample=False)["locations"]
        np.testing.assert_array_equal(fixed, random(images(), sample=False)["locations"])
        np.testing.assert_array_equal(fixed[0], fixed[1])
        self.assertGreater(float(np.std(fixed[0])), 0.2)

    def test_same_seed_same_result_and_sampling_differs(self):
        def run(seed):
            keras.utils.set_random_seed(0)
            layer = RecurrentAttention(**{**SMALL, "seed": seed})
            return [layer(images())["locations"], layer(images())["locations"]]

        first, second, other = run(1), run(1), run(2)
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
        self.assertTrue(np.any(first[0] != first[1]))
        self.assertTrue(np.any(first[0] != other[0]))

    def test_multiply_adds(self):
        layer = RecurrentAttention(**SMALL)
        layer.build((None, 9, 9, 1))
        glimpse = 2 * 2 * 2 * 4 + 4 * 5 + 2 * 3 + 3 * 5 + 5 * 5 + 5 * 5
        self.assertEqual(layer.multiply_adds(), 3 * glimpse + 2 * 5 * 2)

    @parameterized.parameters(
        ({"glimpses": 0}, "glimpses"), ({"core": "gru"}, "core"), ({"places": "lerned"}, "places"),
        ({"first_place": "left"}, "first_place"), ({"stddev": 0}, "stddev"), ({"patch_size": 0}, "patch_size"),
    )  # fmt: skip
    def test_bad_arguments(self, arguments, name):
        with self.assertRaisesRegex(ValueError, name):
            RecurrentAttention(**{**SMALL, **arguments})


if __name__ == "__main__":
    absltest.main()
