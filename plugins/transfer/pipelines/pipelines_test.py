"""Tests of the pipelines of the transfer plugin."""

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ogbrain.errors import UserError
from ogbrain.testing.pipeline_test_case import PipelineTestCase
from plugins.transfer.pipelines.feature_cache import FeatureCache
from plugins.transfer.pipelines.image_classes import ImageClasses, fit_picture
from plugins.transfer.pipelines.text_classes import TextClasses
from plugins.transfer.pipelines.words import WordPieces, split_words

COLOURS = {"blue": (30, 30, 200), "green": (30, 200, 30), "red": (200, 30, 30)}
FOLDER = Path(tempfile.mkdtemp())


def setUpModule():
    random = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (FOLDER / "pictures" / name).mkdir(parents=True, exist_ok=True)
        for number in range(12):
            pixels = np.clip(random.normal(colour, 40, (9 + number, 14, 3)), 0, 255)
            Image.fromarray(np.uint8(pixels)).save(FOLDER / "pictures" / name / f"{number}.png")
    with open(FOLDER / "texts.csv", "w") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows((f"number {number}", ["a", "b", "c"][number % 3]) for number in range(60))


def pictures(**kwargs) -> ImageClasses:
    return ImageClasses(f"folder:{FOLDER}/pictures", size=8, data_dir=str(FOLDER / "data"), **kwargs)


class ImageClassesTest(PipelineTestCase):
    spec = {"image": ((None, 8, 8, 3), tf.float32), "label": ((None,), tf.int64)}

    def make_pipeline(self):
        return pictures(views=0)

    def test_a_view_depends_on_seed_example_and_number_alone(self):
        pipeline = pictures(views=2)
        passes = [
            np.concatenate([batch["image"] for batch in pipeline.pass_over("train", view=1, batch_size=size, seed=3)])
            for size in (5, 7)
        ]
        np.testing.assert_allclose(passes[0], passes[1], atol=1e-3)
        other = next(iter(pipeline.pass_over("train", view=1, batch_size=5, seed=4)))["image"]
        self.assertGreater(np.abs(other - passes[0][:5]).max(), 1)
        plain = next(iter(pipeline.pass_over("train", view=0, batch_size=5, seed=3)))["image"]
        self.assertGreater(np.abs(plain - passes[0][:5]).max(), 1)

    def test_evaluation_shows_the_picture_itself(self):
        batch = next(iter(pictures().batches("test", batch_size=2)))
        means = np.mean(batch["image"], (1, 2))
        for mean, label in zip(means, batch["label"], strict=True):
            self.assertEqual(mean.argmax(), {"red": 0, "green": 1, "blue": 2}[sorted(COLOURS)[label]])

    def test_classes_and_examples_are_chosen(self):
        pipeline = pictures(classes=["red", "blue"], per_class=3)
        self.assertEqual(pipeline.label_names, ["red", "blue"])
        self.assertEqual((pipeline.num_examples("train"), pipeline.num_examples("test")), (6, 2))
        batch = next(iter(pipeline.batches("train", batch_size=6, training=True)))
        self.assertCountEqual(batch["label"].numpy(), [0, 0, 0, 1, 1, 1])
        for mean, label in zip(np.mean(batch["image"], (1, 2)), batch["label"], strict=True):
            self.assertEqual(mean.argmax(), [0, 2][label])
        first = pictures(per_class=3, choice=0)._indices("train")
        self.assertNotEqual(first.tolist(), pictures(per_class=3, choice=1)._indices("train").tolist())

    def test_bad_choices_are_one_line(self):
        with self.assertRaisesRegex(UserError, "'pink' is not a class of .*; classes: blue, green, red"):
            pictures(classes=["pink", "red"])
        with self.assertRaisesRegex(UserError, "no classes in a feature 'file'"):
            pictures(label="file")
        with self.assertRaisesRegex(UserError, "no feature 'image'; it holds texts"):
            ImageClasses(f"folder:{FOLDER}/texts.csv", data_dir=str(FOLDER / "data"))
        with self.assertRaisesRegex(UserError, "no feature 'text'; it holds pictures"):
            TextClasses(f"folder:{FOLDER}/pictures", data_dir=str(FOLDER / "data"))

    def test_every_kind_of_pixels_becomes_colour_over_white(self):
        for depth in (1, 2, 3, 4):
            fitted = fit_picture(np.zeros((5, 3, depth), np.uint8), 4)
            # Opacity 0 shows the white behind.
            np.testing.assert_allclose(fitted, np.full((4, 4, 3), 255.0 * (depth % 2 == 0)), atol=1e-4)


class FeatureCacheTest(absltest.TestCase):
    def test_batches_are_those_of_the_pictures(self):
        pipeline = pictures(views=3)
        kernel = np.random.default_rng(1).normal(size=(192, 5)).astype(np.float32) / 100

        def encode(images):
            return {"features": tf.reshape(images, (-1, 192)) @ kernel, "mean": tf.reduce_mean(images, (1, 2, 3))}

        cache = FeatureCache(pipeline, encode, batch_size=7, seed=2)
        options: Any = {"batch_size": 4, "seed": 2, "training": True}
        plain = list(pipeline.batches("train", **options).take(25))
        kept = list(cache.only("features").batches("train", **options).take(25))
        for picture, feature in zip(plain, kept, strict=True):
            self.assertEqual(set(feature), {"features", "label"})
            np.testing.assert_array_equal(picture["label"], feature["label"])
            np.testing.assert_allclose(encode(picture["image"])["features"], feature["features"], atol=1e-2)
        later = next(iter(cache.only("features").batches("train", start_step=20, **options)))
        np.testing.assert_array_equal(later["features"], kept[20]["features"])


class TextClassesTest(PipelineTestCase):
    spec = {"text": ((None,), tf.string), "label": ((None,), tf.int64)}

    def make_pipeline(self):
        return TextClasses(f"folder:{FOLDER}/texts.csv", classes=["c", "a"], data_dir=str(FOLDER / "data"))

    def test_labels_are_those_of_the_texts(self):
        for batch in self.make_pipeline().batches("test", batch_size=3):
            for text, label in zip(batch["text"].numpy(), batch["label"].numpy(), strict=True):
                self.assertEqual(int(text.split()[1]) % 3, [2, 0][label])


class WordsTest(absltest.TestCase):
    def test_splitting(self):
        words = split_words(
            tf.constant(["It isn't GOOD... (really)", "", "  ", "naïve CAFÉ", "they're 3.5"]), 9
        ).to_list()
        expected = [
            ["it", "is", "n't", "good", "...", "(", "really", ")"], ["<none>"], ["<none>"], ["naïve", "café"],
            ["they", "'re", "3.5"],
        ]  # fmt: skip
        self.assertEqual([[word.decode() for word in row] for row in words], expected)

    @settings(max_examples=40, deadline=None)
    @given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
    def test_any_bytes_have_words(self, text):
        numbers = WordPieces(["a"], buckets=10, pieces=4, most=5)(tf.constant([text]))
        self.assertEqual((numbers.shape[0], numbers.shape[2]), (1, 4))
        self.assertBetween(numbers.shape[1], 1, 5)
        self.assertLess(int(tf.reduce_max(numbers)), 12)
        self.assertGreater(int(tf.reduce_min(tf.reduce_max(numbers, 2))), 0)

    def test_a_megabyte(self):
        self.assertEqual(WordPieces(["a"], most=8)(tf.constant(["a " * 500_000, "é" * 500_000])).shape[:2], (2, 8))

    def test_known_and_unknown_words(self):
        pieces = WordPieces(["good", "film"], buckets=50, pieces=6)
        numbers = pieces(tf.constant(["Film good", "goood"])).numpy()
        np.testing.assert_array_equal(numbers[0], [[2, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
        self.assertTrue((numbers[1, 0] >= 3).all() and (numbers[1, 0] < pieces.size).all())
        np.testing.assert_array_equal(numbers[1, 1], 0)
        plain = WordPieces(["good"], buckets=0)
        np.testing.assert_array_equal(plain(tf.constant(["good bad worse"])), [[[1], [2], [2]]])
        self.assertEqual(plain.size, 3)

    def test_vectors_of_unknown_words_are_like_those_of_their_subwords(self):
        pieces = WordPieces(["walking", "talking", "zebra", "walkings"], buckets=500)
        known = {"walking": np.ones(3), "talking": np.ones(3), "zebra": -np.ones(3)}
        vectors = pieces.vectors(known, 3, seed=0)
        np.testing.assert_array_equal(vectors[0], 0)
        np.testing.assert_array_equal(vectors[1:4], [[1, 1, 1], [1, 1, 1], [-1, -1, -1]])
        self.assertGreater(vectors[4].min(), 0.5)
        numbers = pieces(tf.constant(["walkin"])).numpy()[0, 0]
        self.assertGreater(vectors[numbers[numbers > 0]].mean(), 0.5)
        self.assertEqual(vectors.dtype, np.float32)


if __name__ == "__main__":
    absltest.main()
