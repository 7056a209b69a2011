import dataclasses
import io
import itertools
import unittest

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.data.vocabulary import END
from ogbrain.errors import UserError
from plugins.working_memory.experiments import linear_cross_entropy
from plugins.working_memory.experiments.language_model import LanguageModel
from plugins.working_memory.experiments.language_model_config import LanguageModelConfig
from plugins.working_memory.experiments.ngram import NGram
from plugins.working_memory.experiments.sampling import draw
from plugins.working_memory.pipelines.text_stream import TextStream


class TinyTexts(tfds.core.GeneratorBasedBuilder):
    """A few sentences, again and again."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict({"en": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(count) for name, count in
                (("train", 40), ("validation", 6), ("test", 5))}

    def _generate_examples(self, count):
        for number in range(count):
            yield number, {"en": ("Click the door.", "Open the window!", "Close it.")[number % 3]}


TINY = LanguageModelConfig(
    epochs=3, batch_size=4, data=DataConfig(name="tiny_texts"), steps=10, units=12, embedding=6, length=8,
    optimizer=OptimizerConfig(learning_rate=2e-2))


def setUpModule():
    unittest.enterModuleContext(testing.use_data(TinyTexts, file_format="array_record"))


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def read1(self, size=-1):
        return super().read1(3)


class LanguageModelTest(testing.ExperimentTestCase, parameterized.TestCase):
    def stream(self, **arguments):
        return TextStream("tiny_texts", **{"feature": "en", "steps": 10, **arguments})

    def test_conformance(self):
        self.check_experiment(LanguageModel, TINY, inputs=["Click", "", "x" * 300])

    def test_baseline_has_as_many_epochs_or_its_own(self):
        for epochs, expected in ((0, 3), (1, 1)):
            config = dataclasses.replace(TINY, baseline="keras", baseline_epochs=epochs)
            baseline = LanguageModel(config).build_baselines()["keras"].config
            self.assertEqual((baseline.cell, baseline.baseline, baseline.epochs), ("keras", "none", expected))

    @parameterized.parameters({"cell": "working_memory/gru", "tokens": "subwords", "layers": 2}, {"cell": "keras"},
                              {"cell": "min_lstm", "carry_state": False})
    def test_variants(self, **changes):
        experiment = self.check_learns(LanguageModel(dataclasses.replace(TINY, **changes)), steps=10)
        self.assertLen(experiment.predict(["click"]), 1)

    @parameterized.parameters("characters", "subwords")
    def test_stream_is_predict(self, tokens):
        experiment = self.set_up(LanguageModel(dataclasses.replace(TINY, tokens=tokens, length=20)))
        accented = "\N{LATIN SMALL LETTER E WITH ACUTE} " * 50
        for text in ("", "Click", " Open  the\n window! Close it. ", accented, "x" * 9000):
            whole = experiment.predict([text])[0].text
            for source in (io.BytesIO(text.encode()), Trickle(text.encode())):
                self.assertEqual("".join(experiment.stream(source)), whole)

    def test_pieces_are_joined_to_what_was_given(self):
        experiment = self.set_up(LanguageModel(dataclasses.replace(TINY, tokens="subwords", length=30)))
        continuations = [experiment.predict([text])[0].text for text in ("", "Clic", "Open the win", "Close it.")]
        for text in continuations:
            self.assertNotIn("##", text)
        self.assertTrue(any(text.startswith(" ") for text in continuations))

    def test_rows_run_on_and_epochs_begin_elsewhere(self):
        pipeline = self.stream()
        count = pipeline.steps_per_epoch("train", 4)
        batches = list(pipeline.batches("train", batch_size=4, seed=1, training=True).take(count + 1))
        for first, second in itertools.pairwise(batches[:count]):
            np.testing.assert_array_equal(first["targets"][:, -1], second["tokens"][:, 0])
        self.assertEqual([bool(batch["reset"][0]) for batch in batches], [True] + [False] * (count - 1) + [True])
        self.assertFalse(np.array_equal(batches[0]["tokens"], batches[count]["tokens"]))
        resumed = next(iter(pipeline.batches("train", batch_size=4, seed=1, training=True, start_step=3)))
        np.testing.assert_array_equal(resumed["tokens"], batches[3]["tokens"])

    @parameterized.parameters(1, 3, 100)
    def test_each_token_is_scored_once(self, batch_size):
        pipeline = self.stream()
        text = pipeline.stream("test")
        scored = [target for batch in pipeline.batches("test", batch_size=batch_size)
                  for target in tf.boolean_mask(batch["targets"], batch["scored"] > 0).numpy()]
        np.testing.assert_array_equal(scored, text[1:])

    def test_stream_is_the_texts(self):
        pipeline = self.stream()
        ids = pipeline.stream("validation")
        text = "".join(pipeline.vocabulary.tokens[k] if k != END else "|" for k in ids)
        self.assertEqual(sorted(text.split("|")), ["", ""] + ["click the door."] * 2 + ["close it."] * 2 + [
            "open the window!"] * 2)

    def test_bad_input(self):
        for arguments in ({"steps": 3}, {"kind": "letters"}):
            with self.assertRaises(UserError):
                self.stream(**arguments)
        with self.assertRaisesRegex(UserError, "rows"):
            self.stream().steps_per_epoch("train", 10_000)
        with self.assertRaisesRegex(UserError, "feature"):
            self.stream(feature="fr").stream("train")
        for changes in ({"cell": "lstn"}, {"cell": "working_memory/lstn"}, {"steps": 7}, {"nucleus": 0.0},
                        {"splits": ("train",)}):
            with self.assertRaises(UserError):
                dataclasses.replace(TINY, **changes)


class NGramTest(absltest.TestCase):
    def test_probabilities_sum_to_one_in_every_context(self):
        text = np.random.default_rng(0).integers(0, 4, 60)
        model = NGram(text, 4, order=3)
        for context in itertools.product(range(4), repeat=2):
            total = sum(model.probabilities(np.array([*context, token]))[-1] for token in range(4))
            self.assertAlmostEqual(total, 1.0, places=9)

    def test_bigram_by_hand(self):
        # Contexts of each token among the bigrams 01 12 20 01 10: 0 follows 2 and 1, 1 follows 0, 2 follows 1.
        model = NGram(np.array([0, 1, 2, 0, 1, 0]), 3, order=2, discount=0.5)
        unigram = (2 - 0.5) / 4 + 0.5 * 3 / 4 / 3
        self.assertAlmostEqual(model.probabilities(np.array([1, 0]))[0], (1 - 0.5) / 2 + 0.5 * 2 / 2 * unigram)

    def test_knows_what_repeats(self):
        text = np.tile([0, 1, 2, 3, 1, 0], 50)
        self.assertGreater(NGram(text, 5).probabilities(text)[10:].min(), 0.9)


class LinearCrossEntropyTest(parameterized.TestCase):
    @parameterized.parameters((tf.float32, 1e-5), (tf.bfloat16, 2e-2))
    def test_is_that_of_the_logits(self, dtype, tolerance):
        draw = np.random.default_rng(0)
        inputs, kernel, bias = (tf.constant(draw.normal(size=shape), tf.float32) for shape in ((2, 5, 4), (4, 7), (7,)))
        inputs = tf.cast(inputs, dtype)
        targets, weights = tf.constant(draw.integers(0, 7, (2, 5)), tf.int32), tf.constant(draw.uniform(size=(2, 5)))
        weights = tf.cast(weights, tf.float32)
        results = []
        for rows in (1000, 4):
            self.enter_context(absltest.mock.patch.object(linear_cross_entropy, "_ROWS", rows))
            with tf.GradientTape() as tape:
                tape.watch([inputs, kernel, bias])
                loss, each = linear_cross_entropy.linear_cross_entropy(inputs, kernel, bias, targets, weights)
                loss *= 3.0
            results.append([each, *tape.gradient(loss, [inputs, kernel, bias])])
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel, bias])
            logits = tf.cast(inputs, tf.float32) @ kernel + bias
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = 3.0 * tf.reduce_sum(each * weights)
        expected = [each, *tape.gradient(loss, [inputs, kernel, bias])]
        for result in results:
            for found, wanted in zip(result, expected, strict=True):
                self.assertEqual(found.dtype, wanted.dtype)
                np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(wanted, tf.float32), atol=5 * tolerance,
                                           rtol=tolerance)


class SamplingTest(absltest.TestCase):
    def test_nucleus_leaves_out_the_tail(self):
        logits = tf.math.log(tf.tile([[0.5, 0.3, 0.15, 0.05]], [500, 1]))
        drawn = draw(logits, tf.constant(1.0), tf.constant(0.75), tf.constant([0, 1])).numpy()
        self.assertEqual(set(drawn), {0, 1})
        self.assertAlmostEqual(np.mean(drawn == 0), 0.5 / 0.8, delta=0.08)
        self.assertEqual(set(draw(logits, tf.constant(0.0), tf.constant(1.0), tf.constant([0, 1])).numpy()), {0})
        self.assertEqual(set(draw(logits, tf.constant(1.0), tf.constant(1e-6), tf.constant([0, 1])).numpy()), {0})


if __name__ == "__main__":
    absltest.main()
