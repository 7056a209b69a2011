"""Tests of the location policy: its density, its draws, its gradient."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.attention.layers.location_policy import LocationPolicy


def states(batch=5, depth=3, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=(batch, depth)), tf.float32)


class LocationPolicyTest(LayerTestCase, parameterized.TestCase):
    def test_conformance(self):
        for sample in (True, False):
            self.check_layer(
                LocationPolicy,
                {"stddev": 0.3, "hidden_units": 4, "seed": 1},
                {"state": states().numpy()},
                output_shape=((5, 2), (5,), (5, 2)),
                call_arguments={"sample": sample},
                mixed_precision=False,  # all outputs stay float32, which has a test of its own
                # What is drawn depends on how many there are, and XLA has random numbers of its own.
                batch_independent=not sample,
                xla=not sample,
            )

    @parameterized.parameters(0.05, 0.3, 2.0)
    def test_log_prob_is_the_gaussian_density(self, stddev):
        policy = LocationPolicy(stddev, seed=1)
        policy.build((None, 3))
        generator = np.random.default_rng(0)
        means = generator.normal(size=(7, 2)).astype("float32")
        points = means + stddev * generator.normal(size=(7, 2)).astype("float32")
        density = np.exp(-((points - means) ** 2) / (2 * stddev**2)) / np.sqrt(2 * np.pi * stddev**2)
        np.testing.assert_allclose(policy.log_prob(points, means), np.log(density).sum(-1), rtol=1e-3, atol=1e-4)

    def test_density_integrates_to_one(self):
        policy = LocationPolicy(0.2, seed=1)
        policy.build((None, 3))
        grid = np.linspace(-2, 2, 201, dtype="float32")
        points = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
        log_probs = policy.log_prob(points, np.array([[0.3, -0.2]], "float32"))
        self.assertAlmostEqual(float(np.exp(log_probs).sum() * (grid[1] - grid[0]) ** 2), 1.0, places=3)

    def test_draws_have_the_mean_and_the_deviation(self):
        policy = LocationPolicy(0.1, seed=3)
        state = tf.tile(states(1), (4000, 1))
        locations, _, means = policy(state)
        self.assertLess(float(np.abs(means).max()), 0.5)
        np.testing.assert_allclose(np.mean(locations, 0), means[0], atol=0.01)
        np.testing.assert_allclose(np.std(locations, 0), [0.1, 0.1], rtol=0.05)

    def test_locations_stay_in_the_image_but_the_density_is_of_the_draw(self):
        policy = LocationPolicy(5.0, seed=3)
        locations, log_probs, means = policy(states(200))
        self.assertLessEqual(float(np.abs(locations).max()), 1.0)
        self.assertTrue(np.any(np.abs(policy.log_prob(locations, means) - log_probs) > 0.1))

    def test_without_sampling_it_looks_at_the_mean(self):
        policy = LocationPolicy(0.1, seed=1)
        first, _, means = policy(states(), sample=False)
        np.testing.assert_array_equal(first, means)
        np.testing.assert_array_equal(policy(states(), sample=False)[0], first)
        self.assertTrue(np.any(policy(states())[0] != policy(states())[0]))

    def test_scale_narrows_the_search_and_is_no_trained_weight(self):
        policy = LocationPolicy(0.3, seed=1)
        policy(states())
        self.assertNotIn(policy.scale.path, [weight.path for weight in policy.trainable_weights])
        self.assertIn(policy.scale.path, [weight.path for weight in policy.weights])
        policy.scale.assign(0.01)
        locations, _, means = policy(states(500))
        np.testing.assert_allclose(np.std(locations - means, 0), [0.01, 0.01], rtol=0.15)

    def test_same_seed_same_draws(self):
        first, second, other = (LocationPolicy(0.1, seed=seed)(states())[0] for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, second)
        self.assertTrue(np.any(first != other))

    def test_gradient_is_the_score(self):
        policy = LocationPolicy(0.5, seed=1)
        policy.build((None, 3))
        state = states(1)
        with tf.GradientTape() as tape:
            locations, log_probs, means = policy(state)
        gradient = tape.gradient(log_probs, policy.mean.kernel.value)
        # d log p / d mean = (draw - mean) / stddev^2; the tanh and the linear layer follow by the chain rule.
        by_mean = (locations - means) / 0.5**2 * (1 - means**2)
        np.testing.assert_allclose(gradient, np.outer(state[0], by_mean[0]), rtol=1e-4)

    @parameterized.parameters(True, False)
    def test_reinforce_finds_the_reward(self, baseline):
        # The reward is highest at (0.4, -0.6); the average of the REINFORCE gradient must point there.
        target = np.array([0.4, -0.6], "float32")
        policy = LocationPolicy(0.2, seed=5)
        state = tf.ones((20000, 1))
        policy.build((None, 1))
        with tf.GradientTape() as tape:
            locations, log_probs, means = policy(state)
            reward = tf.stop_gradient(-tf.reduce_sum((locations - target) ** 2, -1))
            advantage = reward - tf.reduce_mean(reward) if baseline else reward
            objective = tf.reduce_mean(log_probs * advantage)
        gradient = tape.gradient(objective, policy.mean.bias.value)
        exact = 2 * (target - means[0]) * (1 - means[0] ** 2)
        np.testing.assert_allclose(gradient, exact, atol=0.15 if not baseline else 0.05)

    def test_float32_in_mixed_precision(self):
        policy = LocationPolicy(0.1, hidden_units=4, seed=1, dtype="mixed_bfloat16")
        outputs = policy(states())
        self.assertEqual([output.dtype for output in outputs], [tf.float32] * 3)
        symbolic = policy(keras.Input((3,)))
        self.assertEqual([output.shape for output in symbolic], [(None, 2), (None,), (None, 2)])
        self.assertEqual([output.dtype for output in symbolic], ["float32"] * 3)

    def test_bad_arguments(self):
        for stddev in (0, -1.0):
            with self.assertRaisesRegex(ValueError, "stddev"):
                LocationPolicy(stddev)


if __name__ == "__main__":
    absltest.main()
