"""The kit fails on a layer that is wrong in just one way, and passes a right one."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase

INPUTS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


class Right(keras.layers.Layer):
    """A dense layer that keeps the contract; the specimens below each break it once."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class ForgetsArgument(Right):
    def get_config(self):
        return keras.layers.Layer.get_config(self)


class WrongShape(Right):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units + 1)


class NoGradient(Right):
    def call(self, inputs):
        return keras.ops.matmul(inputs, keras.ops.stop_gradient(self.kernel)) + 0.0 * keras.ops.mean(inputs)


class MixesBatch(Right):
    def call(self, inputs):
        return super().call(inputs - keras.ops.mean(inputs, axis=0))


class Unseeded(Right):
    def call(self, inputs):
        return super().call(inputs) + tf.random.normal(())


class NotInXla(Right):
    def call(self, inputs):
        outputs = super().call(inputs)
        return outputs + tf.cast(tf.numpy_function(lambda: np.float32(0), [], tf.float32), outputs.dtype)


class Float32Only(Right):
    def call(self, inputs):
        return keras.ops.matmul(keras.ops.cast(inputs, "float32"), self.kernel.value)


class LosesWeights(Right):
    def load_own_variables(self, store):
        self.kernel.assign(keras.ops.zeros_like(self.kernel))


class EagerOnly(Right):
    def call(self, inputs):
        return super().call(inputs) * float(inputs[0, 0])


class LayerTestCaseTest(parameterized.TestCase):
    def check(self, layer_class, **options):
        LayerTestCase().check_layer(layer_class, {"units": 2}, INPUTS, output_shape=(3, 2), **options)

    def test_a_right_layer_passes(self):
        self.check(Right)

    @parameterized.parameters(
        ForgetsArgument, WrongShape, NoGradient, MixesBatch, Unseeded, NotInXla, Float32Only, LosesWeights, EagerOnly
    )
    def test_a_wrong_layer_fails(self, layer_class):
        with self.assertRaises(Exception):  # noqa: B017 an assertion, or what TensorFlow raises
            self.check(layer_class)

    @parameterized.parameters(
        (NoGradient, "gradients"),
        (MixesBatch, "batch_independent"),
        (NotInXla, "xla"),
        (Float32Only, "mixed_precision"),
    )
    def test_it_is_that_check_which_fails(self, layer_class, check):
        self.check(layer_class, **{check: False})


if __name__ == "__main__":
    absltest.main()
