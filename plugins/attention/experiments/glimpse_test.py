"""Tests of the glimpse experiment, its config and its baselines on tiny pictures."""

import dataclasses
import unittest

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.config import resolve as resolve_config
from ogbrain.errors import UserError
from plugins.attention.experiments.glimpse import Glimpse
from plugins.attention.experiments.glimpse_baselines import Convolutional, FullyConnected
from plugins.attention.experiments.glimpse_config import GlimpseConfig

CONFIG = GlimpseConfig(
    seed=1,
    epochs=3,
    batch_size=32,
    log_every=1,
    xla=False,
    data=DataConfig(name="tiny_images"),
    optimizer=OptimizerConfig(learning_rate=3e-3),
    canvas=14,
    clutter=1,
    clutter_size=2,
    glimpses=3,
    patch_size=4,
    scales=2,
    units=16,
    patch_units=12,
    location_units=6,
    policy_units=5,
    baseline="none",
)


def setUpModule():
    unittest.enterModuleContext(testing.use_data(testing.TinyImages))


def ready(config=CONFIG, experiment_class=Glimpse, *arguments):
    experiment = experiment_class(config, *arguments)
    experiment.setup_inference()
    return experiment


def some_batch(experiment, size=8):
    return next(iter(experiment.pipeline.batches("validation", batch_size=size)))


class ConformanceTest(testing.ExperimentTestCase):
    def test_glimpse(self):
        noise = np.random.default_rng(0).random((1, 50, 31, 3))
        config = dataclasses.replace(CONFIG, optimizer=OptimizerConfig(learning_rate=1e-2))
        pictures = testing.write_pictures(self.create_tempdir().full_path, noise)
        folder = self.check_experiment(Glimpse, config, inputs=pictures)
        self.assertTrue((folder / "plots" / "glimpse_path.png").exists())

    def test_compiled_lstm_with_samples_and_random_start(self):
        config = dataclasses.replace(
            CONFIG, xla=True, core="lstm", training_samples=2, evaluation_samples=2, first_place="random",
            reward="final", epochs=2,
        )  # fmt: skip
        self.check_experiment(Glimpse, config)


class GlimpseTest(parameterized.TestCase):
    def test_monte_carlo_evaluation_averages_probabilities(self):
        experiment = ready(dataclasses.replace(CONFIG, evaluation_samples=4, stddev=0.5))
        batch = some_batch(experiment)
        drawn = iter([0.0, 0.0, 0.0, 3.0])

        def model(images, training):
            self.assertFalse(training)
            return {"logits": tf.tile(tf.constant([[[next(drawn), 0.0, 0.0, 0.0]]]), (len(images), 3, 1))}

        metrics = experiment.evaluate_batch(model, batch)
        expected = 3 / 4 * 0.25 + 1 / 4 * np.exp(3) / (np.exp(3) + 3)
        first = np.asarray(batch["label"]) == 0
        np.testing.assert_allclose(metrics["loss"][first], -np.log(expected), rtol=1e-4)
        np.testing.assert_array_equal(metrics["accuracy"], first)

    def test_training_samples_are_duplicates(self):
        experiment = ready(dataclasses.replace(CONFIG, training_samples=3))
        batch, seen = some_batch(experiment), []

        def model(images, training):
            seen.append(images)
            return experiment.model(images, training=training)

        _, metrics = experiment.loss(model, batch, training=True)
        np.testing.assert_array_equal(seen[0], np.repeat(batch["image"], 3, 0))
        self.assertEqual(metrics["accuracy"].shape, (8,))

    def test_gradients_of_the_whole_loss(self):
        for shapes_state in (True, False):
            experiment = ready(dataclasses.replace(CONFIG, policy_shapes_state=shapes_state, policy_weight=0.0))
            variables = experiment.model.trainable_variables
            with tf.GradientTape() as tape:
                loss, _ = experiment.loss(experiment.model, some_batch(experiment), training=True)
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            for variable, gradient in zip(variables, gradients, strict=True):
                # Without the policy's loss all but the policy is trained: cross-entropy does not reach it.
                touched = gradient is not None and bool(np.any(gradient != 0))
                self.assertEqual(touched, "/policy/" not in variable.path, variable.path)

    @parameterized.parameters({"places": "random"}, {"glimpses": 1}, {"core": "lstm"})
    def test_every_weight_is_in_the_loss(self, **changes):
        experiment = ready(dataclasses.replace(CONFIG, **changes))
        variables = [variable.value for variable in experiment.model.trainable_variables]
        with tf.GradientTape() as tape:
            loss, metrics = experiment.loss(experiment.model, some_batch(experiment), training=True)
        self.assertNotIn(None, [gradient if gradient is None else 0 for gradient in tape.gradient(loss, variables)])
        self.assertEqual("reward" in metrics, changes.get("core") == "lstm")

    def test_answers_are_the_same_each_time_and_by_every_way(self):
        experiment = ready()
        batch = some_batch(experiment, 4)
        files = testing.write_pictures(self.create_tempdir().full_path, batch["image"])
        predictions = experiment.predict(files)
        signatures = experiment.signatures()
        content = tf.constant([file.read_bytes() for file in files])
        for answers in (
            signatures["serving_default"](image_bytes=content), signatures["image"](image=batch["image"]),
            signatures["serving_default"](image_bytes=content),
        ):  # fmt: skip
            for number, prediction in enumerate(predictions):
                probabilities = list(prediction.data["probabilities"].values())
                np.testing.assert_allclose(answers["probabilities"][number], probabilities, atol=1e-4)
                np.testing.assert_allclose(answers["locations"][number], prediction.data["locations"], atol=1e-4)
                self.assertEqual(answers["label"][number].numpy().decode(), prediction.data["label"])

    def test_bad_pictures_are_one_line(self):
        experiment = ready()
        for name in ("/nowhere.png", "/tmp", __file__):
            with self.assertRaisesRegex(UserError, name):
                experiment.predict([name])

    def test_odd_pictures_have_an_answer(self):
        experiment = ready()
        pictures = testing.odd_pictures(self.create_tempdir().full_path)
        for prediction in experiment.predict(list(pictures.values())):
            self.assertAlmostEqual(sum(prediction.data["probabilities"].values()), 1, places=4)

    def test_pictures(self):
        experiment = ready()
        drawn = experiment.pictures(experiment.model, some_batch(experiment, 3))["glimpse_path"]
        self.assertEqual((drawn.dtype, drawn.ndim, drawn.shape[2]), (np.uint8, 3, 3))
        self.assertGreater(drawn.std(), 5)

    def test_one_glimpse(self):
        experiment = ready(dataclasses.replace(CONFIG, glimpses=1))
        loss, metrics = experiment.loss(experiment.model, some_batch(experiment), training=True)
        self.assertTrue(np.isfinite(loss))
        self.assertEqual(experiment.callbacks(), [])
        self.assertLen(experiment.predict([]), 0)
        self.assertEqual(set(metrics), {"loss", "accuracy"})

    def test_search_narrows(self):
        experiment = ready(dataclasses.replace(CONFIG, epochs=8, stddev=0.2, final_stddev=0.05))
        (callback,) = experiment.callbacks()
        widths = []
        for epoch in range(8):
            callback.on_epoch_begin(epoch)
            widths.append(float(experiment.model.get_layer("attention").policy.scale))
        np.testing.assert_allclose(widths, [0.2, 0.175, 0.15, 0.125, 0.1, 0.075, 0.05, 0.05], rtol=1e-5)


class BaselinesTest(parameterized.TestCase):
    def test_same_data_and_no_more_multiply_adds(self):
        experiment = ready(dataclasses.replace(CONFIG, baseline="mlp, conv,random", units=60, evaluation_samples=2))
        baselines = experiment.build_baselines()
        self.assertEqual(list(baselines), ["mlp", "conv", "random"])
        for name, kind in (("mlp", FullyConnected), ("conv", Convolutional), ("random", Glimpse)):
            baseline = baselines[name]
            self.assertIs(type(baseline), kind)
            baseline.setup_inference()
            self.assertEqual(baseline.build_baselines(), {})
            np.testing.assert_array_equal(some_batch(baseline)["image"], some_batch(experiment)["image"])
            share = baseline.multiply_adds() / experiment.multiply_adds()
            self.assertBetween(share, 0.7 if name == "conv" else 0.95, 1.0, name)
            loss, metrics = baseline.loss(baseline.model, some_batch(baseline), training=True)
            self.assertAlmostEqual(float(loss), float(np.mean(metrics["loss"])), delta=1e-4 if name != "random" else 9)

    def test_multiply_adds_by_hand(self):
        mlp = ready(CONFIG, FullyConnected, 10_000)
        width = mlp.model.layers[2].units
        self.assertEqual(mlp.multiply_adds(), 14 * 14 * width + width * width + width * 4)
        wider = 14 * 14 * (width + 1) + (width + 1) ** 2 + (width + 1) * 4
        self.assertLessEqual(mlp.multiply_adds(), 10_000)
        self.assertGreater(wider, 10_000)
        conv = ready(CONFIG, Convolutional, 60_000)
        width = conv.model.layers[1].filters
        expected = 7 * 7 * 9 * width + 4 * 4 * 9 * width * 2 * width + 2 * 2 * 9 * 2 * width * 4 * width
        self.assertEqual(conv.multiply_adds(), expected + 2 * 2 * 4 * width * 64 + 64 * 4)
        glimpse = ready()
        glimpses = 3 * (2 * 4 * 4 * 12 + 2 * 6 + (12 + 6) * 16 + 16 * 16 * 2) + 2 * (16 * 5 + 5 * 2)
        self.assertEqual(glimpse.multiply_adds(), glimpses + 16 * 4)

    def test_a_budget_too_small_gives_the_narrowest(self):
        self.assertEqual(ready(CONFIG, FullyConnected, 1).model.layers[2].units, 1)


class GlimpseConfigTest(parameterized.TestCase):
    @parameterized.parameters(
        "glimpses=0", "patch_size=0", "scales=0", "scales=9", "units=0", "core=gru", "places=lerned",
        "first_place=left", "stddev=0", "stddev=nan", "final_stddev=-1", "reward=gian", "training_samples=0",
        "evaluation_samples=0", "baseline=mpl", "baseline=mlp,none", "baseline=", "canvas=0", "clutter=-1",
        "clutter_size=61", "policy_units=-1", "policy_weight=-1", "glimpses=many",
    )  # fmt: skip
    def test_bad_values_name_the_field(self, override):
        with self.assertRaisesRegex(UserError, override.split("=")[0]):
            resolve_config(GlimpseConfig(), [f"--config.{override}"])

    def test_splits(self):
        with self.assertRaisesRegex(UserError, "splits"):
            GlimpseConfig(splits=("train", "test"))

    def test_good_values(self):
        config = resolve_config(GlimpseConfig(), ["--config.baseline=conv,random", "--config.core=lstm"])
        self.assertEqual((config.baselines, config.core), (("conv", "random"), "lstm"))
        self.assertEqual(GlimpseConfig(baseline="none").baselines, ())


if __name__ == "__main__":
    absltest.main()
