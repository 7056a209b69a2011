"""Several environments of one kind that step together."""

import abc
import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True)
class Spec:
    """What an agent must know of an environment."""

    observation_shape: tuple[int, ...]
    """Of one observation."""
    observation_dtype: np.dtype
    """Of one observation."""
    actions: tuple[str, ...]
    """Names of the actions; an action is a number from 0."""
    stacked: int = 1
    """Frames in an observation, along its first axis, oldest first."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What came of one step of all environments."""

    observations: np.ndarray
    """`(environments, ...)`, to act on next: where an episode ended, the first ones of the next."""
    rewards: np.ndarray
    """float32 `(environments,)`, to learn from."""
    terminated: np.ndarray
    """bool `(environments,)`: nothing more is to come for the learner; the game may go on, as after a lost life."""
    truncated: np.ndarray
    """bool `(environments,)`: cut off, by a limit of time or a fault."""
    scores: np.ndarray
    """float64 `(environments,)`: rewards as the game counts them, neither clipped nor scaled."""
    over: np.ndarray
    """bool `(environments,)`: the game itself ended."""


class Environments(abc.ABC):
    """A vector of environments that restart by themselves when an episode ends.

    Attributes:
        count: Number of environments.
        spec: What they are like.
        restarts: How often one was restarted because it failed.
    """

    count: int
    spec: Spec
    restarts: int = 0

    @abc.abstractmethod
    def reset(self, seed: int) -> np.ndarray:
        """Begins new episodes.

        Args:
            seed: The same seed and actions give the same steps.

        Returns:
            The first observations, `(environments, ...)`.
        """

    @abc.abstractmethod
    def step(self, actions: np.ndarray) -> Step:
        """Takes an action, int `(environments,)`, in each environment."""

    @abc.abstractmethod
    def render(self) -> np.ndarray:
        """Returns a picture of the first environment, uint8 `(height, width, 3)`."""

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray] | None:
        """Returns all that is needed to go on alike, or None where the environments cannot be saved."""

    @abc.abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on from what `state` returned; `reset` has been called before."""

    @abc.abstractmethod
    def close(self) -> None:
        """Frees what they hold."""
