"""Tests of what `datasets show` draws of images and sound, and writes of text."""

from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from absl.testing import absltest

from ogbrain.data import builders, examples
from ogbrain.data.contact_sheet import spectrogram
from ogbrain.errors import UserError

RATE = 16_000
FEATURES = {
    "images": {
        "image": tfds.features.Image(shape=(None, None, 4)),
        "label": tfds.features.ClassLabel(names=["full", "empty"]),
    },
    "sounds": {
        "audio": tfds.features.Audio(shape=(None,), dtype=np.int16, sample_rate=RATE),
        "transcript": tfds.features.Text(),
    },
    "texts": {"en": tfds.features.Text(), "score": tfds.features.Scalar(np.float32)},
}


class Shown(tfds.core.GeneratorBasedBuilder):
    """Two examples of each kind."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in FEATURES]

    def _info(self):
        features = tfds.features.FeaturesDict(FEATURES[self.builder_config.name])
        return tfds.core.DatasetInfo(builder=self, features=features, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        red = np.full((20, 10, 4), (255, 0, 0, 255), np.uint8)
        made = {
            "images": [{"image": red, "label": "full"}, {"image": red * [1, 1, 1, 0], "label": "empty"}],
            "sounds": [{"audio": tone(1000), "transcript": "one"}, {"audio": tone(4000), "transcript": "four"}],
            "texts": [{"en": "größer", "score": 0.5}, {"en": "less", "score": -1.25}],
        }
        for number, example in enumerate(made[self.builder_config.name]):
            yield number, {**example, "image": np.uint8(example["image"])} if "image" in example else example


def tone(frequency):
    return np.int16(10_000 * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE))


class ExamplesTest(absltest.TestCase):
    def show(self, kind, **arguments):
        builder = Shown(data_dir=self.create_tempdir().full_path, config=kind)
        builder.download_and_prepare()
        with mock.patch.object(builders, "builder", lambda *_: builder):
            return examples.show(kind, **arguments)

    def test_images_are_drawn_on_white_and_captioned(self):
        picture, text = self.show("images")
        first, second = picture[8:200, 8:200], picture[8:200, 208:400]
        self.assertEqual(first[96, 96].tolist(), [255, 0, 0])
        self.assertEqual(first[96, 2].tolist(), [255, 255, 255])  # beside the picture, which is narrow
        self.assertEqual(second[96, 96].tolist(), [255, 255, 255])  # seen through
        self.assertLess(picture[200:230, 8:200].min(), 100)  # the caption
        self.assertIn("full", text)

    def test_sound_is_drawn_as_a_spectrogram(self):
        picture, text = self.show("sounds", count=1)
        self.assertEqual(picture.shape, (238, 208, 3))
        self.assertIn("one", text)
        for frequency in (1000, 4000):
            drawn = spectrogram(tone(frequency))
            self.assertEqual(drawn.shape, (257, 1 + (RATE - 512) // 128))
            loudest = 256 - drawn.mean(1).argmax()  # low frequencies are at the bottom
            self.assertAlmostEqual(loudest * RATE / 512, frequency, delta=RATE / 512)

    def test_text_is_a_table(self):
        picture, text = self.show("texts")
        self.assertIsNone(picture)
        self.assertRegex(text, r"(?s)en .*score.*größer +0\.5.*less +-1\.25")

    def test_unknown_split_names_the_near_one(self):
        with self.assertRaisesRegex(UserError, "did you mean 'train'"):
            self.show("texts", split="trian")


if __name__ == "__main__":
    absltest.main()
