"""Tests of the cluttered canvases."""

import tempfile
import types
from typing import Any

import hypothesis
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import absltest, parameterized
from hypothesis import strategies as st

from ogbrain.errors import UserError
from ogbrain.testing.pipeline_test_case import PipelineTestCase
from ogbrain.testing.tiny_images import TinyImages
from plugins.attention.pipelines.cluttered_images import ClutteredImages, clutter_images, image_shape

BUILDER: Any = None


def setUpModule():
    global BUILDER
    BUILDER = TinyImages(data_dir=tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
    BUILDER.download_and_prepare()


def canvases(images, seed=(1, 2), canvas=20, clutter=0, clutter_size=3):
    """Returns whole numbers 0..255, as the images are."""
    made = clutter_images(
        tf.constant(images), tf.constant(seed), canvas=canvas, clutter=clutter, clutter_size=clutter_size
    )
    return np.round(made.numpy() * 255).astype(int)


class ClutterImagesTest(parameterized.TestCase):
    @parameterized.parameters(((7, 7, 1), 20), ((5, 9, 3), 9), ((1, 1, 1), 1), ((4, 2, 4), 30))
    def test_without_clutter_each_image_is_there_once_and_whole(self, shape, canvas):
        images = np.random.default_rng(0).integers(1, 256, (6, *shape)).astype("uint8")
        made = canvases(images, canvas=canvas)
        self.assertEqual(made.shape, (6, canvas, canvas, shape[-1]))
        for image, picture in zip(images, made, strict=True):
            rows, columns = np.where(picture[..., 0] > 0)
            top, left = rows.min(), columns.min()
            np.testing.assert_array_equal(picture[top : top + shape[0], left : left + shape[1]], image)
            self.assertEqual(np.count_nonzero(picture), image.size)

    @hypothesis.settings(max_examples=15, deadline=None)
    @hypothesis.given(seed=st.tuples(*[st.integers(0, 2**31 - 1)] * 2), clutter=st.integers(1, 6))
    def test_clutter_comes_from_other_images_and_hides_nothing_brighter(self, seed, clutter):
        # Image n is a plain 10 n + 10, so a pixel tells which image it came from.
        values = 10 * np.arange(8) + 10
        images = np.broadcast_to(values[:, None, None, None], (8, 6, 6, 1)).astype("uint8")
        made = canvases(images, seed, canvas=15, clutter=clutter)
        for value, picture in zip(values, made, strict=True):
            self.assertContainsSubset(set(np.unique(picture)), {0, *values})
            own = picture == value
            self.assertLessEqual(own.sum(), 36)
            self.assertLessEqual(np.count_nonzero(picture), 36 + clutter * 9)
            self.assertGreater(np.count_nonzero(picture >= value), 35)

    def test_all_places_are_drawn_alike(self):
        images = np.full((4500, 2, 2, 1), 255, "uint8")
        made = canvases(images, canvas=4)
        counts = np.zeros((3, 3))
        for picture in made[..., 0]:
            row, column = np.argwhere(picture)[0]
            counts[row, column] += 1
        np.testing.assert_allclose(counts, 500, atol=100)

    def test_pure_function_of_batch_and_seed(self):
        images = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 1)).astype("uint8")
        np.testing.assert_array_equal(canvases(images, clutter=4), canvases(images, clutter=4))
        self.assertTrue(np.any(canvases(images, (1, 2), clutter=4) != canvases(images, (1, 3), clutter=4)))
        self.assertTrue(np.any(canvases(images, (1, 2), clutter=4) != canvases(images, (2, 2), clutter=4)))

    def test_a_batch_of_one_is_cluttered_with_itself(self):
        made = canvases(np.full((1, 4, 4, 1), 9, "uint8"), clutter=5)
        self.assertEqual(set(np.unique(made)), {0, 9})

    def test_no_example(self):
        self.assertEqual(canvases(np.zeros((0, 4, 4, 1), "uint8"), clutter=2).shape, (0, 20, 20, 1))


class ConformanceTest(PipelineTestCase):
    spec = {"image": ((None, 20, 20, 1), tf.float32), "label": ((None,), tf.int64)}

    def make_pipeline(self):
        return ClutteredImages(BUILDER, canvas=20, clutter=2, clutter_size=3)


class ClutteredImagesTest(parameterized.TestCase):
    def test_batches(self):
        pipeline = ClutteredImages(BUILDER, canvas=20, clutter=2, clutter_size=3)
        self.assertEqual(pipeline.image_size, (8, 8))
        batch = next(iter(pipeline.batches("train", batch_size=16, seed=1, training=True)))
        self.assertEqual(batch["image"].shape, (16, 20, 20, 1))
        self.assertEqual(batch["image"].dtype, tf.float32)
        self.assertEqual(batch["label"].shape, (16,))
        self.assertBetween(float(np.max(batch["image"])), 0.5, 1.0)
        self.assertEqual(float(np.min(batch["image"])), 0.0)

    def test_training_never_shows_the_same_picture_twice(self):
        pipeline = ClutteredImages(BUILDER, canvas=20, clutter=0, shuffle=False, splits={"train": "train[:8]"})
        batches = iter(pipeline.batches("train", batch_size=8, seed=1, training=True))
        first, second = next(batches), next(batches)
        np.testing.assert_array_equal(first["label"], second["label"])
        self.assertTrue(np.any(first["image"] != second["image"]))

    @parameterized.parameters(
        ({"canvas": 7}, "canvas: 7 is too small for the 8x8"),
        ({"clutter_size": 9}, "clutter_size: 9 is larger than the 8x8"),
        ({"canvas": 0}, "canvas: 0"),
        ({"clutter": -1}, "clutter: -1"),
        ({"clutter_size": 0}, "clutter_size: 0"),
    )
    def test_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(UserError, message):
            ClutteredImages(BUILDER, **arguments).batches("train", batch_size=4)

    @parameterized.parameters(
        ({"text": tfds.features.Text()}, "none"), ({"image": tfds.features.Image()}, "None, None")
    )
    def test_data_without_images_of_one_size(self, features, message):
        with self.assertRaisesRegex(UserError, f"data set 'other' has no images of one size.*{message}"):
            image_shape(types.SimpleNamespace(name="other", features=features))


if __name__ == "__main__":
    absltest.main()
