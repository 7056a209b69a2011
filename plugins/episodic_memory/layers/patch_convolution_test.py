"""Tests of the convolution by patches."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.episodic_memory.layers.patch_convolution import PatchConvolution

PICTURES = np.random.default_rng(0).normal(size=(3, 6, 5, 2)).astype(np.float32)


class PatchConvolutionTest(LayerTestCase, parameterized.TestCase):
    def test_conformance(self):
        arguments = {"filters": 4, "kernel_size": (3, 2), "activation": "relu"}
        self.check_layer(PatchConvolution, arguments, PICTURES, output_shape=(3, 4, 4, 4))

    @parameterized.parameters(1, 3, ((2, 4),))
    def test_same_as_conv2d(self, size):
        ours, theirs = PatchConvolution(4, size, activation="relu"), keras.layers.Conv2D(4, size, activation="relu")
        np.testing.assert_allclose(theirs.compute_output_shape(PICTURES.shape), ours(PICTURES).shape)
        theirs.build(PICTURES.shape)
        theirs.set_weights(ours.get_weights())
        results = []
        for layer in (ours, theirs):
            with tf.GradientTape() as tape:
                outputs = layer(PICTURES)
                loss = tf.reduce_sum(tf.square(outputs))
            results.append([outputs, *tape.gradient(loss, [weight.value for weight in layer.trainable_weights])])
        for mine, reference in zip(*results, strict=True):
            np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    absltest.main()
