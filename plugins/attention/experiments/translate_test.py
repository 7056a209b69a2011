"""Tests of the translation experiment on a few sentences."""

import dataclasses
import unittest

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.errors import UserError
from plugins.attention.experiments.translate import Translate
from plugins.attention.experiments.translate_config import TranslateConfig
from plugins.attention.experiments.translation_scores import bleu_by_length
from plugins.attention.pipelines.sentence_pairs import SentencePairs

WORDS = ("red", "blue", "green", "old", "new", "big")
OTHERS = ("rouge", "bleu", "vert", "vieux", "nouveau", "grand")


class TinyPairs(tfds.core.GeneratorBasedBuilder):
    """Words, and the same in French the other way round."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        texts = {"en": tfds.features.Text(), "fr": tfds.features.Text()}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(texts))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(count) for name, count in
                (("train", 30), ("validation", 5), ("test", 7))}

    def _generate_examples(self, count):
        for number in range(count):
            picked = np.random.default_rng(number).integers(0, 6, 2 + number % 4)
            yield number, {"en": " ".join(WORDS[k] for k in picked),
                           "fr": " ".join(OTHERS[k] for k in picked[::-1]) + "."}


TINY = TranslateConfig(
    epochs=2, batch_size=8, data=DataConfig(name="tiny_pairs"), vocabulary=60, lengths=(6, 12), embedding=6, units=8,
    attention_units=6, layers=1, heads=2, beams=2, longest=12, log_every=2, baseline="none", compiled=False,
    optimizer=OptimizerConfig(learning_rate=2e-2))


def setUpModule():
    unittest.enterModuleContext(testing.use_data(TinyPairs, file_format="array_record"))


class TranslateTest(testing.ExperimentTestCase, parameterized.TestCase):
    def pairs(self, **arguments):
        return SentencePairs(
            "tiny_pairs", source="en", target="fr", batch_size=8, size=60, **{"lengths": (6, 12), **arguments})

    def test_conformance(self):
        folder = self.check_experiment(Translate, TINY, inputs=["red new", "\u2603 \U0001f600", "big " * 10_000])
        names = {path.name for path in (folder / "plots").iterdir()}
        self.assertContainsSubset({"bleu_by_length.png", "alignment_1.png"}, names)

    def test_baseline_has_as_many_weights(self):
        experiment = Translate(dataclasses.replace(TINY, baseline="no_attention", units=32))
        plain = experiment.build_baselines()["no_attention"]
        for one in (experiment, plain):
            one.setup_inference()
        self.assertAlmostEqual(plain.model.count_params() / experiment.model.count_params(), 1.0, delta=0.01)
        scores = bleu_by_length([], [], [])
        experiment.results = {"test": scores, "baselines": {"no_attention": {"test": scores}}}
        self.assertEqual(experiment.final_pictures()["bleu_by_length"].shape[2], 3)

    @parameterized.parameters(
        {"compiled": True, "lengths": (12,)}, {"model": "luong", "input_feeding": True},
        {"model": "luong_dot", "cell": "lstm"}, {"model": "transformer"},
    )
    def test_variants(self, **changes):
        experiment = self.set_up(Translate(dataclasses.replace(TINY, **changes)))
        model = experiment.model
        batch = next(iter(experiment.pipeline.batches("validation", batch_size=5)))
        before, _ = experiment.loss(model, batch, training=False)
        experiment.begin(0)
        for _ in range(12):
            experiment.train_step()
        self.assertLess(experiment.loss(model, batch, training=False)[0], before)
        # One step after the other gives what all at once do.
        source, told = tf.constant([[5, 6, 7, 3], [8, 3, 0, 0]]), tf.constant([[2, 9, 8], [2, 5, 7]])
        logits, _ = model.teach(model.read(source), told)
        constants, state = model.begin(model.read(source), tf.constant(3))
        for place in range(3):
            one, state = model.step(constants, state, told[:, place])
            np.testing.assert_allclose(one, logits[:, place], atol=1e-4)

    def test_signatures(self):
        experiment = Translate(TINY)
        experiment.setup_inference()
        signatures = experiment.signatures()
        texts = tf.constant(["red blue", "", "  ", "\u2603", "old " * 10_000])
        for name in ("serving_default", "beam"):
            translation = signatures[name](texts)["translation"].numpy()
            self.assertEqual(list(translation[1:3]), [b"", b""], name)
        found = signatures["explain"](texts)
        self.assertEqual(found["weights"].shape[2], found["read"].shape[1])
        np.testing.assert_allclose(tf.reduce_sum(found["weights"], -1), 1.0, atol=1e-5)
        drawn = experiment._explained_text(texts[:1])["translation"]
        self.assertEqual(drawn, experiment._search_text(texts[:1]), "the picture is of another translation")

    def test_pairs(self):
        pairs = self.pairs()
        shapes = set()
        for batch in pairs.batches("train", batch_size=8, training=True).take(12):
            self.assertEqual(batch["source"].shape, batch["target"].shape)
            shapes.add(tuple(batch["source"].shape))
        self.assertEqual(shapes, {(8, 6), (8, 12)})
        batch = next(iter(pairs.batches("test", batch_size=4)))
        again = pairs.target_vocabulary.decode(batch["target"])[0].numpy().decode().replace(" ", "")
        self.assertEqual(again, batch["target_text"][0].numpy().decode().replace(" ", ""))
        # Longer ones than the last length: whole in an evaluation, left out of training.
        small = self.pairs(lengths=(5,))
        self.assertGreater(max(batch["source"].shape[1] for batch in small.batches("test", batch_size=1)), 5)
        self.assertBetween(small.num_examples("train"), 1, pairs.num_examples("train") - 1)
        with self.assertRaisesRegex(UserError, "config.lengths: 1 leaves no pair"):
            self.pairs(lengths=(1,)).num_examples("train")
        short = self.pairs(most_words=3)
        texts = [text for batch in short.batches("validation", batch_size=8) for text in batch["source_text"].numpy()]
        self.assertEqual({len(text.split()) for text in texts if text}, {2, 3})
        self.assertEqual(short.num_examples("test"), 7)

    def test_bad_input(self):
        experiment = Translate(TINY)
        experiment.setup_inference()
        with self.assertRaisesRegex(UserError, "empty text"):
            experiment.predict([" "])
        with self.assertRaisesRegex(UserError, "most_words"):
            self.pairs(most_words=1).num_examples("train")
        for changes in ({"model": "luon"}, {"lengths": (8, 4)}, {"splits": ("train",)}, {"beams": 0},
                        {"model": "transformer", "units": 9}, {"xla": True}):
            with self.assertRaises(UserError):
                dataclasses.replace(TINY, **changes)


class ScoresTest(absltest.TestCase):
    def test_bleu_by_length(self):
        texts = ["one two three four five", "a " * 15]
        scores = bleu_by_length(texts, texts, texts)
        self.assertAlmostEqual(scores["bleu"], 100.0)
        self.assertAlmostEqual(scores["bleu_11_20"], 100.0)
        self.assertEqual(scores["bleu_21_30"], 0.0)
        self.assertLess(bleu_by_length(texts, ["one two", "b " * 15], texts)["bleu"], 10.0)


if __name__ == "__main__":
    absltest.main()
