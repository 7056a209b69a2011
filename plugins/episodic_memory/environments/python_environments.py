"""Environments written in Python, one after the other."""

import pickle
import sys
import traceback
from collections.abc import Callable, Mapping

import cloudpickle
import gymnasium as gym
import numpy as np

from ogbrain.errors import RunError, UserError, one_line
from ogbrain.registry.time_limit import TimeLimitError, time_limit

from .environments import Environments, Spec, Step
from .picture import observation_picture

FAILURES = 10
"""Failures of one environment without a step in between after which there is no use in going on."""


class PythonEnvironments(Environments):
    """Gymnasium environments of one kind, stepped in turn.

    One that raises or hangs is made anew, counted in `restarts`, and its step is that of an episode cut off. A step
    that hangs can be stopped where signals reach Python code: in the main thread of a Unix system.

    Args:
        make: Returns a new environment with a `Discrete` action space.
        count: How many.
        seconds: Longest time that a step of all may take, or a restart.
        name: What to call it in messages.
    """

    def __init__(self, make: Callable[[], gym.Env], count: int, seconds: float, name: str):
        self.count, self.name = count, name
        self._make, self._seconds = make, seconds
        try:
            self._environments = [make() for _ in range(count)]
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"config.env: {name} cannot be made: {one_line(error)}") from error
        first = self._environments[0]
        self.spec = _spec(first, name)
        self._start = int(first.action_space.start)  # type: ignore[attr-defined]
        self._failures = np.zeros(count, np.int64)
        self._seed = 0

    def reset(self, seed: int) -> np.ndarray:
        """Begins new episodes; environment number i gets `seed + i`."""
        self._seed = seed
        self._failures[:] = 0
        observations = self._empty()
        for index in range(self.count):
            try:
                with time_limit(self._seconds):
                    observations[index] = self._checked(self._environments[index].reset(seed=seed + index)[0])
            except (Exception, TimeLimitError) as error:
                observations[index] = self._restart(index, error)
        self._last = observations[0]
        return observations

    def step(self, actions: np.ndarray) -> Step:
        """Takes an action in each environment."""
        count = self.count
        observations, scores = self._empty(), np.zeros(count)
        terminated, truncated = np.zeros(count, bool), np.zeros(count, bool)
        chosen = (np.asarray(actions) + self._start).tolist()
        index = 0
        while index < count:
            try:
                # One limit for the sweep: a timer for each environment would cost as much as a quick step.
                with time_limit(self._seconds):
                    while index < count:
                        environment = self._environments[index]
                        observation, scores[index], terminated[index], truncated[index], _ = environment.step(
                            chosen[index]
                        )
                        if terminated[index] or truncated[index]:
                            observation = environment.reset()[0]
                        observations[index] = self._checked(observation)
                        self._failures[index] = 0
                        index += 1
            except UserError:
                raise
            except (Exception, TimeLimitError) as error:
                observations[index] = self._restart(index, error)
                scores[index], terminated[index], truncated[index] = 0.0, False, True
                index += 1
        if not np.isfinite(scores).all():
            bad = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise UserError(f"environment {self.name}: reward {scores[bad]} is not allowed; finite numbers")
        self._last = observations[0]
        return Step(observations, scores.astype(np.float32), terminated, truncated, scores, terminated | truncated)

    def render(self) -> np.ndarray:
        """Returns a picture of the first environment; of its observation where it draws none."""
        environment, picture = self._environments[0], None
        if environment.render_mode == "rgb_array":
            try:
                picture = environment.render()
            except gym.error.DependencyNotInstalled:
                pass
        if picture is None:
            return observation_picture(self._last)
        return np.asarray(picture, np.uint8)

    def state(self) -> dict[str, np.ndarray] | None:
        """Returns the pickled environments, or None where they cannot be pickled."""
        try:
            pickled = cloudpickle.dumps(self._environments)
        except Exception:
            return None
        return {"environments": np.frombuffer(pickled, np.uint8), "failures": self._failures}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on with the environments as they were."""
        self._environments = pickle.loads(state["environments"].tobytes())
        self._failures[:] = state["failures"]

    def close(self) -> None:
        """Closes all."""
        for environment in self._environments:
            environment.close()

    def _restart(self, index: int, error: BaseException) -> np.ndarray:
        """Puts a new environment in the place of one that failed and returns its first observation."""
        while True:
            if isinstance(error, UserError):
                raise error
            self.restarts += 1
            self._failures[index] += 1
            if self._failures[index] >= FAILURES:
                sys.stderr.write("".join(traceback.format_exception(error)))
                raise RunError(
                    f"environment {self.name}: failed {FAILURES} times in a row, the last time with {one_line(error)}"
                ) from error
            try:
                with time_limit(self._seconds):
                    environment = self._make()
                    observation = environment.reset(seed=self._seed + self.count * self.restarts + index)[0]
                    self._environments[index] = environment
                    return self._checked(observation)
            except (Exception, TimeLimitError) as again:
                error = again

    def _empty(self) -> np.ndarray:
        return np.empty((self.count, *self.spec.observation_shape), self.spec.observation_dtype)

    def _checked(self, observation: np.ndarray) -> np.ndarray:
        shape = np.shape(observation)
        if shape != self.spec.observation_shape:
            raise UserError(
                f"environment {self.name}: an observation of shape {shape} is not allowed; "
                f"{self.spec.observation_shape}, as its observation space says"
            )
        return observation


def _spec(environment: gym.Env, name: str) -> Spec:
    actions, observations = environment.action_space, environment.observation_space
    if not isinstance(actions, gym.spaces.Discrete):
        kind = "continuous actions" if isinstance(actions, gym.spaces.Box) else f"actions {actions}"
        raise UserError(f"config.env: {name} has {kind} ({actions}), which these agents cannot do; Discrete actions")
    if not isinstance(observations, gym.spaces.Box):
        raise UserError(f"config.env: {name} has observations {observations}, which are not allowed; a Box")
    meanings = getattr(environment.unwrapped, "get_action_meanings", None)
    names = tuple(meanings()) if meanings else tuple(str(number) for number in range(int(actions.n)))
    return Spec(tuple(observations.shape), np.dtype(observations.dtype), names)
