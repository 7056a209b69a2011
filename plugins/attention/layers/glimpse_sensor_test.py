"""Tests of the glimpse sensor against a plain NumPy reference."""

import hypothesis
import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import strategies as st

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.attention.layers.glimpse_sensor import GlimpseSensor


def reference(images, locations, patch_size, scales):
    """Cuts the crops pixel by pixel."""
    batch, height, width, channels = images.shape
    widest = patch_size * 2 ** (scales - 1)
    out = np.zeros((batch, scales, patch_size, patch_size, channels))
    for example, (y, x) in enumerate(locations):
        for scale in range(scales):
            factor = 2**scale
            inset = (widest - patch_size * factor) // 2
            top = int(np.round(np.float32((y + 1) / 2) * height - widest / 2)) + inset
            left = int(np.round(np.float32((x + 1) / 2) * width - widest / 2)) + inset
            for row in range(patch_size * factor):
                for column in range(patch_size * factor):
                    if 0 <= top + row < height and 0 <= left + column < width:
                        pixel = images[example, top + row, left + column]
                        out[example, scale, row // factor, column // factor] += pixel / factor**2
    return out


class GlimpseSensorTest(LayerTestCase, parameterized.TestCase):
    def test_conformance(self):
        random = np.random.default_rng(0)
        inputs = {
            "images": random.random((3, 9, 11, 2), "float32"),
            "locations": random.uniform(-1, 1, (3, 2)).astype("float32"),
        }
        self.check_layer(GlimpseSensor, {"patch_size": 4, "scales": 2}, inputs, output_shape=(3, 2, 4, 4, 2))

    @parameterized.parameters(
        (12, 12, 4, 1, 1), (60, 60, 8, 3, 1), (9, 17, 3, 3, 3), (17, 9, 5, 2, 2), (1, 1, 4, 2, 1), (1, 30, 2, 3, 4),
        (3, 2, 7, 1, 1), (5, 5, 1, 1, 1), (6, 6, 1, 4, 1),
    )  # fmt: skip
    def test_equals_reference(self, height, width, patch_size, scales, channels):
        generator = np.random.default_rng(height * width)
        images = generator.random((12, height, width, channels), "float32")
        # Offsets that are no halves of a pixel, where rounding could go either way.
        locations = generator.uniform(-1.3, 1.3, (12, 2)).astype("float32")
        locations[:3] = [[-1, -1], [1, 1], [0.003, -0.007]]
        got = GlimpseSensor(patch_size, scales)(images, locations)
        np.testing.assert_allclose(got, reference(images, locations, patch_size, scales), atol=1e-5)

    def test_centre_of_an_image_of_its_own_size_is_the_image(self):
        image = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        got = GlimpseSensor(patch_size=8, scales=1)(image, np.zeros((2, 2), "float32"))
        np.testing.assert_array_equal(got[:, 0], image)

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(y=st.integers(-9, 9), x=st.integers(-9, 9))
    def test_moves_with_the_image(self, y, x):
        image = np.zeros((1, 40, 40, 1), "float32")
        image[:, 15:25, 15:25] = np.random.default_rng(1).random((1, 10, 10, 1))
        moved = np.roll(image, (y, x), axis=(1, 2))
        sensor = GlimpseSensor(patch_size=4, scales=2)
        locations = np.array([[0.0, 0.0]], "float32")
        there = np.array([[y / 20, x / 20]], "float32")
        np.testing.assert_allclose(sensor(image, locations), sensor(moved, there), atol=1e-6)

    @parameterized.parameters(1e9, -1e9, np.inf, -np.inf, 3.5)
    def test_sees_nothing_far_outside(self, place):
        got = GlimpseSensor(4, 2)(np.ones((1, 9, 9, 1), "float32"), np.array([[place, 0.0]], "float32"))
        np.testing.assert_array_equal(got, np.zeros_like(got))

    def test_reads_whole_numbers_without_copying_the_image(self):
        images = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 1)).astype("uint8")
        locations = np.random.default_rng(1).uniform(-1, 1, (3, 2)).astype("float32")
        got = GlimpseSensor(4, 2)(images, locations)
        np.testing.assert_allclose(got, reference(images, locations, 4, 2), rtol=1e-5)
        graph = tf.function(GlimpseSensor(4, 2)).get_concrete_function(
            tf.TensorSpec((3, 400, 400, 1)), tf.TensorSpec((3, 2))
        )
        made = [output for op in graph.graph.get_operations() for output in op.outputs if op.type != "Placeholder"]
        large = [t.op.type for t in made if t.shape.num_elements() and t.shape.num_elements() >= 3 * 400 * 400]
        self.assertEqual(set(large), {"Reshape"})

    def test_locations_stay_exact_in_bfloat16(self):
        sensor = GlimpseSensor(8, 1, dtype="mixed_bfloat16")
        column = np.arange(1000, dtype="float32")
        images = np.tile(column, (2, 8, 1))[..., None] / 1024
        locations = np.array([[0, 0.501], [0, -0.733]], "float32")
        got = sensor(tf.constant(images), tf.constant(locations))
        self.assertEqual(got.dtype, tf.bfloat16)
        expected = reference(images, locations, 8, 1)
        np.testing.assert_allclose(tf.cast(got, tf.float32), expected, rtol=2**-8)

    def test_any_size_in_one_graph_and_compiled(self):
        sensor = GlimpseSensor(4, 2)
        inputs = keras.Input((None, None, 2)), keras.Input((2,))
        model = keras.Model(inputs, sensor(*inputs))
        self.assertEqual(model.output_shape, (None, 2, 4, 4, 2))
        for height, width in ((7, 30), (1, 1)):
            images = np.random.default_rng(0).random((2, height, width, 2), "float32")
            locations = np.array([[0.3, -0.4], [-0.9, 0.1]], "float32")
            compiled = tf.function(sensor, jit_compile=True)(tf.constant(images), tf.constant(locations))
            np.testing.assert_allclose(model([images, locations]), reference(images, locations, 4, 2), atol=1e-5)
            np.testing.assert_allclose(compiled, reference(images, locations, 4, 2), atol=1e-5)

    def test_bad_arguments(self):
        for arguments in ((0, 1), (4, 0)):
            with self.assertRaisesRegex(ValueError, "at least 1"):
                GlimpseSensor(*arguments)
        with self.assertRaisesRegex(ValueError, r"\(batch, 2\)"):
            GlimpseSensor()(np.ones((1, 8, 8, 1)), np.ones((1, 3)))
        with self.assertRaisesRegex(ValueError, "height, width"):
            GlimpseSensor()(np.ones((1, 8, 8)), np.ones((1, 2)))


if __name__ == "__main__":
    absltest.main()
