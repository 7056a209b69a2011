"""Tests of the REINFORCE losses: the estimate's direction, and who gets which gradient."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from plugins.attention.experiments.reinforce import glimpse_returns, reinforce


class GlimpseReturnsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        logits = np.random.default_rng(0).normal(size=(5, 4, 3))
        self.probabilities = (np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)).astype("float32")
        self.labels = np.array([0, 2, 1, 1, 0])

    def test_gain(self):
        got = glimpse_returns(tf.constant(self.probabilities), tf.constant(self.labels), "gain")
        self.assertEqual(got.shape, (5, 3))
        for example, label in enumerate(self.labels):
            known = self.probabilities[example, :, label]
            for choice in range(3):
                expected = known[choice + 1 :].mean() - known[choice]
                self.assertAlmostEqual(float(got[example, choice]), float(expected), places=5)

    def test_final(self):
        got = glimpse_returns(tf.constant(self.probabilities), tf.constant(self.labels), "final")
        right = self.probabilities[:, -1].argmax(-1) == self.labels
        self.assertTrue(0 < right.sum() < 5)
        np.testing.assert_array_equal(got, np.repeat(right[:, None], 3, 1))

    @parameterized.parameters("gain", "final")
    def test_no_gradient_reaches_the_classifier(self, reward):
        probabilities = tf.constant(self.probabilities)
        with tf.GradientTape() as tape:
            tape.watch(probabilities)
            total = tf.reduce_sum(glimpse_returns(probabilities, tf.constant(self.labels), reward))
        self.assertIsNone(tape.gradient(total, probabilities))


class ReinforceTest(parameterized.TestCase):
    def test_policy_gets_the_advantage_and_baseline_the_error(self):
        random = np.random.default_rng(1)
        returns, baselines, log_probs = (tf.constant(random.normal(size=(6, 3)), tf.float32) for _ in range(3))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([returns, baselines, log_probs])
            policy_loss, baseline_loss = reinforce(returns, baselines, log_probs)
        advantages = returns - baselines
        advantages /= np.std(advantages) + 1e-3
        np.testing.assert_allclose(tape.gradient(policy_loss, log_probs), -advantages / 6, rtol=1e-4)
        self.assertIsNone(tape.gradient(policy_loss, baselines))
        self.assertIsNone(tape.gradient(policy_loss, returns))
        np.testing.assert_allclose(tape.gradient(baseline_loss, baselines), 2 * (baselines - returns) / 18, rtol=1e-4)
        self.assertIsNone(tape.gradient(baseline_loss, log_probs))
        self.assertIsNone(tape.gradient(baseline_loss, returns))

    @parameterized.parameters(0.0, 5.0)
    def test_estimate_points_up_the_expected_reward(self, baseline):
        # One choice x ~ N(mean, 1) with reward -(x - 3)^2 has the expected reward's gradient 2 (3 - mean).
        mean = tf.Variable(1.0)
        x = tf.random.stateless_normal((50000, 1), (1, 2)) + 1.0
        returns = -tf.square(x - 3.0)
        with tf.GradientTape() as tape:
            log_probs = -0.5 * tf.square(x - mean)
            policy_loss, _ = reinforce(returns, tf.fill((50000, 1), -baseline), log_probs)
        got = -float(tape.gradient(policy_loss, mean)) * float(np.std(returns))
        self.assertAlmostEqual(got, 4.0, delta=0.3)

    def test_a_good_baseline_lowers_the_noise(self):
        difficulty = np.random.default_rng(2).normal(size=(4000, 1)).astype("float32") * 10
        x = np.random.default_rng(3).normal(size=(4000, 1)).astype("float32")
        returns = x + difficulty
        score = x
        with_baseline = np.std((returns - difficulty) * score)
        without = np.std(returns * score)
        self.assertLess(with_baseline, without / 4)
        with tf.GradientTape() as tape:
            mean = tf.Variable(0.0)
            tape.watch(mean)
            loss, _ = reinforce(tf.constant(returns), tf.constant(difficulty), -0.5 * tf.square(x - mean))
        self.assertAlmostEqual(-float(tape.gradient(loss, mean)), 1.0, delta=0.1)


if __name__ == "__main__":
    absltest.main()
