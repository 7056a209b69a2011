"""Tests of the images experiment on a few pictures and a tiny network."""

import dataclasses
import json
import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from PIL import Image

from ogbrain import config as config_lib
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.errors import UserError
from ogbrain.testing.experiment_test_case import ExperimentTestCase
from ogbrain.training import RunLoop
from plugins.transfer.backbones.backbone import Backbone
from plugins.transfer.backbones.find_backbone import find_backbone
from plugins.transfer.experiments import images
from plugins.transfer.experiments.images import Images
from plugins.transfer.experiments.images_config import ImagesConfig
from plugins.transfer.experiments.mistakes import draw_confusion, draw_pictures, draw_texts
from plugins.transfer.experiments.unfreezing import TwoRates, Unfreezing

FOLDER = Path(tempfile.mkdtemp())
CONFIG = ImagesConfig(
    epochs=5,
    probe_epochs=2,
    batch_size=8,
    log_every=3,
    image_size=16,
    views=2,
    tune_groups=2,
    tune_warmup_steps=2,
    dropout=0.0,
    baseline="none",
    optimizer=OptimizerConfig(learning_rate=3e-2),
    data=DataConfig(name=f"folder:{FOLDER}/pictures", data_dir=str(FOLDER / "data")),
)


def setUpModule():
    random = np.random.default_rng(0)
    for name, colour in {"blue": (30, 30, 200), "green": (30, 200, 30), "red": (200, 30, 30)}.items():
        (FOLDER / "pictures" / name).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            pixels = np.clip(random.normal(colour, 60, (20, 24, 3)), 0, 255)
            Image.fromarray(np.uint8(pixels)).save(FOLDER / "pictures" / name / f"{number}.png")
    (FOLDER / "pictures" / "red" / "broken.png").write_bytes(b"no picture")
    (FOLDER / "pictures" / "empty").mkdir(exist_ok=True)


def tiny_backbone(name, pretrained=True, data_dir="", size=0):
    """Returns a network of three groups that can be cut."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    cuts, groups = [], []
    for number, filters in enumerate((4, 6, 8)):
        made = [
            keras.layers.Conv2D(filters, 3, 2, "same", kernel_initializer=keras.initializers.GlorotUniform(number)),
            keras.layers.BatchNormalization(),
        ]
        for layer in (*made, keras.layers.ReLU()):
            x = layer(x)
        cuts.append(x)
        groups.append(made)
    return Backbone(keras.Model(inputs, x, name="backbone"), groups, 32, cuts)


@mock.patch.object(images, "find_backbone", tiny_backbone)
class ImagesTest(ExperimentTestCase):
    def test_conformance(self):
        picture = FOLDER / "pictures" / "red" / "0.png"
        config = dataclasses.replace(CONFIG, schedule="gradual", l2_sp=0.01, probe_epochs=1, epochs=3)
        folder = self.check_experiment(Images, config, inputs=[picture])
        for plot in ("confusion", "accuracy", "learning_rate"):
            self.assertTrue((folder / "plots" / f"{plot}.png").exists(), plot)
        rates = {
            record["step"]: record["learning_rate"]
            for record in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
            if record["split"] == "train"
        }
        self.assertAlmostEqual(rates[3], 3e-2)
        self.assertAlmostEqual(rates[18], CONFIG.tune_rate)

    def trained(self, steps, **kwargs):
        """Returns an experiment after so many steps."""
        experiment = Images(dataclasses.replace(CONFIG, **kwargs))
        experiment.setup(tf.distribute.get_strategy())
        experiment.begin(0)
        while steps > 0:
            steps -= experiment.train_step().steps
        return experiment

    def test_a_cache_changes_nothing_but_the_time(self):
        # Without a cache, tuning would see ever new views where it now sees the kept ones: equal while probing.
        kept, plain = (self.trained(12, feature_cache=cache) for cache in (True, False))
        self.assertGreater(kept.steps_per_call(0), plain.steps_per_call(0))
        for ours, theirs in zip(kept.head.variables, plain.head.variables, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
        for split in ("validation", "test"):
            self.assertAlmostEqual(kept.evaluate(split)["loss"], plain.evaluate(split)["loss"], places=4)

    def test_a_run_resumed_while_it_tunes_evaluates_the_same(self):
        tuned, again = self.trained(15), Images(CONFIG)
        again.setup(tf.distribute.get_strategy())
        for ours, theirs in zip(again.model.variables, tuned.model.variables, strict=True):
            ours.assign(theirs)
        again.begin(15)
        self.assertEqual(list(again._cached()._values), ["label", "trunk"])
        self.assertEqual(again.evaluate("test"), tuned.evaluate("test"))

    def test_features_that_take_too_much_memory_are_not_kept(self):
        experiment = Images(dataclasses.replace(CONFIG, cache_megabytes=0))
        experiment.setup(tf.distribute.get_strategy())
        self.assertIs(experiment.stage_pipeline(0), experiment._frozen)
        self.assertIs(experiment.stage_pipeline(1), experiment.pipeline)

    def test_only_the_tuned_groups_change(self):
        groups = self.trained(15).backbone.groups
        first = tiny_backbone("").groups
        np.testing.assert_array_equal(groups[0][0].kernel, first[0][0].kernel)
        for number in (1, 2):
            self.assertGreater(np.abs(groups[number][0].kernel - first[number][0].kernel).max(), 0)
        for layers in groups:
            np.testing.assert_array_equal(layers[1].moving_mean, np.zeros_like(layers[1].moving_mean))

    def test_the_probe_leaves_the_network_alone(self):
        experiment = self.trained(15, schedule="probe")
        for ours, first in zip(experiment.backbone.groups, tiny_backbone("").groups, strict=True):
            np.testing.assert_array_equal(ours[0].kernel, first[0].kernel)
        self.assertEqual(sum(len(group) for _, group in experiment.optimizer.groups), 2 + 12)

    def test_l2_sp_keeps_the_weights_near_where_they_began(self):
        loose, held = (
            self.trained(4, schedule="full", tune_groups=0, tune_rate=1e-2, l2_sp=strength)._first.distance()
            for strength in (0.0, 100.0)
        )
        self.assertGreater(float(loose), 0)
        self.assertLess(float(held), 0.5 * float(loose))

    def test_evaluation_sees_what_was_tuned(self):
        experiment = Images(CONFIG)
        experiment.setup(tf.distribute.get_strategy())
        first = experiment.evaluate("validation")
        self.assertEqual(experiment.evaluate("validation"), first)  # from the features that were kept
        kernel = experiment.backbone.groups[0][0].kernel
        before = kernel.numpy().copy()
        kernel.assign(before + 0.1)
        self.assertNotEqual(experiment.evaluate("validation"), first)
        kernel.assign(before)
        self.assertEqual(experiment.evaluate("validation"), first)

    def test_a_size_that_does_not_fit_is_one_line(self):
        inputs = keras.Input((None, None, 3))
        network = keras.Model(inputs, keras.layers.Conv2D(2, 20)(inputs))
        with mock.patch.object(images, "find_backbone", lambda *_: Backbone(network, [])):
            with self.assertRaisesRegex(UserError, "config.image_size: 16 does not fit efficientnet_lite/lite0"):
                Images(CONFIG).setup_inference()

    def test_few_examples_need_no_smaller_batch(self):
        experiment = Images(dataclasses.replace(CONFIG, per_class=2))
        experiment.setup(tf.distribute.get_strategy())
        self.assertEqual((experiment.config.batch_size, experiment.steps_per_epoch), (6, 1))

    def test_baselines_train_all_of_it(self):
        baselines = Images(
            dataclasses.replace(CONFIG, baseline="full,none,scratch", baseline_epochs=2)
        ).build_baselines()
        self.assertEqual(list(baselines), ["full", "scratch"])
        self.assertEqual(baselines["scratch"].config.weights, "random")
        folder = self.create_tempdir().full_path
        self.assertEmpty(
            Images(dataclasses.replace(CONFIG, baseline="full", backbone=f"file:{folder}")).build_baselines()
        )
        for name, baseline in baselines.items():
            baseline.setup(tf.distribute.get_strategy())
            baseline.begin(0)
            before = [layers[0].kernel.numpy().copy() for layers in baseline.backbone.groups]
            for _ in range(4):
                baseline.train_step()
            for layers, kernel in zip(baseline.backbone.groups, before, strict=True):
                self.assertGreater(np.abs(layers[0].kernel - kernel).max(), 0, name)
            self.assertEqual(baseline.stage(0), 3)
            moved = np.abs(baseline.backbone.groups[0][1].moving_mean).max()
            self.assertEqual(moved > 0, name == "scratch")

    def test_a_run_is_the_backbone_of_the_next(self):
        first, folder = (
            Images(dataclasses.replace(CONFIG, schedule="full", tune_groups=0, epochs=1)),
            Path(self.create_tempdir()),
        )
        config_lib.save(first.config, folder / "config.json", experiment="transfer/images")
        RunLoop("test", first, folder).run()
        found = find_backbone(f"run:{folder}")
        for theirs, learned in zip(found.model.weights, first.backbone.model.weights, strict=True):
            np.testing.assert_array_equal(theirs, learned)
        self.assertLen(found.groups, 3)
        self.assertGreater(np.abs(found.model.weights[0] - tiny_backbone("").model.weights[0]).max(), 0)

    def test_raw_files_are_answered_as_predicted(self):
        experiment = Images(CONFIG)
        experiment.setup_inference()
        picture = FOLDER / "pictures" / "blue" / "1.png"
        predicted = experiment.predict([picture])[0]
        served = experiment.signatures()["serving_default"](tf.constant([picture.read_bytes()]))
        self.assertEqual(served["label"].numpy()[0].decode(), predicted.data["label"])
        self.assertAlmostEqual(float(served["probabilities"].numpy().max()), predicted.data["probability"], places=4)
        with self.assertRaisesRegex(UserError, "broken.png: not a picture"):
            experiment.predict([FOLDER / "pictures" / "red" / "broken.png"])


class UnfreezingTest(parameterized.TestCase):
    def plan(self, **kwargs):
        config = dataclasses.replace(CONFIG, **{"tune_groups": 0, **kwargs})
        variables = [keras.Variable(1.0) for _ in range(4)]
        return Unfreezing(config, 10, variables[:1], [[variable] for variable in variables[1:]]), variables

    def test_stages(self):
        for schedule, expected in (
            ("probe", [0] * 6), ("full", [3] * 6),
            ("probe_then_tune", [0, 0, 0, 3, 3, 3]), ("gradual", [0, 0, 0, 1, 2, 3]),
        ):  # fmt: skip
            plan, _ = self.plan(schedule=schedule)
            self.assertEqual([plan.stage(step) for step in (0, 10, 19, 20, 30, 49)], expected, schedule)

    def test_the_top_is_first_and_fastest(self):
        plan, (head, *groups) = self.plan(schedule="gradual", layer_decay=0.5, tune_rate=0.8)
        self.assertEqual([id(v) for v in plan.variables(1)], [id(head), id(groups[2])])
        self.assertEqual([plan.rate(stage) for stage in (1, 2, 3)], [0.8, 0.4, 0.2])
        optimizer = plan.build_optimizer()
        self.assertEqual([id(group[0]) for _, group in optimizer.groups], [id(v) for v in (head, *groups[::-1])])
        optimizer.build([head, *groups])

    def test_two_rates(self):
        rates = TwoRates(1.0, keras.optimizers.schedules.PolynomialDecay(0.5, 10, 0.0), 4)
        self.assertEqual([round(float(rates(step)), 3) for step in (0, 3, 4, 9, 14)], [1.0, 1.0, 0.5, 0.25, 0.0])
        again = TwoRates.from_config(rates.get_config())
        self.assertEqual(float(again(9)), 0.25)


class MistakesTest(absltest.TestCase):
    def test_any_names_are_drawn(self):
        names = ["$\\frac{$", "日本", "a\nb", ""]
        self.assertEqual(draw_confusion(np.eye(4, dtype=np.int64), names).shape, (400, 400, 3))
        picture = np.zeros((3, 5, 3), np.uint8)
        self.assertEqual(draw_pictures([picture] * 4, names, columns=2).shape[2], 3)
        self.assertEqual(draw_texts(["a\x00b"] * 4, names).shape[2], 3)


class ConfigTest(parameterized.TestCase):
    @parameterized.parameters(
        ({"schedule": "prob"}, "config.schedule: 'prob' is not allowed; did you mean 'probe'"),
        ({"weights": "random", "schedule": "probe"}, "'probe' is not allowed with random weights"),
        ({"baseline": "ful"}, "did you mean 'full'"),
        ({"splits": ("train",)}, "three TFDS splits"),
        ({"layer_decay": 1.5}, "config.layer_decay: 1.5 is not allowed; from 0.0 to 1.0"),
        ({"views": 0}, "config.views"),
    )
    def test_bad_values_are_one_line(self, values, message):
        with self.assertRaisesRegex(UserError, message):
            ImagesConfig(**values)


if __name__ == "__main__":
    absltest.main()
