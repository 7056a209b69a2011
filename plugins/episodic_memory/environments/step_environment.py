"""Environments of dm_env and of TF-Agents, as Gymnasium sees them."""

from typing import Any

import gymnasium as gym
import numpy as np
import tree

from ogbrain.errors import UserError

LAST = 2
"""Type of an episode's last step, in dm_env as in TF-Agents."""


class StepEnvironment(gym.Env):
    """An environment that answers with time steps: observation, reward, discount and whether it was the last.

    Observations in several parts are flattened into one vector. The last step of an episode with a discount of 0
    terminated it, one with another discount cut it off.

    Args:
        environment: A `dm_env.Environment` or a `tf_agents` `PyEnvironment`, not batched.
        name: What to call it in messages.

    Raises:
        UserError: It is neither of these, or it has no actions 0, 1, 2...
    """

    def __init__(self, environment: Any, name: str):
        if not all(hasattr(environment, part) for part in ("reset", "step", "action_spec", "observation_spec")):
            raise UserError(
                f"config.env: {name} makes {type(environment).__name__}, which is not allowed; an Env of Gymnasium, "
                "an Environment of dm_env or a PyEnvironment of TF-Agents"
            )
        self._environment = environment
        actions = environment.action_spec()
        counts = getattr(actions, "num_values", None)
        if counts is None and getattr(actions, "shape", None) == () and np.issubdtype(actions.dtype, np.integer):
            counts = int(actions.maximum) - int(actions.minimum) + 1
        if counts is None:
            raise UserError(
                f"config.env: {name} has actions {actions}, which these agents cannot do; one discrete action"
            )
        self._first = int(getattr(actions, "minimum", 0))
        self._dtype = actions.dtype
        self.action_space = gym.spaces.Discrete(int(counts))
        observed = environment.observation_spec()
        self._single = not tree.is_nested(observed)
        if self._single:
            self.observation_space = gym.spaces.Box(-np.inf, np.inf, observed.shape, observed.dtype)
        else:
            size = sum(int(np.prod(part.shape)) for part in tree.flatten(observed))
            self.observation_space = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Begins an episode; a seed is passed on to environments that take one."""
        super().reset(seed=seed)
        if seed is not None and hasattr(self._environment, "seed"):
            self._environment.seed(seed)
        return self._observation(self._environment.reset()), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Takes an action."""
        step = self._environment.step(np.asarray(action + self._first, self._dtype))
        last = int(step.step_type) == LAST
        terminated = last and float(step.discount) == 0.0
        return self._observation(step), float(step.reward or 0.0), terminated, last and not terminated, {}

    def close(self) -> None:
        """Closes the environment."""
        self._environment.close()

    def _observation(self, step: Any) -> np.ndarray:
        if self._single:
            return np.asarray(step.observation)
        return np.concatenate([np.ravel(part).astype(np.float32) for part in tree.flatten(step.observation)])
