"""Tests of canvases with several images."""

import tempfile

import numpy as np
from absl.testing import absltest, parameterized

from ogbrain.errors import UserError
from ogbrain.testing.tiny_images import TinyImages
from plugins.attention.pipelines.many_images import ManyImages

SPLITS = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}


class ManyImagesTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.builder = TinyImages(data_dir=tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
        cls.builder.download_and_prepare()

    def batch(self, split="test", size=64, seed=0, step=0, **kwargs):
        pipeline = ManyImages(self.builder, **{"canvas": 40, "spacing": 8, "splits": SPLITS, **kwargs})
        training = split == "train"
        return pipeline, next(
            iter(pipeline.batches(split, batch_size=size, seed=seed, start_step=step, training=training))
        )

    def test_labels_tell_what_stands_from_left_to_right(self):
        pipeline, batch = self.batch(least=1, most=3)
        self.assertEqual(pipeline.label_names[-1], "end")
        counts, right = set(), 0
        for image, labels in zip(batch["image"].numpy()[..., 0], batch["labels"].numpy(), strict=True):
            told = labels[: list(labels).index(4)]
            counts.add(len(told))
            self.assertTrue(np.all(labels[len(told) :] == 4))
            columns = np.flatnonzero(image.max(0) > 0)
            start, read = columns[0], []
            while start is not None:
                rows = np.flatnonzero(image[:, start : start + 8].max(1) > 0)
                thing = image[rows[0] : rows[0] + 8, start : start + 8]
                quadrants = [thing[y : y + 4, x : x + 4].sum() for y in (0, 4) for x in (0, 4)]
                read.append(int(np.argmax(quadrants)))
                rest = columns[columns >= start + 8]
                start = rest[0] if len(rest) else None
            right += read == list(told)
        self.assertEqual(counts, {1, 2, 3})
        # A black edge shifts what this simple reader sees.
        self.assertGreater(right, 0.9 * 64)

    def test_sums(self):
        pipeline, batch = self.batch(addition=True)
        self.assertEqual(pipeline.label_names, [*map(str, range(7)), "end"])
        self.assertEqual(batch["labels"].shape, (64, 2))
        self.assertTrue(np.all(batch["labels"][:, 1] == 7))
        self.assertGreater(len(set(batch["labels"][:, 0].numpy())), 4)

    def test_a_function_of_seed_and_step(self):
        draws = {"least": 1, "most": 3, "clutter": 2, "clutter_size": 3, "turn": 0.2, "resize": 0.2, "split": "train"}
        for first, second, same in (((1, 3), (1, 3), True), ((1, 3), (1, 4), False), ((1, 3), (2, 3), False)):
            one, two = (self.batch(seed=seed, step=step, **draws)[1] for seed, step in (first, second))
            self.assertEqual(bool(np.all(one["image"] == two["image"])), same)

    def test_turning_and_resizing_keep_the_middle(self):
        _, plain = self.batch(least=1, most=1)
        _, turned = self.batch(least=1, most=1, turn=0.3, resize=0.2)
        np.testing.assert_array_equal(plain["labels"], turned["labels"])
        self.assertFalse(np.all(plain["image"] == turned["image"]))

        def middles(image):
            weights = image.numpy()[..., 0] > 0
            return (
                np.stack([(weights * axis).sum((1, 2)) for axis in np.indices((40, 40))], 1)
                / weights.sum((1, 2))[:, None]
            )

        np.testing.assert_allclose(middles(plain["image"]), middles(turned["image"]), atol=1.0)

    @parameterized.parameters(
        ({"least": 3, "most": 2}, "least"), ({"least": 0}, "least"), ({"canvas": 10}, "canvas"),
    )  # fmt: skip
    def test_bad_arguments_are_one_line(self, arguments, name):
        with self.assertRaisesRegex(UserError, name):
            self.batch(**arguments)


if __name__ == "__main__":
    absltest.main()
