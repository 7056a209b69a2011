"""Tests of the rated sentences on the real package."""

from absl.testing import absltest

from ogbrain.data import builders


class RatedSentencesRealTest(absltest.TestCase):
    def test_documents_and_sentences_are_in_one_split(self):
        for config, total in (("movie", 10_605), ("tweets", 4_200), ("news", 5_190), ("products", 3_708)):
            builder = builders.builder(f"rated_sentences/{config}")
            places: dict = {}
            for split in ("train", "validation", "test"):
                for example in builder.as_dataset(split=split).as_numpy_iterator():
                    for key in ("document", "text"):
                        places.setdefault((key, example[key].lower()), set()).add(split)
                    label = ("negative", "positive", "neutral")[example["label"]]
                    score = float(example["score"])
                    self.assertEqual(label, "negative" if score < -0.5 else "positive" if score > 0.5 else "neutral")
            self.assertEqual({len(splits) for splits in places.values()}, {1})
            self.assertEqual(sum(about.num_examples for about in builder.info.splits.values()), total)
            self.assertBetween(builder.info.splits["train"].num_examples / total, 0.78, 0.82)


if __name__ == "__main__":
    absltest.main()
