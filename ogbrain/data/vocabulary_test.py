"""Tests of the vocabularies: the graph agrees with plain Python, texts survive, and export works."""

import pathlib

import hypothesis
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import strategies as st

from ogbrain.data.encode import Encode
from ogbrain.data.pipeline import Pipeline
from ogbrain.data.vocabulary import END, KINDS, SPECIAL, START, UNKNOWN, Vocabulary, normalized, words
from ogbrain.errors import UserError
from ogbrain.testing.tiny_sequences import TinySequences

TEXTS = ["The low lowest newer wider new.", "Low lower lowest, the newest! é", "new wide widest lowering"]
letters = st.text(alphabet="lownertid éÉ.,!#\t\n\v\u00a0\u2028xyz€", max_size=20) | st.sampled_from(
    ["low" * 34, "wo" * 50, "lowxest €uro newest"])


class VocabularyTest(parameterized.TestCase):
    def vocabulary(self, kind, size=60):
        path = pathlib.Path(self.create_tempdir().full_path) / "vocabulary.txt"
        return Vocabulary(Vocabulary.build(TEXTS, path, kind=kind, size=size), kind)

    @parameterized.parameters(*KINDS)
    def test_graph_gives_the_ids_of_plain_python(self, kind):
        vocabulary = self.vocabulary(kind)
        encode = tf.function(vocabulary.encode, input_signature=[tf.TensorSpec([None], tf.string)])

        @hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
        @hypothesis.given(st.lists(letters, max_size=5))
        def check(texts):
            found = encode(tf.constant(texts, tf.string))
            self.assertEqual(found.to_list(), [vocabulary.encode_text(text) for text in texts])

        check()

    @parameterized.parameters(*KINDS)
    def test_decoding_gives_the_text_again(self, kind):
        vocabulary = self.vocabulary(kind)
        found = [text.decode() for text in vocabulary.decode(vocabulary.encode(TEXTS, start=True, end=True)).numpy()]
        apart = [normalized(text) if kind == "characters" else " ".join(words(text)) for text in TEXTS]
        self.assertEqual(found, apart)

    def test_subwords_cover_words_never_seen(self):
        vocabulary = self.vocabulary("subwords", size=40)
        self.assertLessEqual(vocabulary.size, 40)
        ids = vocabulary.encode_text("lowered")
        self.assertNotIn(UNKNOWN, ids)
        self.assertLess(len(ids), 7)
        self.assertIn("lowe", vocabulary.tokens)

    def test_end_and_padding(self):
        vocabulary = self.vocabulary("words")
        low = vocabulary.encode_text("low")[0]
        self.assertEqual(
            vocabulary.decode([[START, low, END, low, 0], [low, low, 0, 0, 0]]).numpy().tolist(), [b"low", b"low low"]
        )
        self.assertEqual(vocabulary.encode(["low", ""], start=True, end=True).to_list(), [[2, low, 3], [2, 3]])

    @parameterized.parameters(*KINDS)
    def test_export_takes_its_file_along(self, kind):
        vocabulary = self.vocabulary(kind)
        module = tf.Module()
        module.vocabulary = vocabulary
        module.encode = tf.function(
            lambda texts: vocabulary.encode(texts).to_tensor(), input_signature=[tf.TensorSpec([None], tf.string)]
        )
        expected = module.encode(TEXTS)
        folder = pathlib.Path(self.create_tempdir().full_path)
        tf.saved_model.save(module, str(folder))
        self.assertTrue((folder / "assets" / "vocabulary.txt").exists())
        vocabulary.path.unlink()
        np.testing.assert_array_equal(tf.saved_model.load(str(folder)).encode(TEXTS), expected)

    def test_bad_files_and_kinds(self):
        path = pathlib.Path(self.create_tempdir().full_path) / "v.txt"
        with self.assertRaisesRegex(UserError, "cannot be read"):
            Vocabulary(path, "words")
        for content in ("a\nb\n", "\n".join((*SPECIAL, "a", "a"))):
            path.write_text(content)
            with self.assertRaisesRegex(UserError, "does not begin"):
                Vocabulary(path, "words")
        with self.assertRaisesRegex(UserError, "did you mean 'words'"):
            Vocabulary(path, "word")
        with self.assertRaisesRegex(UserError, "vocabulary size: 4"):
            Vocabulary.build([], path, kind="words", size=4)

    def test_of_a_dataset(self):
        builder = TinySequences(data_dir=self.create_tempdir().full_path)
        builder.download_and_prepare()
        vocabulary = Vocabulary.of_dataset(builder, "train", "text/en", kind="words", size=20)
        self.assertEqual(vocabulary.tokens[4:6], ["number", "é"])
        self.assertEqual(vocabulary.path.parent.parent, pathlib.Path(builder.data_path))
        again = Vocabulary.of_dataset(builder, "train", "text/en", kind="words", size=20)
        self.assertEqual(again.path, vocabulary.path)
        with self.assertRaisesRegex(UserError, "did you mean 'text/en'"):
            Vocabulary.of_dataset(builder, "train", "text/e", kind="words")
        step = Encode(vocabulary, "text/en", "ids", start=True, end=True)
        pipeline = Pipeline(builder, splits={"test": "test"}, prepare=[step], features=["ids"])
        (batch,) = pipeline.batches("test", batch_size=11)
        np.testing.assert_array_equal(batch["ids"], [[2, 4, 1, 5, 3]] * 11)
        self.assertNotEqual(Encode(vocabulary, "text/en", "ids").fingerprint, step.fingerprint)


if __name__ == "__main__":
    absltest.main()
