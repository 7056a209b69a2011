"""Tests of the DQN family, through the run loop."""

import dataclasses
from pathlib import Path

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from ogbrain.errors import UserError
from ogbrain.testing.experiment_test_case import ExperimentTestCase
from ogbrain.training.run_loop import RunLoop
from plugins.episodic_memory.experiments.dqn import DQN
from plugins.episodic_memory.experiments.dqn_config import DQNConfig
from plugins.episodic_memory.experiments.human_scores import human_normalized

TINY = DQNConfig(
    env="CartPole-v1", epochs=2, steps_per_epoch=160, rounds=5, environments=4, steps_per_update=2, batch_size=8,
    learning_starts=16, memory=500, target_every=20, units=(16,), log_every=2, evaluation_episodes=3,
    exploration_steps=200,
)  # fmt: skip


class DQNTest(ExperimentTestCase, parameterized.TestCase):
    @parameterized.parameters(
        {"env": "CartPole-v1"},
        {"env": "MinAtar/Breakout-v1", "dueling": True, "n_step": 3, "prioritized": True, "double": False},
    )
    def test_resumes_plays_and_exports(self, **changes):
        config = dataclasses.replace(TINY, **changes)
        folder = Path(self.create_tempdir().full_path)
        results = RunLoop("test/experiment", DQN(config), folder).run()
        self.check_resumes(DQN, config, results)
        experiment = self.restored(DQN, config, folder)
        self.assertEqual(experiment.evaluate("test"), results["test"])
        self.check_predicts(experiment, ["0", "3"])
        self.check_exports(experiment)
        with Image.open(folder / "plots/episode.gif") as animation:
            self.assertGreater(animation.n_frames, 2)  # type: ignore[attr-defined]
        with self.assertRaisesRegex(UserError, "--input=seven: is not allowed; a whole number"):
            experiment.predict(["seven"])


class HumanScoresTest(absltest.TestCase):
    def test_pong(self):
        self.assertAlmostEqual(human_normalized("ALE/Pong-v5", 14.6), 1.0)
        self.assertAlmostEqual(human_normalized("ALE/MsPacman-v5", 307.3), 0.0)
        self.assertIsNone(human_normalized("CartPole-v1", 3.0))
        self.assertTrue(np.isfinite(human_normalized("ALE/YarsRevenge-v5", 0.0)))


if __name__ == "__main__":
    absltest.main()
