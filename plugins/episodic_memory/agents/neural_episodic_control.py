"""Neural Episodic Control."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..layers.kernels import inverse_distance_value
from ..memories.batch import Batch
from ..memories.replay_memory import ReplayMemory
from .episodic_agent import EpisodicAgent, named, part
from .policies import dictionary_policy
from .return_queue import Completed


class NeuralEpisodicControl(EpisodicAgent):
    """Looks up what actions were worth in like situations, and learns what is alike.

    An encoder makes keys of observations; for each action a dictionary holds values by key, written as soon as the
    n-step return of a step is known. Steps are kept with their returns; batches of them train encoder, keys and values
    together by the gradient of the squared error.

    Args:
        encoder: A model from observations `(batch, ...)` to keys `(batch, depth)`.
        actions: Number of actions.
        environments: Number of environments that step together.
        optimizer: Trains the encoder; None for an agent that only acts.
        memory: Keeps observations, actions with the tickets of what was written, int64 `(2,)`, and the n-step return in
            place of the reward; one step a transition.
        batch_size: Remembered steps in an update.
        discount: gamma.
        steps: n.
        capacity: Most keys for each action.
        neighbors: k.
        delta: Of the kernel.
        write_rate: alpha, how much of a new return is taken where a key is there already.
        key_rate: Length of a gradient step of keys.
        value_rate: Length of a gradient step of values.
        leave_out: Whether what was written of a remembered step is left out of its own neighbours in an update. Else
            the step is answered by itself, and there is little to learn of what is alike.
        refresh: Whether the key that was written of a remembered step is made anew when the step is learned from, so
            that keys keep up with the encoder.
        xla: Whether encoder and update are compiled with XLA.

    Source: Pritzel et al., 2017, arXiv:1703.01988, algorithm 1.
    """

    def __init__(
        self,
        encoder: keras.Model,
        actions: int,
        environments: int,
        optimizer: keras.optimizers.Optimizer | None = None,
        memory: ReplayMemory | None = None,
        batch_size: int = 32,
        discount: float = 0.99,
        steps: int = 100,
        capacity: int = 100_000,
        neighbors: int = 50,
        delta: float = 1e-3,
        write_rate: float = 0.5,
        key_rate: float = 0.1,
        value_rate: float = 0.5,
        leave_out: bool = True,
        refresh: bool = True,
        xla: bool = True,
    ):
        super().__init__(encoder, actions, environments, discount, steps, capacity, neighbors, xla)
        self.batch_size, self.delta = batch_size, delta
        self.write_rate, self.key_rate, self.value_rate = write_rate, key_rate, value_rate
        self.leave_out, self.refresh = leave_out, refresh
        if optimizer is None or memory is None:
            return
        self.optimizer, self.memory = optimizer, memory
        self._step = tf.function(self._gradient_step, jit_compile=xla or None)
        optimizer.build(encoder.trainable_variables)

    @property
    def ready(self) -> bool:
        """Whether there is a step to learn from."""
        return bool(len(self.memory))

    def weights(self, distances, dictionary, keys, slots) -> np.ndarray:
        """Returns the share of each neighbour, by the inverse of its distance (equation 5)."""
        weights = 1 / (np.maximum(distances, 0) + self.delta)
        return weights / weights.sum(1, keepdims=True)

    def kept(self, observations: np.ndarray) -> np.ndarray:
        """Returns the observations: they are learned from."""
        return observations

    def write(self, completed: Completed) -> None:
        """Writes returns, and remembers the steps to learn from."""
        notes = self.notes_of(completed.observations)
        tickets = np.zeros(len(completed.actions), np.int64)
        for action, dictionary in enumerate(self.dictionaries):
            taken = completed.actions == action
            keys, returns = completed.keys[taken], completed.returns[taken]
            tickets[taken] = dictionary.write(keys, returns, self._merge, notes[taken])
        written = np.stack([completed.actions, tickets], 1)
        # One row of each environment at a time, in order.
        remaining = np.arange(len(completed.environments))
        while len(remaining):
            _, first = np.unique(completed.environments[remaining], return_index=True)
            now = remaining[first]
            self.memory.add(
                completed.observations[now], written[now], completed.returns[now], completed.ended[now],
                np.zeros(len(now), bool), completed.environments[now],
            )  # fmt: skip
            remaining = np.delete(remaining, first)

    def draw(self, updates: int, rng: np.random.Generator) -> list[Batch]:
        """Draws a batch for each update."""
        return [self.memory.sample(self.batch_size, rng) for _ in range(updates)]

    def learn(self, drawn: list[Batch]) -> dict[str, float]:
        """Takes a gradient step for each batch.

        Returns:
            `loss`, the mean of half the squared errors, and `value`, the mean of what was predicted.
        """
        means = np.mean([self._update(batch) for batch in drawn], 0)
        return {"loss": float(means[0]), "value": float(means[1])}

    def metric_names(self) -> tuple[str, ...]:
        """Returns the names of what `learn` returns."""
        return "loss", "value"

    def policy(self) -> keras.Model:
        """Returns a model from observations to values `(batch, actions)` that holds all that is remembered."""
        return dictionary_policy(self, kernel="inverse_distance", delta=self.delta)

    def variables(self) -> Sequence[Any]:
        """Returns the optimizer's variables, the memory and the steps whose returns are not known yet."""
        return [*(variable.value for variable in self.optimizer.variables), *super().variables()]

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs besides `model_items` and the optimizer."""
        return {**super().state(), **named("memory", self.memory.state())}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes back what `state` returned."""
        super().restore(state)
        self.memory.restore(part("memory", state))

    def _update(self, batch: Batch) -> tuple[float, float]:
        queries, (actions, tickets) = self.encode(batch.observations), batch.actions.T
        width = self.neighbors + self.leave_out
        slots = np.zeros((self.batch_size, width), np.int64)
        present = np.zeros((self.batch_size, width), bool)
        keys = np.zeros((self.batch_size, width, queries.shape[1]), np.float32)
        values = np.zeros((self.batch_size, width), np.float32)
        for action, dictionary in enumerate(self.dictionaries):
            rows = np.flatnonzero(actions == action)
            if not len(rows) or not len(dictionary):
                continue
            distances, found = dictionary.search(queries[rows], width)
            counts = np.isfinite(distances)
            if self.leave_out:
                own, held = dictionary.held(tickets[rows])
                itself = (found == own[:, None]) & held[:, None]
                # Without itself among them there is one too many.
                itself[:, self.neighbors :] |= ~itself.any(1, keepdims=True)
                counts &= ~itself
            size = found.shape[1]
            slots[rows, :size], present[rows, :size] = found, counts
            keys[rows, :size], values[rows, :size] = dictionary.keys[found], dictionary.values[found]
        loss, value, key_steps, value_steps = self._step(batch.observations, batch.rewards, keys, values, present)
        key_steps, value_steps = key_steps.numpy(), value_steps.numpy()
        for action, dictionary in enumerate(self.dictionaries):
            moved = present & (actions == action)[:, None]
            if moved.any():
                dictionary.move(slots[moved], key_steps[moved], value_steps[moved])
            if self.refresh:
                rows = np.flatnonzero(actions == action)
                own, held = dictionary.held(tickets[rows])
                dictionary.replace_keys(own[held], queries[rows[held]])
        return float(loss), float(value)

    def _merge(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return old + self.write_rate * (new - old)

    def _gradient_step(self, observations, returns, keys, values, present):
        variables = [variable.value for variable in self.model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([keys, values])
            queries = self.model(observations, training=True)
            predicted = inverse_distance_value(queries, keys, values, self.delta, present)
            errors = tf.square(predicted - returns) / 2
            loss = tf.reduce_mean(errors)
        *gradients, key_gradient, value_gradient = tape.gradient(loss, [*variables, keys, values])
        self.optimizer.apply(gradients, self.model.trainable_variables)
        # Each remembered step moves its own neighbours: their share does not shrink with the batch.
        count = tf.cast(tf.shape(returns)[0], tf.float32)
        return (
            loss, tf.reduce_mean(predicted), -self.key_rate * count * key_gradient,
            -self.value_rate * count * value_gradient,
        )  # fmt: skip
