"""What learns in an agent experiment."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np


class Agent(abc.ABC):
    """Values actions, remembers steps, learns from what it remembers.

    In a training step the experiment asks for `values`, then lets `learn` run in a thread of its own while the
    environments step and `draw` chooses what is learned from next, and gives the steps to `observe` when all are done.
    So `draw` and `learn` see what was observed before; `draw` changes nothing, and `learn` nothing that `draw` reads.

    Attributes:
        model: The weights that evaluation and export need.
    """

    model: keras.Model

    @abc.abstractmethod
    def values(self, observations: np.ndarray, training: bool = False) -> np.ndarray:
        """Returns what each action is worth, float32 `(batch, actions)`; infinite is allowed.

        Args:
            observations: `(batch, ...)`.
            training: Whether the agent acts in order to learn; evaluation changes nothing in the agent.
        """

    @abc.abstractmethod
    def observe(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
    ) -> None:
        """Takes one step of all environments, arrays `(environments, ...)`.

        Args:
            observations: In which the actions were taken, the ones of the last `values(training=True)`.
            actions: What was done.
            rewards: What it brought.
            terminated: Where the episode ended.
            truncated: Where it was cut off.
        """

    @abc.abstractmethod
    def draw(self, updates: int, rng: np.random.Generator) -> Any:
        """Returns what `learn` takes for a number of updates."""

    @abc.abstractmethod
    def learn(self, drawn: Any) -> dict[str, float]:
        """Updates, and returns means over the updates by name, always the same names, `loss` among them."""

    @property
    @abc.abstractmethod
    def ready(self) -> bool:
        """Whether enough is remembered to learn from."""

    @abc.abstractmethod
    def variables(self) -> Sequence[Any]:
        """Returns what training changes besides the model's weights: variables or `Snapshot`s, in a fixed order."""

    def model_items(self) -> Sequence[Any]:
        """Returns what evaluation needs: the model's weights, by default."""
        return [variable.value for variable in self.model.variables]

    def metric_names(self) -> tuple[str, ...]:
        """Returns the names of what `learn` returns."""
        return ("loss",)

    def notes(self) -> Mapping[str, str]:
        """Returns facts for the model card; none by default."""
        return {}
