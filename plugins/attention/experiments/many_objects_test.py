"""Tests of the many-objects experiment, its config and its baseline on tiny pictures."""

import dataclasses
import unittest
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.config import resolve as resolve_config
from ogbrain.errors import UserError
from plugins.attention.experiments.label_sequences import sequence_metrics
from plugins.attention.experiments.many_objects import ManyObjects
from plugins.attention.experiments.many_objects_config import AdditionConfig, ManyObjectsConfig

CONFIG = ManyObjectsConfig(
    seed=1,
    epochs=3,
    batch_size=32,
    log_every=1,
    xla=False,
    data=DataConfig(name="tiny_images"),
    optimizer=OptimizerConfig(learning_rate=1e-2),
    splits=("train[:90%]", "train[90%:]", "test"),
    canvas=18,
    spacing=8,
    glimpses=1,
    patch_size=8,
    scales=1,
    units=16,
    patch_units=12,
    filters=(4,),
    context_size=6,
    place_units=4,
    baseline="none",
)


def setUpModule():
    unittest.enterModuleContext(testing.use_data(testing.TinyImages))


def ready(**changes):
    experiment = ManyObjects(dataclasses.replace(CONFIG, **changes))
    experiment.setup_inference()
    return experiment


def some_batch(experiment, size=8):
    return next(iter(experiment.pipeline.batches("validation", batch_size=size)))


class ConformanceTest(testing.ExperimentTestCase):
    def test_soft(self):
        noise = np.random.default_rng(0).random((1, 50, 31, 3))
        pictures = testing.write_pictures(self.create_tempdir().full_path, noise)
        folder = self.check_experiment(ManyObjects, CONFIG, inputs=pictures)
        self.assertTrue((folder / "plots" / "glimpse_path.png").exists())

    def test_reinforce_compiled_with_baseline(self):
        config = dataclasses.replace(CONFIG, xla=True, gradient="reinforce", task="addition", baseline="conv")
        self.check_experiment(ManyObjects, config)


class ManyObjectsTest(parameterized.TestCase):
    def test_metrics_by_hand(self):
        # The end mark is class 2; what comes after it does not count.
        labels = tf.constant([[0, 1, 2], [1, 2, 2], [1, 2, 2]])
        guesses = tf.constant([[0, 1, 2], [1, 2, 0], [1, 0, 2]])
        metrics = sequence_metrics(20.0 * tf.one_hot(guesses, 3), labels)
        np.testing.assert_array_equal(metrics["accuracy"], [1, 1, 0])
        np.testing.assert_allclose(metrics["label_accuracy"], [1, 1, 0.5])
        np.testing.assert_allclose(metrics["loss"], [0, 0, 10], atol=1e-4)

    def test_sequences_of_different_lengths_are_drawn(self):
        experiment = ready(task="several", most=2)
        looked = experiment._look(some_batch(experiment, 2)["image"])
        looked[0]["labels"], looked[1]["labels"] = [], ["one", "two"]
        with mock.patch.object(experiment, "_look", lambda images: looked):
            drawn = experiment.pictures(experiment.model, {"image": some_batch(experiment, 2)["image"]})
        self.assertEqual(drawn["glimpse_path"].ndim, 3)

    @parameterized.parameters("soft", "reinforce")
    def test_places_learn(self, gradient):
        experiment = ready(gradient=gradient, inhibition=2.0, task="several", most=2, clutter=1, clutter_size=2)
        variables = experiment.model.trainable_variables
        with tf.GradientTape() as tape:
            loss, _ = experiment.loss(experiment.model, some_batch(experiment), training=True)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        for variable, value in zip(variables, gradients, strict=True):
            self.assertTrue(value is not None and np.any(value != 0), variable.path)

    def test_sums_keep_the_next_glimpse_from_the_first_digit(self):
        for config, inhibition in ((ManyObjectsConfig(), 0.0), (AdditionConfig(), 24.0)):
            changes = {name: getattr(CONFIG, name) for name in ("data", "splits", "canvas", "spacing", "units")}
            experiment = ManyObjects(dataclasses.replace(config, **changes))
            experiment.setup_inference()
            self.assertEqual(experiment.model.get_layer("attention").places.inhibition, inhibition)
            self.assertEqual(experiment.pipeline.length, 2 if inhibition else 3)

    def test_baseline_costs_no_more(self):
        experiment = ready(baseline="conv", units=48)
        baseline = experiment.build_baselines()["conv"]
        baseline.setup_inference()
        self.assertBetween(baseline.multiply_adds() / experiment.multiply_adds(), 0.6, 1.0)
        np.testing.assert_array_equal(some_batch(baseline)["image"], some_batch(experiment)["image"])

    def test_predict_and_export_agree(self):
        experiment = ready()
        batch = some_batch(experiment, 3)
        files = testing.write_pictures(self.create_tempdir().full_path, batch["image"])
        signatures = experiment.signatures()
        content = tf.constant([file.read_bytes() for file in files])
        answers = signatures["serving_default"](image_bytes=content)
        explained = signatures["explain"](image_bytes=content)
        for number, prediction in enumerate(experiment.predict(files)):
            self.assertEqual(answers["sequence"][number].numpy().decode(), " ".join(prediction.data["labels"]))
            self.assertAlmostEqual(float(answers["score"][number]), prediction.data["score"], places=4)
            np.testing.assert_allclose(explained["locations"][number], prediction.data["locations"], atol=1e-4)

    def test_odd_pictures_have_an_answer(self):
        experiment = ready()
        pictures = testing.odd_pictures(self.create_tempdir().full_path)
        for prediction in experiment.predict(list(pictures.values())):
            self.assertTrue(np.isfinite(prediction.data["score"]))
        del pictures["cmyk"]
        served = tf.constant([file.read_bytes() for file in pictures.values()])
        answers = experiment.signatures()["serving_default"](image_bytes=served)
        self.assertTrue(np.all(np.isfinite(answers["score"])))

    def test_bad_pictures_are_one_line(self):
        experiment = ready()
        folder = self.create_tempdir().full_path
        (cut,) = testing.write_pictures(folder, np.random.default_rng(0).random((1, 50, 50)))
        cut.write_bytes(cut.read_bytes()[:900])
        for name in ("/nowhere.png", folder, __file__, str(cut)):
            with self.assertRaisesRegex(UserError, name) as caught:
                experiment.predict([name])
            self.assertNotIn("\n", str(caught.exception))

    @parameterized.parameters(
        "task=pear", "most=0", "canvas=0", "spacing=0", "clutter=-1", "clutter_size=101", "turn=-1", "resize=1",
        "glimpses=0", "patch_size=0", "scales=0", "units=0", "patch_units=0", "context_size=0", "gradient=hard",
        "stddev=0", "salience=-1", "inhibition=-1", "place_units=-1", "policy_weight=-1", "baseline=mlp",
    )  # fmt: skip
    def test_bad_values_name_the_field(self, override):
        with self.assertRaisesRegex(UserError, override.split("=")[0]):
            resolve_config(ManyObjectsConfig(), [f"--config.{override}"])

    def test_pieces_larger_than_the_images(self):
        experiment = ManyObjects(dataclasses.replace(CONFIG, task="several", most=2, clutter=1, clutter_size=16))
        with self.assertRaisesRegex(UserError, "clutter_size: 16 is larger than the"):
            experiment.build_pipeline().batches("train", batch_size=4)

    def test_splits(self):
        with self.assertRaisesRegex(UserError, "splits"):
            ManyObjectsConfig(splits=("train", "test"))


if __name__ == "__main__":
    absltest.main()
