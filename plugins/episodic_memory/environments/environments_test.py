"""Tests of the environments."""

import contextlib
import io

import numpy as np
from absl.testing import absltest, parameterized

from ogbrain.errors import RunError, UserError
from plugins.episodic_memory.environments.atari_environments import AtariEnvironments
from plugins.episodic_memory.environments.make import make_environments
from plugins.episodic_memory.environments.specimens import Faulty
from plugins.episodic_memory.experiments.agent_config import AgentConfig

SPECIMENS = "plugins.episodic_memory.environments.specimens:"


def make(name, count=2, training=False, **changes):
    return make_environments(AgentConfig(env=name, **changes), count, training)


def run(environments, turns, seed=0, start=0):
    """Plays random actions that depend on the turn only."""
    steps = []
    for turn in range(start, turns):
        actions = np.random.default_rng((seed, turn)).integers(len(environments.spec.actions), size=environments.count)
        steps.append(environments.step(actions))
    return steps


class EnvironmentsTest(parameterized.TestCase):
    def assert_same(self, first, second):
        for a, b in zip(first, second, strict=True):
            for name in ("observations", "rewards", "terminated", "truncated", "scores", "over"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)

    @parameterized.parameters(
        ("CartPole-v1", 80, (4,), 2),
        ("MinAtar/Breakout-v1", 80, (10, 10, 4), 3),
        ("FrozenLake-v1", 30, (16,), 4),
        ("ALE/Breakout-v5", 400, (4, 84, 84), 4),
    )
    def test_seeded_and_saved(self, name, turns, shape, actions):
        environments = make(name, 3)
        self.assertEqual(environments.spec.observation_shape, shape)
        self.assertLen(environments.spec.actions, actions)
        first = environments.reset(7)
        self.assertEqual((first.shape, first.dtype), ((3, *shape), environments.spec.observation_dtype))
        steps = run(environments, turns)
        self.assertTrue(any(step.over.any() for step in steps), "no episode ended")
        self.assertGreater(len({step.observations.tobytes() for step in steps}), turns // 4)
        np.testing.assert_array_equal(environments.reset(7), first)
        self.assert_same(run(environments, turns // 2), steps[: turns // 2])
        state = {key: np.array(value) for key, value in environments.state().items()}
        again = make(name, 3)
        again.reset(1)
        again.restore(state)
        self.assert_same(run(again, turns, start=turns // 2), steps[turns // 2 :])
        self.assertEqual(environments.render().dtype, np.uint8)
        for one in (environments, again):
            one.close()

    def test_an_episode_follows_the_other(self):
        environments = make(SPECIMENS + "Faulty", 2)
        Faulty.fault = ""
        environments.reset(0)
        steps = run(environments, 6)
        np.testing.assert_array_equal([step.observations[0, 0] for step in steps], [1, 2, 3, 4, 0, 1])
        np.testing.assert_array_equal([step.terminated[1] for step in steps], [False] * 4 + [True, False])

    def test_lives_and_rewards_of_atari(self):
        training = AtariEnvironments("breakout", 2, sticky_actions=0.0, life_loss=True, clip_rewards=True)
        playing = AtariEnvironments("breakout", 2, sticky_actions=0.0)
        for one in (training, playing):
            one.reset(3)
        learned, played = run(training, 200), run(playing, 200)
        for a, b in zip(learned, played, strict=True):
            np.testing.assert_array_equal(a.observations, b.observations)
            np.testing.assert_array_equal(a.scores, b.scores)
        lost, over = (sum(int(getattr(step, name).sum()) for step in learned) for name in ("terminated", "over"))
        self.assertGreater(lost, over)
        self.assertEqual(over, sum(int(step.terminated.sum()) for step in played))
        self.assertTrue(all((np.abs(step.rewards) <= 1).all() for step in learned))
        for one in (training, playing):
            one.close()

    @parameterized.parameters("raises", "hangs")
    def test_restarted_after_a_fault(self, fault):
        Faulty.fault, Faulty.at, Faulty.steps = fault, 3, 0
        environments = make(SPECIMENS + "Faulty", 2, step_seconds=0.5)
        environments.reset(0)
        steps = run(environments, 4)
        self.assertEqual(environments.restarts, 1)
        np.testing.assert_array_equal(steps[1].truncated, [True, False])
        np.testing.assert_array_equal([step.observations[0, 0] for step in steps], [1, 0, 1, 2])
        np.testing.assert_array_equal([step.observations[1, 0] for step in steps], [1, 2, 3, 4])

    def test_ten_faults_in_a_row(self):
        Faulty.fault, Faulty.at = "raises", -1
        environments = make(SPECIMENS + "Faulty", 1)
        environments.reset(0)
        errors = io.StringIO()
        with self.assertRaisesRegex(RunError, "failed 10 times in a row.*RuntimeError: the engine is on fire"):
            with contextlib.redirect_stderr(errors):
                run(environments, 20)
        self.assertIn('raise RuntimeError("the engine is on fire")', errors.getvalue())
        Faulty.fault = ""

    @parameterized.parameters(("nan", "reward nan is not allowed"), ("shape", r"shape \(3,\) is not allowed; \(2,\)"))
    def test_wrong_steps(self, fault, message):
        Faulty.fault, Faulty.at, Faulty.steps = fault, 2, 0
        environments = make(SPECIMENS + "Faulty", 1)
        environments.reset(0)
        with self.assertRaisesRegex(UserError, message):
            run(environments, 5)
        Faulty.fault = ""

    def test_dm_env(self):
        environments = make(SPECIMENS + "Corridor", 2)
        np.testing.assert_array_equal(environments.reset(0), np.zeros((2, 3)))
        steps = [environments.step(np.array([1, 0])) for _ in range(4)]
        np.testing.assert_array_equal([step.observations[0, 0] for step in steps], [1, 2, 0, 1])
        np.testing.assert_array_equal([step.terminated[0] for step in steps], [False, False, True, False])
        self.assertEqual(steps[2].rewards[0], 1.0)
        self.assertFalse(any(step.over[1] for step in steps))

    def test_tf_agents(self):
        environments = make(SPECIMENS + "walk", 2)
        self.assertEqual(environments.reset(0).shape, (2, 3))
        self.assertLen(environments.spec.actions, 3)
        self.assertTrue(any(step.over.any() for step in run(environments, 60)))

    @parameterized.parameters(
        ("MinAtar/Brekout-v1", "unknown environment 'MinAtar/Brekout-v1'; did you mean 'MinAtar/Breakout-v1'"),
        ("ALE/Pung-v5", "did you mean 'ALE/Pong-v5'"),
        ("CartPole", "did you mean 'CartPole-v"),
        ("Pendulum-v1", "continuous actions .* cannot do; Discrete"),
        (SPECIMENS + "Continuous", "continuous actions"),
        (SPECIMENS + "FAILURES", "unknown environment 'FAILURES'"),
        (SPECIMENS + "time", "cannot be made: TypeError"),
        ("no.such_module:Thing", "module 'no.such_module' cannot be imported: ModuleNotFoundError"),
    )
    def test_bad_names(self, name, message):
        with self.assertRaisesRegex(UserError, message):
            make(name)


if __name__ == "__main__":
    absltest.main()
