"""The conformance kit for agents."""

import math
from collections.abc import Sequence
from pathlib import Path

from ogbrain.config import ExperimentConfig
from ogbrain.testing.experiment_test_case import ExperimentTestCase
from ogbrain.training.experiment import Experiment


class AgentTestCase(ExperimentTestCase):
    """Checks that an agent plays, resumes, is evaluated by its return, answers and exports.

    An agent is an experiment whose `evaluate` has the metric `return`, the mean over whole episodes, and chooses the
    best checkpoint by it. Whether it learns takes more than a test has time for.

    Example:
        >>> class PlayTest(testing.AgentTestCase):
        ...     def test_conformance(self):
        ...         self.check_agent(Play, tiny_config, inputs=["0"])
    """

    def check_agent(
        self, experiment_class: type[Experiment], config: ExperimentConfig, *, inputs: Sequence[str | Path] = ()
    ) -> Path:
        """Runs every check, and fails with what all of them found.

        Args:
            experiment_class: The experiment's class.
            config: A config of a small agent, at least 2 epochs of 2 training steps, that learns within them.
            inputs: What `predict` is to answer: for most agents seeds of episodes.

        Returns:
            The folder of the unbroken run, for further checks.
        """
        return self._check_run(
            experiment_class, config, inputs, "return", lambda _, results: self.check_return(experiment_class, results)
        )

    def check_return(self, experiment_class: type[Experiment], results: dict) -> None:
        """The mean return of episodes is measured, finite, and chooses the best weights."""
        self.assertEqual((experiment_class.monitor, experiment_class.monitor_mode), ("return", "max"))
        for split in ("validation", "test"):
            self.assertIn("return", results[split], f"evaluate({split!r})")
            self.assertTrue(math.isfinite(results[split]["return"]), results[split])
