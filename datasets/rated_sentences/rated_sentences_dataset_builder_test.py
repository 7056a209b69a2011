"""Tests of the rated sentences on a few rows."""

from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.rated_sentences import rated_sentences_dataset_builder
from ogbrain.data.sources import package_builder_test_case


class RatedSentencesTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = rated_sentences_dataset_builder.Builder
    SPLITS = {"train": 32, "validation": 4, "test": 4}

    def test_documents_and_shared_sentences_stay_in_one_split(self):
        places: dict = {}
        builder = self._new_builder("news")
        builder.download_and_prepare()
        for split in builder.info.splits:
            for example in builder.as_dataset(split=split).as_numpy_iterator():
                places.setdefault(example["document"], set()).add(split)
                places.setdefault(example["text"], set()).add(split)
        self.assertEqual({len(splits) for splits in places.values()}, {1})

    def test_labels_follow_scores(self):
        builder = self._new_builder("movie")
        rows = builder._rows("1\t-0.51\ta\n2\t-0.5\tb\n3\t0.5\tc\n4\t0.51\td", "f")
        labels = [example["label"] for _, example in builder._generate_examples(enumerate(rows))]
        self.assertEqual(labels, ["negative", "neutral", "neutral", "positive"])

    def test_malformed_rows_are_skipped_and_counted(self):
        builder = self._new_builder("movie")
        rows = list(builder._rows("1\t0.5\tgood\r\n\n2\tx\tb\n3\tnan\tc\n4\t4.5\td\n5\t1\t \n6\t1\n7\t1\ta\tb", "f"))
        self.assertEqual(rows, [("1", 0.5, "good")])
        self.assertEqual(builder.info.metadata["skipped"], {"malformed row": 7})

    @settings(deadline=None)
    @given(st.text(alphabet="0123456789_.-+einfa\t\r\n ", max_size=60) | st.text())
    def test_any_text_is_read(self, content):
        for document, score, text in self._new_builder("tweets")._rows(content, "f"):
            self.assertRegex(document, r"^\d+$")
            self.assertBetween(score, -4, 4)
            self.assertNotEmpty(text)

    def _new_builder(self, config):
        return self.DATASET_CLASS(config=config, data_dir=self.create_tempdir().full_path)


if __name__ == "__main__":
    absltest.main()
