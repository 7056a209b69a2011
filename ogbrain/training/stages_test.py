"""Tests of runs that train other weights, on other batches, from a step on."""

import dataclasses
import signal
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.config import ExperimentConfig, OptimizerConfig
from ogbrain.data.pipeline import Pipeline
from ogbrain.testing.tiny_images import TinyImages
from ogbrain.training import Interrupted, RunLoop, SupervisedExperiment
from ogbrain.training.grouped_optimizer import GroupedOptimizer
from ogbrain.training.run_directory import RunDirectory

CONFIG = ExperimentConfig(epochs=4, batch_size=16, log_every=4, optimizer=OptimizerConfig(learning_rate=1e-2))
CHANGE = 13
"""The step that begins the second stage, in the middle of an epoch of 9."""


class TwoStages(SupervisedExperiment):
    """Trains the last layer on inverted pictures, then both layers on plain ones."""

    interrupt_at, most = -1, 1

    def build_pipeline(self):
        builder = TinyImages(data_dir=Path(absltest.get_default_test_tmpdir(), "tiny_images_data"))
        builder.download_and_prepare()
        splits = {"train": "train[:75%]", "validation": "train[75%:]", "test": "test"}
        self.inverted = Pipeline(builder, splits=splits, preprocess=[invert])
        return Pipeline(builder, splits=splits)

    def build_model(self):
        layers = [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(8, "relu")]
        return keras.Sequential([*layers, keras.layers.Dropout(0.2), keras.layers.Dense(4)])

    def build_optimizer(self):
        first, last = self.model.layers[2].trainable_variables, self.model.layers[-1].trainable_variables
        return GroupedOptimizer([(keras.optimizers.Adam(1e-2), last), (keras.optimizers.Adam(1e-3), first)])

    def stage(self, step):
        return int(step >= CHANGE)

    def stage_pipeline(self, stage):
        return self.pipeline if stage else self.inverted

    def stage_variables(self, stage):
        return self.model.trainable_variables if stage else self.model.layers[-1].trainable_variables

    def steps_per_call(self, stage):
        return self.most

    def loss(self, model, batch, training):
        logits = model(batch["image"], training=training)
        losses = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        return tf.reduce_mean(losses), {
            "loss": losses,
            "brightness": tf.reduce_mean(tf.cast(batch["image"], tf.float32)),
        }

    def train_step(self):
        sums = super().train_step()
        self.steps_done = getattr(self, "steps_done", 0) + 1
        if self.steps_done == self.interrupt_at:
            signal.raise_signal(signal.SIGTERM)
        return sums


def invert(batch, seed):
    return {**batch, "image": 255 - batch["image"]}


class StagesTest(absltest.TestCase):
    def run_loop(self, folder, experiment):
        return RunLoop("test/stages", experiment, Path(folder), log=lambda line: None).run()

    def test_the_first_stage_leaves_the_other_weights_alone(self):
        experiment = TwoStages(dataclasses.replace(CONFIG, epochs=1))
        self.run_loop(self.create_tempdir(), experiment)
        fresh = TwoStages(CONFIG)
        fresh.setup_inference()
        np.testing.assert_array_equal(experiment.model.layers[2].kernel, fresh.model.layers[2].kernel)
        self.assertGreater(np.abs(experiment.model.layers[-1].kernel - fresh.model.layers[-1].kernel).max(), 0)

    def test_batches_change_at_the_step(self):
        experiment = TwoStages(CONFIG)
        experiment.setup(tf.distribute.get_strategy())
        experiment.begin(0)
        values = []
        for _ in range(CHANGE + 2):
            sums = experiment.train_step()
            values.append(sums.means(sums.values.numpy())["brightness"])
        self.assertGreater(min(values[:CHANGE]), 150)
        self.assertLess(max(values[CHANGE:]), 105)

    def test_interrupted_in_either_stage_it_ends_with_the_same_numbers(self):
        unbroken = self.run_loop(self.create_tempdir(), TwoStages(CONFIG))
        folder = self.create_tempdir()
        for interrupt_at in (5, 8, 9):  # steps 5, 13 (at the change) and 22
            experiment = TwoStages(CONFIG)
            experiment.interrupt_at = interrupt_at
            with self.assertRaises(Interrupted):
                self.run_loop(folder, experiment)
        resumed = self.run_loop(folder, TwoStages(CONFIG))
        for key in ("test", "validation", "best_step"):
            self.assertEqual(resumed[key], unbroken[key])

    def test_many_steps_in_a_call_do_as_one_by_one(self):
        folders = [Path(self.create_tempdir()) for _ in range(3)]
        one_by_one = self.run_loop(folders[0], TwoStages(CONFIG))
        together = self.run_loop(folders[1], self.together())
        for interrupt_at in (3, 3):  # after steps 9 and 16; the second stage begins in between
            with self.assertRaises(Interrupted):
                self.run_loop(folders[2], self.together(interrupt_at))
        resumed = self.run_loop(folders[2], self.together())
        self.assertEqual(resumed["test"], together["test"])
        self.assertAlmostEqual(together["test"]["loss"], one_by_one["test"]["loss"], places=4)
        first, second, third = (RunDirectory(folder).records() for folder in folders)
        for ours, again, other in zip(second, third, first, strict=True):
            self.assertEqual((ours["step"], ours["split"]), (other["step"], other["split"]))
            self.assertEqual(ours["loss"], again["loss"])
            self.assertAlmostEqual(ours["loss"], other["loss"], places=4)

    def together(self, interrupt_at=-1):
        experiment = TwoStages(CONFIG)
        experiment.interrupt_at, experiment.most = interrupt_at, 9
        return experiment

    def test_calls_end_with_records_epochs_and_stages(self):
        experiment = self.together()
        experiment.setup(tf.distribute.get_strategy())
        experiment.begin(0)
        counts = []
        while sum(counts) < 27:
            counts.append(experiment.train_step().steps)
        # Records come every 4 steps, epochs end every 9, and the stage changes at 13.
        self.assertEqual(counts, [4, 4, 1, 3, 1, 3, 2, 2, 4, 3])


class GroupedOptimizerTest(absltest.TestCase):
    def test_a_group_begins_when_it_is_first_updated(self):
        early, late = keras.Variable(1.0), keras.Variable(1.0)
        optimizer = GroupedOptimizer([(keras.optimizers.Adam(0.1), [early]), (keras.optimizers.Adam(0.01), [late])])
        optimizer.build([early, late])
        for _ in range(3):
            optimizer.apply([tf.constant(1.0)], [early])
        optimizer.apply([tf.constant(1.0)] * 2, [late, early])
        # The first step of Adam is as long as the learning rate, whatever the gradient.
        self.assertAlmostEqual(float(late), 0.99, places=4)
        self.assertAlmostEqual(float(early), 0.6, places=4)
        self.assertEqual([int(group.iterations) for group, _ in optimizer.groups], [4, 1])

    def test_weights_belong_to_one_group(self):
        one, two = keras.Variable(1.0), keras.Variable(1.0)
        with self.assertRaisesRegex(ValueError, "in two groups"):
            GroupedOptimizer([(keras.optimizers.SGD(), [one]), (keras.optimizers.SGD(), [one, two])])
        with self.assertRaisesRegex(ValueError, "in no group"):
            GroupedOptimizer([(keras.optimizers.SGD(), [one])]).build([one, two])


if __name__ == "__main__":
    absltest.main()
