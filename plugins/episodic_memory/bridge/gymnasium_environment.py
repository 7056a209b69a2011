"""Gymnasium environments for the drivers of TF-Agents."""

from typing import Any

import gymnasium as gym
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.specs import array_spec
from tf_agents.trajectories import time_step as ts


class GymnasiumEnvironment(py_environment.PyEnvironment):
    """A Gymnasium environment with discrete actions as a `PyEnvironment`.

    TF-Agents' own wrapper is for Gym, of which Gymnasium is the successor.

    Args:
        environment: The environment.

    Example:
        >>> GymnasiumEnvironment(gymnasium.make("CartPole-v1")).reset().observation.shape
        (4,)
    """

    def __init__(self, environment: gym.Env):
        super().__init__(handle_auto_reset=True)
        self._environment = environment
        space, actions = environment.observation_space, environment.action_space
        assert isinstance(space, gym.spaces.Box) and isinstance(actions, gym.spaces.Discrete)
        self._observation_spec = array_spec.BoundedArraySpec(space.shape, space.dtype, space.low, space.high)
        first = int(actions.start)
        self._action_spec = array_spec.BoundedArraySpec((), np.int64, first, first + int(actions.n) - 1)
        self._seed: int | None = None

    def observation_spec(self) -> Any:
        """Returns the spec of one observation."""
        return self._observation_spec

    def action_spec(self) -> Any:
        """Returns the spec of one action."""
        return self._action_spec

    def seed(self, seed: int) -> None:
        """Seeds the next episode."""
        self._seed = seed

    def _reset(self) -> ts.TimeStep:
        observation, _ = self._environment.reset(seed=self._seed)
        self._seed = None
        return ts.restart(observation)

    def _step(self, action: np.ndarray) -> ts.TimeStep:
        observation, reward, terminated, truncated, _ = self._environment.step(int(action))
        reward = np.float32(reward)
        if terminated:
            return ts.termination(observation, reward)
        if truncated:
            return ts.truncation(observation, reward)
        return ts.transition(observation, reward)
