"""Tests of the spoken phrases on the real package."""

import numpy as np
from absl.testing import absltest

from ogbrain.data import builders
from ogbrain.data.sources.text import comparable


class AsteriskSoundsRealTest(absltest.TestCase):
    def test_clips_are_speech_and_no_transcript_is_in_two_splits(self):
        for config in ("en", "es", "fr", "it", "ru"):
            builder = builders.builder(f"asterisk_sounds/{config}")
            places: dict = {}
            clips, seconds = 0, 0.0
            for split in ("train", "validation", "test"):
                for example in builder.as_dataset(split=split).as_numpy_iterator():
                    clips += 1
                    seconds += float(example["duration"])
                    self.assertAlmostEqual(len(example["audio"]) / 16_000, float(example["duration"]), places=4)
                    self.assertGreater(np.abs(example["audio"].astype(int)).max(), 1000)  # not silence
                    places.setdefault(comparable(example["transcript"].decode()), set()).add(split)
            self.assertBetween(clips, 470, 600)
            self.assertBetween(seconds / 60, 20, 32)
            self.assertEqual({len(splits) for splits in places.values()}, {1})


if __name__ == "__main__":
    absltest.main()
