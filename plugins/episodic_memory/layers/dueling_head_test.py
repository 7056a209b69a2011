"""Tests of the dueling head."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.episodic_memory.layers.dueling_head import DuelingHead

KEYS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


class DuelingHeadTest(LayerTestCase):
    def test_conformance(self):
        self.check_layer(DuelingHead, {"actions": 4}, KEYS, output_shape=(5, 4))

    def test_adds_value_and_advantages(self):
        head = DuelingHead(4)
        value = np.array([[1.0], [2.0], [3.0]])
        advantages = np.random.default_rng(1).normal(size=(3, 4))
        head.build(KEYS.shape)
        head.value.set_weights([value, np.array([0.5])])
        head.advantages.set_weights([advantages, np.array([1.0, 0.0, 0.0, -1.0])])
        found = head(KEYS).numpy()
        np.testing.assert_allclose(found.mean(1), KEYS @ value[:, 0] + 0.5, rtol=1e-4, atol=1e-5)
        lead = KEYS @ (advantages[:, 0] - advantages[:, 3]) + 2
        np.testing.assert_allclose(found[:, 0] - found[:, 3], lead, rtol=1e-4, atol=1e-5)
        kernel, bias = head.linear()
        np.testing.assert_allclose(KEYS @ kernel + bias, found, rtol=1e-4, atol=1e-5)

    def test_one_action_teaches_the_others_of_the_situation(self):
        head = DuelingHead(4)
        with tf.GradientTape() as tape:
            chosen = head(KEYS)[:, 2]
        gradient = tape.gradient(chosen, head.value.kernel.value)
        np.testing.assert_allclose(gradient[:, 0], KEYS.sum(0), rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    absltest.main()
