"""Tests of the stamps on the real package."""

from absl.testing import absltest

from ogbrain.data import builders
from ogbrain.data.sources.text import comparable


class TuxpaintStampsRealTest(absltest.TestCase):
    def test_stamps_are_captioned_and_no_caption_is_in_two_splits(self):
        builder = builders.builder("tuxpaint_stamps")
        places: dict = {}
        total = see_through = 0
        for split in ("train", "validation", "test"):
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                total += 1
                see_through += int((example["image"][..., 3] == 0).any())
                self.assertEqual(example["image"].shape[-1], 4)
                for language in ("en", "fr", "it", "es"):
                    self.assertNotEmpty(example[language])
                    places.setdefault((language, comparable(example[language].decode())), set()).add(split)
        self.assertGreater(total, 750)
        self.assertGreater(see_through / total, 0.9)
        self.assertEqual({len(splits) for splits in places.values()}, {1})


if __name__ == "__main__":
    absltest.main()
