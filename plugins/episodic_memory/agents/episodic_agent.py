"""What agents with episodic dictionaries share."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..memories.episodic_dictionary import EpisodicDictionary
from .agent import Agent
from .return_queue import Completed, ReturnQueue
from .snapshot import Snapshot
from .thumbnails import NOTE_SHAPE, thumbnails
from .traced import Traced


class EpisodicAgent(Agent):
    """Values actions by what followed them in like situations: a dictionary for each action, keys by an encoder.

    Args:
        encoder: A model from observations `(batch, ...)` to keys `(batch, depth)`.
        actions: Number of actions.
        environments: Number of environments that step together.
        discount: gamma.
        steps: Rewards in a return; 0 for whole episodes.
        capacity: Most keys for each action.
        neighbors: Keys that value a situation, k.
        xla: Whether the encoder is compiled with XLA.
    """

    def __init__(
        self,
        encoder: keras.Model,
        actions: int,
        environments: int,
        discount: float,
        steps: int,
        capacity: int,
        neighbors: int,
        xla: bool = True,
    ):
        self.model, self.capacity, self.neighbors = encoder, capacity, neighbors
        pictures = len(encoder.input_shape) == 4
        depth, note_shape = encoder.output_shape[-1], NOTE_SHAPE if pictures else (0,)
        self.dictionaries = [EpisodicDictionary(capacity, depth, note_shape=note_shape) for _ in range(actions)]
        self._queue = ReturnQueue(environments, discount, steps)
        self._keys = np.zeros((environments, depth), np.float32)
        self._values = np.zeros((environments, actions), np.float32)
        self._encode = Traced(lambda observations: encoder(observations, training=False), xla)
        self._saved = Snapshot(self.state, self.restore)
        self._known = Snapshot(self._dictionary_state, self._restore_dictionaries)

    @abc.abstractmethod
    def weights(
        self, distances: np.ndarray, dictionary: EpisodicDictionary, keys: np.ndarray, slots: np.ndarray
    ) -> np.ndarray:
        """Returns the share that each neighbour has in a value.

        Args:
            distances: `(batch, k)`, squared, nearest first.
            dictionary: Where the neighbours are from.
            keys: `(batch, depth)`, whose neighbours they are.
            slots: `(batch, k)`, their places.

        Returns:
            float32 `(batch, k)`, each row with a sum of 1.
        """

    @abc.abstractmethod
    def policy(self) -> keras.Model:
        """Returns a model from observations to values `(batch, actions)` that holds all that is remembered."""

    @abc.abstractmethod
    def write(self, completed: Completed) -> None:
        """Writes steps whose returns are known."""

    def estimate(self, dictionary: EpisodicDictionary, keys: np.ndarray, training: bool) -> np.ndarray:
        """Returns what an action is worth where the keys are `(batch, depth)`, float32 `(batch,)`; 0 if unknown."""
        distances, slots = dictionary.search(keys, self.neighbors, use=training)
        return self.read(dictionary, keys, distances, slots)

    def read(
        self, dictionary: EpisodicDictionary, keys: np.ndarray, distances: np.ndarray, slots: np.ndarray
    ) -> np.ndarray:
        """Returns the values of neighbours, found with these distances at these places, as one; 0 of none."""
        if not slots.shape[1]:
            return np.zeros(len(keys), np.float32)
        return (self.weights(distances, dictionary, keys, slots) * dictionary.values[slots]).sum(1)

    def look_up(self, keys: np.ndarray, training: bool = False) -> np.ndarray:
        """Returns what each action is worth where the keys are `(batch, depth)`, float32 `(batch, actions)`."""
        return np.stack([self.estimate(dictionary, keys, training) for dictionary in self.dictionaries], 1)

    def encode(self, observations: np.ndarray) -> np.ndarray:
        """Returns the keys of observations, float32 `(batch, depth)`."""
        return self._encode(tf.convert_to_tensor(observations)).numpy()

    def values(self, observations: np.ndarray, training: bool = False) -> np.ndarray:
        """Returns what each action is worth, float32 `(batch, actions)`."""
        keys = self.encode(observations)
        values = self.look_up(keys, training)
        if training:
            self._keys, self._values = keys, values
        return values

    def observe(self, observations, actions, rewards, terminated, truncated) -> None:
        """Takes one step of each environment, and writes what has become known with it."""
        self.remember(observations, actions, rewards, terminated, truncated, None)

    def remember(self, observations, actions, rewards, terminated, truncated, places: np.ndarray | None) -> None:
        """Lets steps wait for their returns, with small pictures of them, and writes those that are known now."""
        notes = self.notes_of(observations)
        completed = self._queue.add(notes, self._keys, actions, rewards, self._values, terminated, truncated, places)
        if completed is not None:
            self.write(completed)

    def notes_of(self, observations: np.ndarray) -> np.ndarray:
        """Returns what is noted with the keys of observations: small pictures, or nothing."""
        return thumbnails(observations) if observations.ndim == 4 else np.zeros((len(observations), 0), np.uint8)

    def model_items(self) -> Sequence[Any]:
        """Returns the encoder's weights and what the dictionaries hold."""
        return [*super().model_items(), self._known]

    def variables(self) -> Sequence[Any]:
        """Returns the steps whose returns are not known yet."""
        return [self._saved]

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs besides `model_items`."""
        return named("queue", self._queue.state())

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes back what `state` returned."""
        self._queue.restore(part("queue", state))

    def _dictionary_state(self) -> dict[str, np.ndarray]:
        states: dict[str, np.ndarray] = {}
        for action, dictionary in enumerate(self.dictionaries):
            states |= named(str(action), dictionary.state())
        return states

    def _restore_dictionaries(self, state: Mapping[str, np.ndarray]) -> None:
        for action, dictionary in enumerate(self.dictionaries):
            dictionary.restore(part(str(action), state))


def named(name: str, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the entries with `name/` before their names."""
    return {f"{name}/{key}": value for key, value in state.items()}


def part(name: str, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the entries below `name/`."""
    return {key.removeprefix(f"{name}/"): value for key, value in state.items() if key.startswith(f"{name}/")}
