"""Environments that misbehave, and some of other libraries, for tests."""

import time

import dm_env
import gymnasium as gym
import numpy as np
from dm_env import specs


class Faulty(gym.Env):
    """Counts to 5; the class's `fault` says what goes wrong, at the class's step number `at`.

    It is found by the name of its module, as a user's own environment would be.
    """

    fault, at, steps = "", 3, 0

    def __init__(self):
        self.observation_space = gym.spaces.Box(0, 9, (2,), np.float32)
        self.action_space = gym.spaces.Discrete(2, start=1)
        self.count = 0

    def reset(self, *, seed=None, options=None):
        """Begins at 0."""
        self.count = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        """Counts on, unless it is time for the fault."""
        assert action in (1, 2)
        self.count += 1
        Faulty.steps += 1
        observation = np.full(2, self.count, np.float32)
        due = Faulty.steps == Faulty.at or (Faulty.at < 0 and Faulty.fault)
        if due and Faulty.fault == "raises":
            raise RuntimeError("the engine is on fire")
        if due and Faulty.fault == "hangs":
            time.sleep(60)
        if due and Faulty.fault == "shape":
            observation = np.zeros(3, np.float32)
        return observation, float("nan") if due and Faulty.fault == "nan" else 1.0, self.count == 5, False, {}


class Pays(gym.Env):
    """Ten steps, each of which pays 1 for the action that the observation shows."""

    def __init__(self):
        self.observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.count, self.right = 0, 0

    def reset(self, *, seed=None, options=None):
        """Begins with a random right action."""
        super().reset(seed=seed)
        self.count = 0
        return self._observation(), {}

    def step(self, action):
        """Pays, and shows the next."""
        reward, self.count = float(action == self.right), self.count + 1
        return self._observation(), reward, self.count == 10, False, {}

    def _observation(self):
        self.right = int(self.np_random.integers(2))
        noise = self.np_random.uniform(-0.2, 0.2, 4).astype(np.float32)
        return noise + np.array([self.right - 0.5, 0.0, 0.5 - self.right, 0.0], np.float32)


class Corridor(dm_env.Environment):
    """Three steps to the right end the episode; two parts of an observation."""

    def __init__(self):
        self.place = 0

    def reset(self) -> dm_env.TimeStep:
        """Begins on the left."""
        self.place = 0
        return dm_env.restart(self._observation())

    def step(self, action) -> dm_env.TimeStep:
        """Goes right, or stays."""
        self.place += int(action)
        if self.place == 3:
            return dm_env.termination(1.0, self._observation())
        return dm_env.transition(0.0, self._observation())

    def action_spec(self):
        """Stay or go."""
        return specs.DiscreteArray(2)

    def observation_spec(self):
        """Where it is, twice."""
        return {"place": specs.Array((1,), np.float32), "twice": specs.Array((1, 2), np.float64)}

    def _observation(self):
        return {"place": np.full(1, self.place, np.float32), "twice": np.full((1, 2), self.place, float)}


class Continuous(gym.Env):
    """Has an action that is a number."""

    observation_space = gym.spaces.Box(0, 1, (1,))
    action_space = gym.spaces.Box(-1, 1, (1,))


def walk():
    """Returns an environment of TF-Agents."""
    from tf_agents.environments import random_py_environment
    from tf_agents.specs import array_spec

    return random_py_environment.RandomPyEnvironment(
        array_spec.BoundedArraySpec((3,), np.float32, -1, 1), array_spec.BoundedArraySpec((), np.int32, 2, 4)
    )
