"""Tests of the DQN family, through the run loop."""

import dataclasses
import json
import sys
from typing import Any

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from PIL import Image

from ogbrain.config import OptimizerConfig
from ogbrain.errors import UserError
from ogbrain.testing.agent_test_case import AgentTestCase
from plugins.episodic_memory.environments.specimens import Faulty
from plugins.episodic_memory.experiments.dqn import DQN
from plugins.episodic_memory.experiments.dqn_config import AtariConfig, DQNConfig

TINY = DQNConfig(
    env="CartPole-v1", epochs=2, steps_per_epoch=160, rounds=5, environments=4, steps_per_update=2, batch_size=8,
    learning_starts=16, memory=500, target_every=20, units=(16,), log_every=2, evaluation_episodes=3,
    exploration_steps=200,
)  # fmt: skip


FAULTY, PAYS = (f"plugins.episodic_memory.environments.specimens:{name}" for name in ("Faulty", "Pays"))
CARTPOLE = DQNConfig(
    env="CartPole-v1", epochs=1, steps_per_epoch=24_000, n_step=3, steps_per_update=1, batch_size=64,
    learning_starts=500, memory=20_000, target_every=200, units=(128, 128), exploration_steps=4_000,
    evaluation_episodes=20, optimizer=OptimizerConfig(learning_rate=1e-3),
)  # fmt: skip


class DQNTest(AgentTestCase, parameterized.TestCase):
    def test_atari_resumes_in_the_middle_of_a_game(self):
        config = dataclasses.replace(
            AtariConfig(), **{name: getattr(TINY, name) for name in (
                "epochs", "steps_per_epoch", "rounds", "environments", "batch_size", "learning_starts", "memory",
                "log_every")},
            env="ALE/Breakout-v5", units=(8,), evaluation_episodes=2, evaluation_epsilon=1.0,
        )  # fmt: skip
        folder, results = self.run_to_end(DQN(config))
        self.assertIn("human_normalized", results["test"])
        frames = (folder / "memory/frames").stat().st_size
        self.assertEqual(frames, 500 // 4 * 4 * 84 * 84)
        saved = max(file.stat().st_size for file in (folder / "checkpoints").glob("last-*.data-*"))
        self.assertLess(saved, frames, "the frames must not be in the checkpoints")
        self.check_resumes(DQN, config, results)

    def test_learns_from_moved_pictures_and_values_what_follows_as_it_was(self):
        drawn = []
        for shift in (0, 1):
            changes = {"env": "MinAtar/Breakout-v1", "steps_per_epoch": 40, "learning_starts": 40}
            config = dataclasses.replace(TINY, **changes, shift=shift)
            agent: Any = self.set_up(DQN(config), 1).agent
            drawn.append([part.numpy() for part in agent.draw(2, np.random.default_rng(0))[1]])
        for place, (part, other) in enumerate(zip(*drawn, strict=True)):
            self.assertEqual(np.array_equal(part, other), place > 0, place)

    def test_learns_cartpole(self):
        experiment = DQN(CARTPOLE)
        experiment.setup(tf.distribute.get_strategy())
        self.assertLess(experiment.evaluate("validation")["return"], 100)
        experiment.begin(0)
        for step in range(1, experiment.steps_per_epoch + 1):
            experiment.train_step()
            if step % 10 == 0 and experiment.evaluate("validation")["return"] > 220:
                break
        self.assertGreater(experiment.evaluate("test")["return"], 200)

    @parameterized.parameters(
        {"dueling": True, "n_step": 3, "prioritized": True},
        {"encoder": "working_memory/gru", "encoder_arguments": "units=8", "encoder_shape": (2, -1), "units": ()},
        {"precision": "mixed_bfloat16", "xla": False, "optimizer": OptimizerConfig(clip_norm=1.0)},
    )
    def test_variants_learn_which_action_pays(self, **changes):
        config = dataclasses.replace(
            TINY, **{"env": PAYS, "discount": 0.5, "steps_per_epoch": 4_000, "rounds": 25, "learning_starts": 100,
                     "final_epsilon": 0.2, "optimizer": OptimizerConfig(learning_rate=1e-2), **changes}
        )  # fmt: skip
        experiment = self.set_up(DQN(config), config.steps_per_epoch // config.stride - 1)
        self.assertTrue(np.isfinite(experiment.train_step().values).all())
        self.assertEqual(experiment.evaluate("test")["return"], 10.0)

    @parameterized.parameters("raises", "hangs")
    def test_a_run_goes_on_after_a_fault(self, fault):
        Faulty.fault, Faulty.at, Faulty.steps = fault, 100, 0
        config = dataclasses.replace(TINY, env=FAULTY, step_seconds=2.0)
        _, results = self.run_to_end(DQN(config))
        self.assertEqual(results["notes"]["environments restarted after a fault"], "1")
        self.assertEqual((results["steps"], results["test"]["return"]), (16, 5.0))

    @parameterized.parameters(
        ({"encoder": "working_memory/gruu"}, "did you mean 'working_memory/gru'"),
        ({"encoder": "working_memory/gru", "encoder_arguments": "unit=8"}, "cannot be made with 'unit=8'"),
        (
            {"encoder": "working_memory/gru", "encoder_arguments": "units=8", "encoder_shape": (3, -1)},
            "does not take observations of shape",
        ),
        ({"memory": 10**10, "env": "ALE/Pong-v5"}, r"memory capacity 10,000,000,000: takes 70,\d+\.\d GB"),
        ({"env": "Pendulum-v1"}, "continuous actions"),
        ({"n_step": 0}, "config.n_step: 0 is not allowed"),
        ({"shift": -1}, "config.shift: -1 is not allowed"),
        ({"learning_starts": 500}, "less than config.memory, 500"),
    )
    def test_bad_input(self, changes, message):
        with self.assertRaisesRegex(UserError, message):
            DQN(dataclasses.replace(TINY, **changes)).setup(tf.distribute.get_strategy())

    @parameterized.parameters(
        {"env": "CartPole-v1"},
        {"env": "MinAtar/Breakout-v1", "dueling": True, "n_step": 3, "prioritized": True, "double": False,
         "shift": 1},
    )
    def test_resumes_plays_and_exports(self, **changes):
        config = dataclasses.replace(TINY, **changes)
        folder = self.check_agent(DQN, config, inputs=["0", "3"])
        results = json.loads((folder / "results.json").read_text())
        self.assertRegex(results["notes"]["random play"], r"^\d+\.\d\d \(")
        self.assertNotIn("tf_agents", sys.modules, "TF-Agents must break the bridge alone")
        with Image.open(folder / "plots/episode.gif") as animation:
            self.assertGreater(animation.n_frames, 2)  # type: ignore[attr-defined]
        with self.assertRaisesRegex(UserError, "--input=seven: is not allowed; a whole number"):
            self.restored(DQN, config, folder).predict(["seven"])


if __name__ == "__main__":
    absltest.main()
