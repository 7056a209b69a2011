"""Tests of the help's sentences on the real package."""

from absl.testing import absltest

from ogbrain.data import builders
from ogbrain.data.sources.text import comparable


class LibreofficeHelpRealTest(absltest.TestCase):
    def test_pairs_are_many_and_no_sentence_is_in_two_splits_of_any_config(self):
        places: dict = {}
        for config, least in (("en_fr", 33_000), ("en_it", 33_000), ("fr_it", 33_000)):
            builder = builders.builder(f"libreoffice_help/{config}")
            total, pairs = 0, set()
            for split in ("train", "validation", "test"):
                for example in builder.as_dataset(split=split).as_numpy_iterator():
                    total += 1
                    pairs.add(tuple(example.values()))
                    for language, text in example.items():
                        places.setdefault((language, comparable(text.decode())), set()).add(split)
            self.assertGreater(total, least)
            self.assertLen(pairs, total)  # each pair once
            self.assertBetween(builder.info.splits["train"].num_examples / total, 0.75, 0.85)
            for package in builder.info.metadata["packages"].values():
                self.assertRegex(package["sha256"], "^[0-9a-f]{64}$")
        self.assertEqual({len(splits) for splits in places.values()}, {1})


if __name__ == "__main__":
    absltest.main()
