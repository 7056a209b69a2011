"""The conformance kit for experiments."""

import json
import math
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import tensorflow as tf
from absl.testing import absltest

from ogbrain import config as config_lib
from ogbrain.config import ExperimentConfig
from ogbrain.serving.export import export
from ogbrain.testing.checks import Checks
from ogbrain.training.checkpoints import Checkpoints
from ogbrain.training.experiment import Experiment
from ogbrain.training.interruption import Interrupted
from ogbrain.training.run_loop import RunLoop

AnyExperiment = TypeVar("AnyExperiment", bound=Experiment)


class ExperimentTestCase(absltest.TestCase):
    """Checks that an experiment trains, resumes, evaluates, predicts and exports.

    Example:
        >>> class GlimpseTest(ExperimentTestCase):
        ...     def test_conformance(self):
        ...         self.check_experiment(Glimpse, tiny_config, inputs=[picture_file])
    """

    def check_experiment(
        self,
        experiment_class: type[Experiment],
        config: ExperimentConfig,
        *,
        inputs: Sequence[str | Path] = (),
        falling: str = "loss",
    ) -> Path:
        """Runs every check, and fails with what all of them found.

        Args:
            experiment_class: The experiment's class.
            config: A config with tiny data and dimensions, at least 2 epochs of 2 steps.
            inputs: What `predict` is to answer.
            falling: The training metric that must fall from the first record to the last.

        Returns:
            The folder of the unbroken run, for further checks.
        """
        return self._check_run(
            experiment_class, config, inputs, f"{falling} falls", lambda folder, _: self.check_falls(folder, falling)
        )

    def _check_run(
        self,
        experiment_class: type[Experiment],
        config: ExperimentConfig,
        inputs: Sequence[str | Path],
        learning: str,
        check_learning: Callable[[Path, dict[str, Any]], None],
    ) -> Path:
        """Runs every check, of which one, by the run's folder and results, is whether it learns."""
        self.checks = checks = Checks(experiment_class.__name__)
        checks.run("config", self.check_config, config)
        done: list[Any] = []
        if checks.run("trains", lambda: done.extend(self.run_to_end(experiment_class(config)))):
            folder, results = done
            checks.run(learning, check_learning, folder, results)
            checks.run("resume equals unbroken", self.check_resumes, experiment_class, config, results)
            experiment = self.restored(experiment_class, config, folder)
            checks.run("evaluate", self.check_evaluates, experiment, results)
            if inputs:
                checks.run("predict", self.check_predicts, experiment, inputs)
            else:
                checks.leave_out("predict", "no inputs given")
            checks.run("export", self.check_exports, experiment)
        checks.finish()
        return done[0]

    def run_to_end(self, experiment: Experiment) -> tuple[Path, dict[str, Any]]:
        """Runs an experiment as `train` does, in a folder of its own; returns the folder and the results."""
        folder = Path(self.create_tempdir().full_path)
        return folder, RunLoop("test/experiment", experiment, folder).run()

    def set_up(self, experiment: AnyExperiment, steps: int = 0) -> AnyExperiment:
        """Returns an experiment that is ready to train on one device, after some training steps."""
        experiment.setup(tf.distribute.get_strategy())
        if steps:
            experiment.begin(0)
        for _ in range(steps):
            experiment.train_step()
        return experiment

    def check_learns(self, experiment: AnyExperiment, steps: int, split: str = "validation") -> AnyExperiment:
        """The loss of a split is lower after some training steps; returns the experiment."""
        before = self.set_up(experiment).evaluate(split)["loss"]
        experiment.begin(0)
        for _ in range(steps):
            experiment.train_step()
        self.assertLess(experiment.evaluate(split)["loss"], before)
        return experiment

    def check_config(self, config: ExperimentConfig) -> None:
        """The config survives JSON, as it must to be saved with the run."""
        again = config_lib.from_dict(type(config), json.loads(json.dumps(config_lib.to_dict(config))))
        self.assertEqual(again, config, "the config does not survive JSON")

    def check_evaluates(self, experiment: Experiment, results: dict[str, Any]) -> None:
        """The best weights give the figures that the run gave."""
        again = experiment.evaluate("test", experiment.config.evaluation_steps)
        self.assertEqual(again, results["test"], "evaluated again")

    def check_falls(self, folder: Path, metric: str) -> None:
        """The metric is lower in the last training record than in the first, and never NaN."""
        records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        values = [record[metric] for record in records if record["split"] == "train"]
        self.assertGreater(len(values), 1, "needs at least two training records: a lower log_every")
        self.assertTrue(all(map(math.isfinite, values)), f"{metric}: {values}")
        self.assertLess(values[-1], values[0], f"{metric} does not fall: {values}")

    def check_resumes(
        self, experiment_class: type[Experiment], config: ExperimentConfig, results: dict[str, Any]
    ) -> None:
        """Interrupted in the middle of an epoch and resumed, the run ends with the same numbers, bit for bit."""
        folder = Path(self.create_tempdir().full_path)
        experiment = experiment_class(config)
        steps, train_step = 0, experiment.train_step

        def interrupted_step():
            nonlocal steps
            if steps >= experiment.steps_per_epoch:
                signal.raise_signal(signal.SIGTERM)
            sums = train_step()
            steps += sums.steps
            return sums

        with mock.patch.object(experiment, "train_step", interrupted_step), self.assertRaises(Interrupted):
            RunLoop("test/experiment", experiment, folder).run()
        again = experiment_class(config)
        # What is drawn and shown at the end has been by the unbroken run.
        with mock.patch.multiple(again, final_pictures=dict, final_animations=dict, embeddings=dict):
            resumed = RunLoop("test/experiment", again, folder).run()
        for key in ("validation", "test", "best_step", "steps"):
            self.assertEqual(resumed[key], results[key], f"{key} of the resumed run")

    def restored(self, experiment_class: type[Experiment], config: ExperimentConfig, folder: Path) -> Experiment:
        """Returns a new experiment with the best weights of a run."""
        experiment = experiment_class(config)
        experiment.setup_inference()
        Checkpoints(folder / "checkpoints", {"model": experiment.checkpoint_items()["model"]}).restore_for_use()
        return experiment

    def check_predicts(self, experiment: Experiment, inputs: Sequence[str | Path]) -> None:
        """Each input has an answer of text and JSON; a picture, if any, is one."""
        predictions = experiment.predict(inputs)
        self.assertLen(predictions, len(inputs))
        for prediction in predictions:
            self.assertTrue(prediction.text)
            json.dumps(prediction.data)
            if prediction.picture is not None:
                self.assertEqual(prediction.picture.dtype, "uint8")
                self.assertEqual(prediction.picture.shape[2:], (3,))

    def check_exports(self, experiment: Experiment) -> Path:
        """The exported model loads by itself and has the experiment's signatures, dict in and dict out."""
        with mock.patch("ogbrain.serving.export.BATCH_SIZES", (1, 3)):  # the command compares 64, too
            folder = export("test/experiment", experiment, Path(self.create_tempdir().full_path)).folder
        loaded = tf.saved_model.load(str(folder))
        signatures = experiment.signatures()
        self.assertContainsSubset(signatures, loaded.signatures)
        for name, function in signatures.items():
            expected = function.get_concrete_function().structured_outputs
            self.assertIsInstance(expected, dict, f"signature {name!r} must answer a dict")
            self.assertEqual(set(loaded.signatures[name].structured_outputs), set(expected), name)
        return folder
