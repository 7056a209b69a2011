"""Model-Free Episodic Control."""

from typing import Any

import keras
import numpy as np

from ..memories.episodic_dictionary import EpisodicDictionary
from .episodic_agent import EpisodicAgent
from .policies import dictionary_policy
from .return_queue import Completed


class ModelFreeEpisodicControl(EpisodicAgent):
    """Repeats what once went best in situations like this.

    For each action a dictionary holds the largest return that ever followed it, by situation. The value of an action is
    that return where the situation is known, and the mean over the k nearest ones where it is new (equations 1 and 2).
    In training, an action that has not been tried k times comes before all others.

    Args:
        encoder: Makes keys of observations `(batch, ...)`; it never changes.
        actions: Number of actions.
        environments: Number of environments that step together.
        discount: gamma.
        capacity: Most situations for each action.
        neighbors: k.
        **kwargs: Those of `EpisodicAgent`.

    Source: Blundell et al., 2016, arXiv:1606.04460.
    """

    def __init__(
        self,
        encoder: keras.Model,
        actions: int,
        environments: int,
        discount: float = 0.99,
        capacity: int = 100_000,
        neighbors: int = 11,
        **kwargs: Any,
    ):
        super().__init__(encoder, actions, environments, discount, 0, capacity, neighbors, **kwargs)
        self._error: float | None = None

    @property
    def ready(self) -> bool:
        """Whether an episode has ended of which something had been expected."""
        return self._error is not None

    def estimate(self, dictionary: EpisodicDictionary, keys: np.ndarray, training: bool) -> np.ndarray:
        """Returns what an action is worth."""
        if training and len(dictionary) < self.neighbors:
            return np.full(len(keys), np.inf, np.float32)
        return super().estimate(dictionary, keys, training)

    def weights(self, distances, dictionary, keys, slots) -> np.ndarray:
        """Returns the share of each neighbour: all for a situation that is known, else the same for each."""
        known = dictionary.find(keys, slots[:, 0])
        shares = np.full(slots.shape, 1 / slots.shape[1], np.float32)
        shares[known] = np.eye(1, slots.shape[1])
        return shares

    def observe(self, observations, actions, rewards, terminated, truncated) -> None:
        """Takes one step of each environment; an episode is learned when it ends."""
        # One that is cut off counts as far as it went: nothing is known of what would have come.
        over = terminated | truncated
        super().observe(observations, actions, rewards, over, np.zeros(len(over), bool))

    def write(self, completed: Completed) -> None:
        """Keeps the larger return of each situation and action."""
        for action, dictionary in enumerate(self.dictionaries):
            taken = completed.actions == action
            returns = completed.returns[taken]
            dictionary.write(completed.keys[taken], returns, np.maximum, completed.observations[taken])
        expected = completed.values[np.arange(len(completed.actions)), completed.actions]
        tried = np.isfinite(expected)
        if tried.any():
            self._error = float(np.mean((completed.returns[tried] - expected[tried]) ** 2))

    def draw(self, updates: int, rng: np.random.Generator) -> float:
        """Returns the mean squared difference of returns and what had been expected in the last episodes that ended."""
        return float(self._error or 0.0)

    def learn(self, drawn: float) -> dict[str, float]:
        """Returns what was drawn as `loss`: there is nothing to learn but what is written."""
        return {"loss": drawn}

    def policy(self) -> keras.Model:
        """Returns a model from observations to values `(batch, actions)` that holds all that is remembered."""
        return dictionary_policy(self, kernel="mean")

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs besides `model_items`."""
        return {**super().state(), "error": np.array([] if self._error is None else [self._error])}

    def restore(self, state) -> None:
        """Takes back what `state` returned."""
        super().restore(state)
        self._error = float(state["error"][0]) if len(state["error"]) else None
