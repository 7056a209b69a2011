"""Tests of the experiments with episodic dictionaries."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.errors import UserError
from ogbrain.testing.agent_test_case import AgentTestCase
from plugins.episodic_memory.experiments.episodic_config import EpisodicConfig, MFECConfig, NECConfig
from plugins.episodic_memory.experiments.mfec import MFEC
from plugins.episodic_memory.experiments.nec import NEC

TINY: dict[str, Any] = {
    "env": "CartPole-v1", "epochs": 2, "environments": 4, "rounds": 10, "log_every": 1, "evaluation_episodes": 4,
    "learning_starts": 0, "xla": False, "memory": 2_000, "capacity": 500,
}  # fmt: skip


class EpisodicTest(AgentTestCase):
    def test_mfec_conformance(self):
        # What it expects of an episode comes nearer to what it gets, once there is something to expect.
        config = MFECConfig(**TINY, steps_per_epoch=400, depth=8)
        self._check(MFEC, config)

    def test_nec_conformance(self):
        config = NECConfig(
            **TINY, steps_per_epoch=400, depth=8, units=(16,), steps_per_update=8, n_step=10, prioritized=True,
            target_every=30,
        )  # fmt: skip
        self._check(NEC, config)

    def _check(self, experiment_class, config):
        folder = self.check_agent(experiment_class, config, inputs=["0"])
        experiment: Any = self.restored(experiment_class, config, folder)
        self.assertGreater(len(experiment.agent.dictionaries[0]), 10)
        exported = self.check_exports(experiment)
        served = tf.saved_model.load(str(exported)).signatures["serving_default"]
        observations = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
        answer = served(observations=tf.constant(observations))
        values = experiment.agent.values(observations)
        np.testing.assert_allclose(answer["values"], values, rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(answer["action"], values.argmax(1))

    def test_target_of_pictures(self):
        breakout = {**TINY, "env": "MinAtar/Breakout-v1", "epochs": 1}
        for double in (False, True):
            with self.subTest(double=double):
                experiment = NEC(NECConfig(**breakout, steps_per_epoch=100, target_every=2, double=double))
                self.run_to_end(experiment)
                agent: Any = experiment.agent
                self.assertGreater(agent.target.updates, 2)

    def test_moved_pictures_resume(self):
        config = NECConfig(**{**TINY, "env": "MinAtar/Breakout-v1"}, steps_per_epoch=100, shift=2)
        experiment = NEC(config)
        _, results = self.run_to_end(experiment)
        agent: Any = experiment.agent
        self.assertEqual(agent.augment.pixels, 2)
        self.check_resumes(NEC, config, results)

    def test_without_head_the_memory_alone_speaks(self):
        alone = {**TINY, "epochs": 1, "depth": 8, "units": (16,), "head_loss": 0.0}
        experiment = NEC(NECConfig(**alone, steps_per_epoch=100, double=True))
        self.run_to_end(experiment)
        agent: Any = experiment.agent
        self.assertEqual((agent.head_share, agent.target, agent.double), (0, None, False))

    def test_cart_pole_is_balanced(self):
        """NEC more than 195, MFEC several times as long as at random (about 20), as the mean of 20 episodes."""
        runs: list[tuple[type, EpisodicConfig, float]] = [
            (MFEC, MFECConfig(env="CartPole-v1", epochs=1, steps_per_epoch=16_000, evaluation_episodes=20), 100),
            (
                NEC,
                NECConfig(env="CartPole-v1", epochs=1, steps_per_epoch=12_000, evaluation_episodes=20, n_step=100),
                195,
            ),
        ]
        for experiment_class, config, least in runs:
            with self.subTest(experiment_class.__name__):
                _, results = self.run_to_end(experiment_class(config))
                self.assertGreater(results["test"]["return"], least)

    def test_pictures_of_what_decided(self):
        for keys in ("projection", "vae"):
            config = MFECConfig(
                **{**TINY, "env": "MinAtar/SpaceInvaders-v1"}, steps_per_epoch=600, depth=8, keys=keys, vae_steps=64,
                vae_epochs=1,
            )  # fmt: skip
            experiment = MFEC(config)
            folder, _ = self.run_to_end(experiment)
            self.assertTrue((folder / "plots/remembered.png").exists())
            picture = experiment.final_pictures()["remembered"]
            self.assertEqual((picture.ndim, picture.dtype), (3, np.dtype(np.uint8)))
            self.assertGreater(len(np.unique(picture)), 10)
            self.check_exports(experiment)

    def test_bad_configs(self):
        with self.assertRaisesRegex(UserError, "config.keys: 'pca' is not allowed; .*projection, vae"):
            MFECConfig(keys="pca")
        with self.assertRaisesRegex(UserError, "config.neighbors: 20 is not allowed; at most config.capacity, 10"):
            NECConfig(neighbors=20, capacity=10)
        with self.assertRaisesRegex(UserError, "config.precision: mixed_bfloat16 is not allowed"):
            NECConfig(precision="mixed_bfloat16")
        with self.assertRaisesRegex(UserError, "config.target_every: -1 is not allowed"):
            NECConfig(target_every=-1)
        with self.assertRaisesRegex(UserError, "config.shift: -1 is not allowed"):
            NECConfig(shift=-1)
        huge = dataclasses.replace(NECConfig(), memory=10**13)
        with self.assertRaisesRegex(UserError, r"memory capacity 10,000,000,000,000: takes .* GB, .* GB are free"):
            self.run_to_end(NEC(huge))


if __name__ == "__main__":
    absltest.main()
