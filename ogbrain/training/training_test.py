"""Tests of the run loop and its parts, on pictures that are learnt in a second."""

import dataclasses
import io
import json
import math
import os
import signal
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import given
from hypothesis import strategies as st

from ogbrain.config import ExperimentConfig, OptimizerConfig
from ogbrain.data.pipeline import Pipeline
from ogbrain.errors import RunError, UserError
from ogbrain.testing.tiny_images import TinyImages
from ogbrain.training import Interrupted, RunLoop, SupervisedExperiment, run_loop
from ogbrain.training.adam import Adam
from ogbrain.training.checkpoints import Checkpoints, writing
from ogbrain.training.optimizers import WarmupDecay, build_optimizer, clip
from ogbrain.training.progress import Progress
from ogbrain.training.run_directory import RunDirectory
from ogbrain.training.run_state import RunState
from ogbrain.training.strategies import build_strategy

CONFIG = ExperimentConfig(
    seed=3,
    epochs=3,
    batch_size=16,
    log_every=4,
    optimizer=OptimizerConfig(learning_rate=1e-2, schedule="cosine", warmup_steps=3, clip_norm=1.0),
)


def setUpModule():
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


def tiny_builder() -> TinyImages:
    builder = TinyImages(data_dir=Path(os.environ.get("TEST_TMPDIR", "/tmp"), "tiny_images_data"))
    builder.download_and_prepare()
    return builder


class Killed(BaseException):
    """Ends a run as it stands, as a kill would."""


class Tiny(SupervisedExperiment):
    """A small network with dropout, so that random state matters."""

    monitor, monitor_mode = "accuracy", "max"
    interrupt_at, killed = -1, False

    def build_pipeline(self):
        splits = {"train": "train[:75%]", "validation": "train[75%:]", "test": "test"}
        return Pipeline(tiny_builder(), splits=splits)

    def build_model(self):
        return keras.Sequential(
            [
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(16, "relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dropout(0.3),
                keras.layers.Dense(4, dtype="float32"),
            ]
        )

    def loss(self, model, batch, training):
        logits = model(batch["image"], training=training)
        losses = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        return tf.reduce_mean(losses), {"loss": losses, "accuracy": tf.argmax(logits, -1) == batch["label"]}

    def train_step(self):
        sums = super().train_step()
        if self.interrupt_at >= 0 and int(self.optimizer.iterations) == self.interrupt_at:
            if self.killed:
                raise Killed
            signal.raise_signal(signal.SIGTERM)
        return sums

    def pictures(self, model, batch):
        return {"first": np.repeat(batch["image"][0].numpy(), 3, axis=-1)}


class WithBaseline(Tiny):
    """The same beside a baseline of its kind."""

    def build_baselines(self):
        return {"other": Tiny(dataclasses.replace(self.config, seed=4))}


def untimed(folder: Path) -> list[dict]:
    records = RunDirectory(folder).records()
    return [{key: value for key, value in record.items() if key != "steps_per_second"} for record in records]


class RunLoopTest(parameterized.TestCase):
    def run_loop(self, folder, experiment, **options):
        return RunLoop("test/tiny", experiment, Path(folder), log=lambda line: None, **options).run()

    @parameterized.parameters(False, True)
    def test_learns_and_leaves_a_whole_run_folder(self, xla):
        folder = Path(self.create_tempdir())
        results = self.run_loop(folder, Tiny(dataclasses.replace(CONFIG, epochs=10, xla=xla, tensorboard_graph=True)))
        self.assertGreater(results["test"]["accuracy"], 0.9)
        self.assertEqual(json.loads((folder / "results.json").read_text()), results)
        plots = [f"plots/{name}" for name in ("loss.png", "accuracy.png", "first.png")]
        for name in ("MODEL_CARD.md", *plots, "tensorboard"):
            self.assertTrue((folder / name).exists(), name)
        self.assertIn(
            "tiny_images/1.0.0 (144 train, 48 validation, 64 test examples)", (folder / "MODEL_CARD.md").read_text()
        )

    def test_an_interrupted_run_ends_with_the_numbers_of_an_unbroken_one(self):
        unbroken, broken = Path(self.create_tempdir()), Path(self.create_tempdir())
        expected = self.run_loop(unbroken, Tiny(CONFIG))
        for step in (1, 9, 14):  # the first, the last of an epoch, in the middle of one and of a record's window
            experiment = Tiny(CONFIG)
            experiment.interrupt_at = step
            with self.assertRaisesRegex(Interrupted, f"interrupted at step {step} "):
                self.run_loop(broken, experiment)
        results = self.run_loop(broken, Tiny(CONFIG))
        for key in ("test", "validation", "best_step"):
            self.assertEqual(results[key], expected[key])
        self.assertEqual(untimed(broken), untimed(unbroken))

    def test_a_run_killed_between_two_saves_does_short_epochs_again(self):
        unbroken, broken = Path(self.create_tempdir()), Path(self.create_tempdir())
        with mock.patch.object(run_loop, "SHORT", 0.0):
            expected = self.run_loop(unbroken, Tiny(CONFIG))
        # None of the epochs is long enough to be saved by itself.
        with mock.patch.object(run_loop, "SHORT", 1e9):
            experiment = Tiny(CONFIG)
            experiment.interrupt_at, experiment.killed = 2 * 9 + 1, True
            with self.assertRaises(Killed):
                self.run_loop(broken, experiment)
            self.assertEmpty(list(broken.glob("checkpoints/*")))
            results = self.run_loop(broken, Tiny(CONFIG))
        for key in ("test", "validation", "best_step"):
            self.assertEqual(results[key], expected[key])
        self.assertEqual(untimed(broken), untimed(unbroken))

    def test_a_run_killed_between_an_evaluation_and_its_save_records_it_once(self):
        unbroken, broken = Path(self.create_tempdir()), Path(self.create_tempdir())
        config = dataclasses.replace(CONFIG, checkpoint_seconds=0.0)
        self.run_loop(unbroken, Tiny(config))
        with mock.patch.object(RunLoop, "_draw", side_effect=Killed), self.assertRaises(Killed):
            self.run_loop(broken, Tiny(config))
        self.run_loop(broken, Tiny(config))
        written, expected = ([(line["step"], line["split"]) for line in untimed(run)] for run in (broken, unbroken))
        self.assertEqual(written, expected)

    def test_a_checkpoint_after_every_step_changes_nothing(self):
        first = self.run_loop(self.create_tempdir(), Tiny(CONFIG))
        second = self.run_loop(self.create_tempdir(), Tiny(dataclasses.replace(CONFIG, checkpoint_seconds=0.0)))
        self.assertEqual(first["test"], second["test"])

    def test_another_seed_gives_another_run(self):
        first = self.run_loop(self.create_tempdir(), Tiny(CONFIG))
        second = self.run_loop(self.create_tempdir(), Tiny(dataclasses.replace(CONFIG, seed=5)))
        self.assertNotEqual(first["test"]["loss"], second["test"]["loss"])

    def test_baselines_are_trained_beside_it_and_do_not_change_it(self):
        folder = Path(self.create_tempdir())
        results = self.run_loop(folder, WithBaseline(CONFIG))
        self.assertEqual(results["test"], self.run_loop(self.create_tempdir(), Tiny(CONFIG))["test"])
        alone = self.run_loop(self.create_tempdir(), Tiny(dataclasses.replace(CONFIG, seed=4)))
        self.assertEqual(results["baselines"]["other"]["test"], alone["test"])
        self.assertIn("| other | ", (folder / "MODEL_CARD.md").read_text())

    def test_a_finished_run_started_again_only_answers(self):
        folder = self.create_tempdir()
        results = self.run_loop(folder, Tiny(CONFIG))
        records = untimed(Path(folder))
        self.assertEqual(self.run_loop(folder, Tiny(CONFIG)), results)
        self.assertEqual(untimed(Path(folder)), records)

    def test_two_devices_do_as_one(self):
        plain = dataclasses.replace(CONFIG, epochs=1)

        class NoDropout(Tiny):
            def build_model(self):
                return keras.Sequential(
                    [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(4)]
                )

        one = self.run_loop(self.create_tempdir(), NoDropout(plain))
        two = self.run_loop(self.create_tempdir(), NoDropout(plain), strategy=build_strategy("mirrored"))
        self.assertAlmostEqual(one["test"]["loss"], two["test"]["loss"], places=5)
        self.assertEqual(one["validation"]["accuracy"], two["validation"]["accuracy"])

    def test_early_stopping_and_step_limits(self):
        config = dataclasses.replace(
            CONFIG, epochs=50, steps_per_epoch=2, evaluation_steps=1, early_stopping_patience=2,
            optimizer=OptimizerConfig(learning_rate=0.0),
        )  # fmt: skip
        results = self.run_loop(self.create_tempdir(), Tiny(config))
        self.assertLess(results["steps"], 100)
        self.assertEqual(results["steps"] % 2, 0)

    def test_callbacks_are_called_as_fit_calls_them(self):
        calls = []

        class Recorder(keras.callbacks.Callback):
            pass

        hooks = [f"on_{part}" for part in (
            "train_begin", "epoch_begin", "train_batch_begin", "train_batch_end", "test_begin", "test_end",
            "epoch_end", "train_end",
        )]  # fmt: skip
        for hook in hooks:
            setattr(Recorder, hook, lambda self, *args, hook=hook, **kwargs: calls.append(hook))
        config = dataclasses.replace(CONFIG, epochs=2, steps_per_epoch=3)
        with mock.patch.object(Tiny, "callbacks", lambda self: [Recorder()]):
            self.run_loop(self.create_tempdir(), Tiny(config))
        ours, calls = calls, []
        for hook in hooks:
            setattr(Recorder, hook, lambda self, *args, hook=hook, **kwargs: calls.append(hook))
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        data = (np.zeros((12, 2), np.float32), np.zeros((12, 1), np.float32))
        model.fit(*data, batch_size=4, epochs=2, validation_data=data, callbacks=[Recorder()], verbose=0)
        self.assertEqual(ours, calls)

    def test_a_callback_can_stop_the_run(self):
        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = logs["val_accuracy"] >= 0.0

        with mock.patch.object(Tiny, "callbacks", lambda self: [Stop()]):
            self.assertEqual(self.run_loop(self.create_tempdir(), Tiny(CONFIG))["steps"], 9)

    def test_bad_settings_are_one_line(self):
        with self.assertRaisesRegex(UserError, "batch_size: 15 is not allowed; a multiple of the 2 devices"):
            config = dataclasses.replace(CONFIG, batch_size=15)
            self.run_loop(self.create_tempdir(), Tiny(config), strategy=build_strategy("mirrored"))
        with self.assertRaisesRegex(UserError, "did you mean 'mirrored'"):
            build_strategy("mirored")
        with self.assertRaisesRegex(UserError, "TF_CONFIG is ''; it lists the workers"):
            build_strategy("multiworker")

    def test_a_folder_takes_one_process_at_a_time(self):
        folder = Path(self.create_tempdir())
        directory = RunDirectory(folder)
        with self.assertRaisesRegex(UserError, "another process is training in it"):
            RunDirectory(folder)
        directory.close()
        RunDirectory(folder).close()


class CheckpointsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir())
        self.variable = tf.Variable([1.0, 2.0])
        self.checkpoints = Checkpoints(self.folder, {"model": [self.variable]}, RunState())

    def test_a_broken_last_checkpoint_falls_back_to_the_one_before(self):
        self.checkpoints.save_last(1)
        self.variable.assign([3.0, 4.0])
        self.checkpoints.save_last(2)
        (self.folder / "last-2.index").write_bytes(b"broken")
        self.assertEqual(self.checkpoints.restore_last(), 1)
        np.testing.assert_array_equal(self.variable.numpy(), [1.0, 2.0])

    def test_unreadable_and_missing_checkpoints_are_named(self):
        with self.assertRaisesRegex(UserError, "the folder holds none"):
            self.checkpoints.restore_last()
        self.checkpoints.save_last(1)
        self.checkpoints.keep_best()
        self.checkpoints.save_best(1)
        for file in self.folder.iterdir():
            file.write_bytes(b"")
        with self.assertRaisesRegex(UserError, "none can be read .last-1: "):
            self.checkpoints.restore_last()
        with self.assertRaisesRegex(UserError, "best-1: cannot be read"):
            self.checkpoints.restore_for_use()

    def test_weights_of_another_shape_are_refused(self):
        self.checkpoints.keep_best()
        self.checkpoints.save_best(1)
        with self.assertRaisesRegex(UserError, "best-1: cannot be read"):
            Checkpoints(self.folder, {"model": [tf.Variable([1.0, 2.0, 3.0])]}).restore_for_use()

    def test_the_best_weights_are_those_that_were_kept(self):
        for values in ([3.0, 4.0], [5.0, 6.0]):
            self.variable.assign(values)
            self.checkpoints.keep_best()
        self.variable.assign([7.0, 8.0])
        self.checkpoints.save_best(2)
        self.checkpoints.restore_best(2)
        np.testing.assert_array_equal(self.variable.numpy(), [5.0, 6.0])

    def test_only_the_last_two_are_kept(self):
        for step in range(5):
            self.checkpoints.save_last(step)
        self.assertEqual(self.checkpoints.steps("last"), [3, 4])
        self.assertLen(list(self.folder.iterdir()), 4)

    def test_a_failure_to_write_is_one_line_and_exit_code_1(self):
        with self.assertRaisesRegex(RunError, "cannot be written .No space left on device.") as caught:
            with writing(Path("run")), open("/dev/full", "w") as full:
                full.write("x" * 100_000)
        self.assertEqual(caught.exception.exit_code, 1)


class OptimizersTest(parameterized.TestCase):
    @parameterized.parameters("adam", "adamw", "sgd", "rmsprop")
    def test_every_optimizer_moves_towards_the_minimum(self, name):
        variable = keras.Variable(2.0)
        optimizer = build_optimizer(OptimizerConfig(name=name, learning_rate=0.05), 100)
        for _ in range(60):
            optimizer.apply([2 * variable.value], [variable])
        self.assertLess(abs(float(variable)), 0.6)

    @parameterized.parameters(False, True)
    def test_adam_does_what_that_of_keras_does(self, xla):
        def found(kind):
            variables = [keras.Variable(tf.reshape(tf.range(6.0), (3, 2))), keras.Variable([1.0, -2.0])]
            optimizer = kind(WarmupDecay(0.1, 2, 10, "cosine"), weight_decay=0.01)
            optimizer.build(variables)

            @tf.function(jit_compile=xla or None)
            def update():
                places = tf.constant([2, 0, 2])
                rows = tf.IndexedSlices(0.3 * tf.gather(variables[0].value, places), places, tf.constant([3, 2]))
                optimizer.apply([rows, tf.sin(variables[1].value)], variables)

            for _ in range(4):
                update()
            return [*variables, *optimizer.variables]

        for ours, stock in zip(found(Adam), found(keras.optimizers.Adam), strict=True):
            np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-7)

    @given(st.integers(0, 300), st.sampled_from(["constant", "cosine", "linear", "exponential"]))
    def test_the_schedule_stays_between_its_bounds(self, step, decay):
        schedule = WarmupDecay(2.0, 10, 200, decay, 0.1)
        rate = float(schedule(step))
        self.assertBetween(rate, 0.0 if step < 10 else 0.2 - 1e-5, 2.0)
        if step >= 200:
            self.assertAlmostEqual(rate, 2.0 if decay == "constant" else 0.2, places=5)

    def test_cosine_is_half_way_down_in_the_middle(self):
        self.assertAlmostEqual(float(WarmupDecay(1.0, 10, 110, "cosine")(60)), 0.5, places=6)

    def test_clip_scales_to_the_norm_and_leaves_small_gradients(self):
        gradients = [tf.constant([3.0]), tf.constant([4.0])]
        self.assertAlmostEqual(float(tf.linalg.global_norm(clip(gradients, 1.0))), 1.0, places=5)
        self.assertAlmostEqual(float(tf.linalg.global_norm(clip(gradients, 10.0))), 5.0, places=5)
        self.assertIs(clip(gradients, 0.0), gradients)


class ProgressTest(absltest.TestCase):
    def test_plain_lines_tell_rate_and_time_left(self):
        stream = io.StringIO()
        clock = iter([0.0, 6.0, 12.0, 12.5, 13.0])
        with mock.patch("time.perf_counter", lambda: next(clock)):
            progress = Progress("epoch 1/2", 10, stream=stream)
            progress.metrics({"loss": 0.5})
            progress.step()
            progress.step()
            progress.step()
            progress.close("loss 0.5")
        self.assertEqual(
            stream.getvalue(), "epoch 1/2: step 2/10  loss 0.5  0.2 steps/s  0:48 left\nepoch 1/2: loss 0.5  (13.0 s)\n"
        )


class RunStateTest(parameterized.TestCase):
    @parameterized.parameters(
        ("min", math.nan, 1.0, True), ("min", 1.0, 0.5, True), ("min", 1.0, 1.0, False),
        ("max", 1.0, 2.0, True), ("max", 1.0, 0.5, False), ("max", 1.0, math.nan, False),
    )  # fmt: skip
    def test_improved(self, mode, best, value, expected):
        state = RunState()
        state.best.assign(best)
        self.assertEqual(state.improved(value, mode), expected)


if __name__ == "__main__":
    absltest.main()
