"""The kit fails on a layer that is wrong in just one way, with just that check, and passes a right one."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain import testing

INPUTS = np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 2, 4)

UNTRACKED = []


class Right(keras.layers.Layer):
    """A dense layer that keeps the contract; the specimens below each break it once."""

    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs, mask=None):
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


class WrongDtype(Right):
    def call(self, inputs, mask=None):
        outputs = super().call(inputs)
        return keras.ops.cast(outputs, "float64") if outputs.dtype == "float32" else outputs


class NoGradient(Right):
    def call(self, inputs, mask=None):
        return keras.ops.matmul(inputs, keras.ops.stop_gradient(self.kernel)) + 0.0 * keras.ops.mean(inputs)


class MixesBatch(Right):
    def call(self, inputs, mask=None):
        return super().call(inputs - keras.ops.mean(inputs, axis=0))


class IgnoresMask(Right):
    def call(self, inputs, mask=None):
        return super().call(inputs + keras.ops.mean(inputs, axis=1, keepdims=True))


class Unseeded(Right):
    def call(self, inputs, mask=None):
        outputs = super().call(inputs)
        return outputs + tf.random.normal((), dtype=outputs.dtype)


class NotInXla(Right):
    def call(self, inputs, mask=None):
        outputs = super().call(inputs)
        zero = tf.strings.as_string(0.0 * tf.cast(tf.reduce_sum(outputs), tf.float32))
        return outputs + tf.cast(tf.strings.to_number(zero), outputs.dtype)


class Float32Only(Right):
    def call(self, inputs, mask=None):
        return keras.ops.matmul(keras.ops.cast(inputs, "float32"), self.kernel.value)


class LosesWeights(Right):
    def load_own_variables(self, store):
        self.kernel.assign(keras.ops.zeros_like(self.kernel))


class EagerDiffers(Right):
    def call(self, inputs, mask=None):
        return super().call(inputs) * (2.0 if tf.executing_eagerly() else 1.0)


class Untracked(Right):
    def call(self, inputs, mask=None):
        if not UNTRACKED:
            with tf.init_scope():
                UNTRACKED.append(tf.Variable(1.0))
        outputs = super().call(inputs)
        return outputs * tf.cast(UNTRACKED[0], outputs.dtype)


class LayerTestCaseTest(parameterized.TestCase):
    def check(self, layer_class, **options):
        case = testing.LayerTestCase()
        try:
            case.check_layer(layer_class, {"units": 2}, INPUTS, output_shape=(3, 2, 2), **options)
        except AssertionError as error:
            self.assertNotEmpty(case.checks.failed, error)
            self.assertStartsWith(str(error), f"{layer_class.__name__}: 1 of 12 checks failed\n  ")
        return case.checks

    def test_a_right_layer_passes(self):
        checks = self.check(Right)
        self.assertEmpty(checks.failed)
        self.assertLen({check.name for check in checks.done if check.status == "ok"}, 12)

    @parameterized.parameters(
        (WrongShape, "shapes"),
        (WrongDtype, "dtypes"),
        (ForgetsArgument, "config round trip"),
        (Unseeded, "determinism"),
        (EagerDiffers, "symbolic and eager"),
        (LosesWeights, ".keras round trip"),
        (NoGradient, "gradient flow"),
        (MixesBatch, "batch independence"),
        (IgnoresMask, "masks"),
        (Float32Only, "mixed precision"),
        (NotInXla, "XLA"),
        (Untracked, "export"),
    )
    def test_a_wrong_layer_fails_just_that_check(self, layer_class, check):
        self.assertEqual(self.check(layer_class).failed, [check])

    @parameterized.parameters(
        (NoGradient, "gradients"),
        (MixesBatch, "batch_independent"),
        (IgnoresMask, "masks"),
        (Unseeded, "deterministic"),
        (NotInXla, "xla"),
        (Untracked, "export"),
        (Float32Only, "mixed_precision"),
    )
    def test_a_check_can_be_left_out(self, layer_class, option):
        self.assertEmpty(self.check(layer_class, **{option: False}).failed)


if __name__ == "__main__":
    absltest.main()
