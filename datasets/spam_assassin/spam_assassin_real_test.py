"""Tests of the e-mails on the real package."""

from absl.testing import absltest

from ogbrain.data import builders
from ogbrain.data.sources.near_duplicates import near_duplicates


class SpamAssassinRealTest(absltest.TestCase):
    def test_bodies_are_in_one_split_and_have_no_headers(self):
        builder = builders.builder("spam_assassin")
        places: dict = {}
        labels, texts, splits = [], [], []
        for split in ("train", "validation", "test"):
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                text = example["text"].decode()
                places.setdefault(text.lower(), set()).add(split)
                labels.append(int(example["label"]))
                texts.append(text)
                splits.append(split)
        self.assertEqual({len(found) for found in places.values()}, {1})
        self.assertEqual(len(labels) + builder.info.metadata["skipped"]["no text"], 6046)
        self.assertBetween(sum(labels), 1870, 1896)
        self.assertFalse([text for text in texts if text.startswith(("Return-Path:", "Received:", "Delivered-To:"))])
        for a, b in near_duplicates(texts):
            self.assertEqual(splits[a], splits[b])


if __name__ == "__main__":
    absltest.main()
