"""Tests of the sentiment experiment on a few texts and vectors."""

import csv
import dataclasses
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.errors import UserError
from ogbrain.testing.experiment_test_case import ExperimentTestCase
from plugins.transfer.experiments.sentiment import Sentiment
from plugins.transfer.experiments.sentiment_config import SentimentConfig

FOLDER = Path(tempfile.mkdtemp())
WORDS = ("film", "plot", "actor", "scene", "end")
VECTORS = {
    word: np.random.default_rng(number).normal(size=8).astype(np.float32)
    for number, word in enumerate((*WORDS, "good", "bad", "fine", "."))
}
CONFIG = SentimentConfig(
    epochs=6,
    batch_size=16,
    log_every=3,
    filters=8,
    units=8,
    buckets=20,
    depth=8,
    dropout=0.1,
    vocabulary=3,
    baseline="none",
    optimizer=OptimizerConfig(learning_rate=1e-2),
    data=DataConfig(name=f"folder:{FOLDER}/texts.csv", data_dir=str(FOLDER / "data")),
)


def setUpModule():
    random = np.random.default_rng(0)
    with open(FOLDER / "texts.csv", "w") as file:
        rows = csv.writer(file)
        rows.writerow(["Text", "Label"])
        for number in range(120):
            word, label = (("bad", "neg"), ("good", "pos"))[number % 2]
            rows.writerow([" ".join([*random.choice(WORDS, 4), word, *random.choice(WORDS, 2), f"n{number}"]), label])
        rows.writerows([["", "pos"], ["x", "pos"]])


@mock.patch.object(Sentiment, "_glove", lambda self: (list(VECTORS)[: self.config.vocabulary], VECTORS))
class SentimentTest(ExperimentTestCase):
    def test_conformance(self):
        texts = ["a good film", "a", "é" * 1_000_000]
        folder = self.check_experiment(Sentiment, CONFIG, inputs=texts)
        self.assertTrue((folder / "plots" / "confusion.png").exists())
        experiment = self.restored(Sentiment, CONFIG, folder)
        good, bad = experiment.predict(["a good film", "a bad film"])
        self.assertEqual((good.data["label"], bad.data["label"]), ("pos", "neg"))

    def test_conformance_of_the_other_choices(self):
        config = dataclasses.replace(CONFIG, encoder="lstm", unknown="learned", vectors="static")
        self.check_experiment(Sentiment, config)

    def test_an_encoder_of_another_plugin(self):
        experiment = self.set_up(Sentiment(dataclasses.replace(CONFIG, encoder="working_memory/gru")), steps=1)
        self.assertEqual(type(experiment.model.get_layer("encoder")).__name__, "GRU")
        with self.assertRaisesRegex(UserError, "did you mean 'working_memory/gru'.*config.encoder"):
            dataclasses.replace(CONFIG, encoder="working_memory/gur")

    def test_static_vectors_stay_and_others_change(self):
        for vectors, change in (("static", False), ("tuned", True), ("random", True)):
            experiment = self.set_up(Sentiment(dataclasses.replace(CONFIG, vectors=vectors, epochs=1)))
            before = experiment.model.get_layer("vectors").vectors.numpy()
            experiment.begin(0)
            for _ in range(3):
                experiment.train_step()
            self.assertEqual(np.abs(experiment.model.get_layer("vectors").vectors.numpy() - before).max() > 0, change)
            self.assertAlmostEqual(float(before[1:].std()), 0.25, delta=0.02)
            row = 1 + experiment.pieces.words.index("film")
            scale = before[row] / VECTORS["film"]  # the same for all numbers of a known vector
            self.assertEqual(bool(scale.std() < 1e-5), vectors != "random")

    def test_an_answer_does_not_depend_on_the_batch(self):
        experiment = Sentiment(CONFIG)
        experiment.setup_inference()
        text = experiment.signatures()["serving_default"]
        alone = text(tf.constant(["good film"]))["probabilities"]
        together = text(tf.constant(["good film", "a " * 60]))["probabilities"][:1]
        np.testing.assert_allclose(alone, together, atol=1e-6)

    def test_the_ladder_is_trained_in_one_run(self):
        _, results = self.run_to_end(Sentiment(dataclasses.replace(CONFIG, baseline="random,static", epochs=1)))
        self.assertEqual(list(results["baselines"]), ["random", "static"])

    def test_bad_values_are_one_line(self):
        for values, message in (
            ({"vectors": "statik"}, "did you mean 'static'"), ({"dropout": 1.0}, "config.dropout"),
            ({"baseline": "tune"}, "did you mean 'tuned'"),
        ):  # fmt: skip
            with self.assertRaisesRegex(UserError, message):
                SentimentConfig(**values)
        experiment = Sentiment(CONFIG)
        experiment.setup_inference()
        with self.assertRaisesRegex(UserError, "an empty text was given"):
            experiment.predict([" "])

    def test_a_file_is_read(self):
        experiment = Sentiment(CONFIG)
        experiment.setup_inference()
        (FOLDER / "review.txt").write_text("a good film")
        texts = [FOLDER / "review.txt", "a good film", "~nobody a good film", "film " * 10_000]
        answers = [answer.data["probability"] for answer in experiment.predict(texts)]
        self.assertEqual(answers[0], answers[1])
        self.assertNotEqual(answers[1], answers[2])


if __name__ == "__main__":
    absltest.main()
