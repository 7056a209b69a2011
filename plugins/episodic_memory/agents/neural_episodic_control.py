"""Neural Episodic Control."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.training.optimizers import clip

from ..layers.dueling_head import DuelingHead
from ..layers.kernels import inverse_distance_value
from ..memories.batch import Batch
from ..memories.replay_memory import ReplayMemory
from .episodic_agent import EpisodicAgent, named, part
from .policies import dictionary_policy
from .return_queue import Completed
from .target_network import TargetNetwork
from .traced import Traced

Drawn = tuple[Batch, np.ndarray, np.ndarray, np.ndarray]
"""Transitions, and of each the ticket and the return that were written, and what the encoder learns from."""


class NeuralEpisodicControl(EpisodicAgent):
    """Looks up what actions were worth in like situations, and learns what is alike.

    An encoder makes keys of observations; for each action a dictionary holds values by key, written as soon as the
    n-step return of a step is known. Steps are kept; batches of them train encoder, keys and values together by the
    gradient of the squared error. A linear head on the keys learns the same returns beside the dictionaries: what it
    needs shapes the keys, too, and a share of each value is what it says.

    Args:
        encoder: A model from observations `(batch, ...)` to keys `(batch, depth)`.
        actions: Number of actions.
        environments: Number of environments that step together.
        optimizer: Trains the encoder; None for an agent that only acts.
        memory: Keeps the steps, n in a transition; one with priorities is told the error of each step.
        batch_size: Remembered steps in an update.
        discount: gamma.
        steps: n.
        capacity: Most keys for each action.
        neighbors: k.
        delta: Of the kernel.
        write_rate: alpha, how much of a new return is taken where there is a value already.
        key_rate: Length of a gradient step of keys.
        value_rate: Length of a gradient step of values.
        leave_out: Whether what was written of a remembered step is left out of its own neighbours in an update. Else
            the step is answered by itself, and there is little to learn of what is alike.
        refresh: Whether the key that was written of a remembered step is made anew when the step is learned from, so
            that keys keep up with the encoder.
        revalue: Whether the return of a remembered step is made anew when the step is learned from, with what the
            dictionaries now say n steps on, and written. Else it stays what was expected when the step was taken.
        head_loss: What the head's squared error counts beside that of the dictionaries; 0 for none.
        head_share: How much of a value is the head's, the rest is remembered.
        dueling: Whether the head shares the value of the situation between actions.
        target: A second encoder; with it an older copy of encoder and head says in place of the head what follows is
            worth, in returns that are made anew. None for none.
        target_every: Updates between two copies.
        double: Whether a return that is made anew takes the value of the action that encoder, head and dictionaries
            as they are now think best, instead of the largest value with the older copy: less of what is too large by
            chance. Without `target` the two are the same.
        clip_norm: Largest global norm of the gradients of encoder and head; 0 does not clip.
        augment: Changes observations `(batch, ...)` by chance, not what they are worth, before the encoder learns;
            neighbours are searched with keys of what was really seen. None for none.
        xla: Whether encoder and update are compiled with XLA.

    Source: Pritzel et al., 2017, arXiv:1703.01988, algorithm 1; values of a network and of a memory, mixed: Hansen et
    al., 2018, arXiv:1810.08163.
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
        revalue: bool = True,
        head_loss: float = 0.0,
        head_share: float = 0.0,
        dueling: bool = False,
        target: keras.Model | None = None,
        target_every: int = 500,
        double: bool = False,
        clip_norm: float = 0.0,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        xla: bool = True,
    ):
        super().__init__(encoder, actions, environments, discount, steps, capacity, neighbors, xla)
        self.batch_size, self.delta = batch_size, delta
        self.write_rate, self.key_rate, self.value_rate = write_rate, key_rate, value_rate
        self.leave_out, self.refresh, self.revalue = leave_out, refresh, revalue
        self.head_loss, self.head_share = head_loss, head_share
        self.dueling, self.double, self.clip_norm, self.augment = dueling, double, clip_norm, augment
        kind = DuelingHead if dueling else keras.layers.Dense
        heads = [kind(actions, dtype="float32", name=name) for name in ("head", "older_head")]
        self.head = heads[0]
        self.head.build(encoder.output_shape)
        self.target: TargetNetwork | None = None
        if optimizer is None or memory is None:
            return
        if target is not None:
            inputs = keras.Input(encoder.input_shape[1:], dtype=encoder.inputs[0].dtype)
            pairs = zip((encoder, target), heads, strict=True)
            network, older = (keras.Model(inputs, head(model(inputs))) for model, head in pairs)
            self.target = TargetNetwork(network, older, target_every)
            self._older = Traced(lambda observations: older(observations, training=False), xla)
        self.optimizer, self.memory = optimizer, memory
        self._errors: tuple[np.ndarray, np.ndarray] | None = None
        self._tickets, self._returns = np.zeros(memory.places, np.int64), np.zeros(memory.places, np.float32)
        """What was written of each remembered step."""
        self._step = tf.function(self._gradient_step, jit_compile=xla or None)
        optimizer.build(self._trainable())

    @property
    def ready(self) -> bool:
        """Whether there is a step to learn from."""
        return bool(len(self.memory))

    def look_up(self, keys: np.ndarray, training: bool = False) -> np.ndarray:
        """Returns what each action is worth where the keys are `(batch, depth)`, float32 `(batch, actions)`."""
        return self._mix(super().look_up(keys, training), self._head_values(keys))

    def weights(self, distances, dictionary, keys, slots) -> np.ndarray:
        """Returns the share of each neighbour, by the inverse of its distance (equation 5)."""
        weights = 1 / (np.maximum(distances, 0) + self.delta)
        return weights / weights.sum(1, keepdims=True)

    def observe(self, observations, actions, rewards, terminated, truncated) -> None:
        """Remembers one step of each environment, and writes what has become known with it."""
        if self._errors is not None:
            self.memory.update_priorities(*self._errors)
            self._errors = None
        places = self.memory.add(observations, actions, rewards, terminated, truncated)
        self.remember(observations, actions, rewards, terminated, truncated, places)

    def write(self, completed: Completed) -> None:
        """Writes returns."""
        for action, dictionary in enumerate(self.dictionaries):
            taken = completed.actions == action
            keys, returns, notes = completed.keys[taken], completed.returns[taken], completed.observations[taken]
            self._tickets[completed.places[taken]] = dictionary.write(keys, returns, self._merge, notes)
        self._returns[completed.places] = completed.returns

    def draw(self, updates: int, rng: np.random.Generator) -> Drawn:
        """Draws the batches of all updates at once, with what was written of their steps."""
        batch = self.memory.sample(updates * self.batch_size, rng)
        shown = batch.observations if self.augment is None else self.augment(batch.observations, rng)
        return batch, self._tickets[batch.indices], self._returns[batch.indices], shown

    def learn(self, drawn: Drawn) -> dict[str, float]:
        """Takes a gradient step for each `batch_size` steps of those drawn.

        Returns:
            `loss`, the mean of half the squared errors, and `value`, the mean of what was predicted.
        """
        batch, tickets, returns, shown = drawn
        queries, next_queries = np.split(self.encode(np.concatenate([batch.observations, batch.next_observations])), 2)
        slots, present, remembered = self._search(queries, batch.actions, tickets, next_queries)
        if self.revalue:
            next_values = self._next_values(batch.next_observations, next_queries, remembered)
            returns = batch.rewards + batch.discounts * next_values
        parts = (shown, queries, batch.actions, tickets, returns, slots, present, batch.weights)
        starts = range(0, len(returns), self.batch_size)
        updates = [self._update(*(part[i : i + self.batch_size] for part in parts)) for i in starts]
        losses, values, errors = zip(*updates, strict=True)
        self._errors = batch.indices, np.concatenate(errors)
        if self.target is not None:
            self.target.count(len(updates))
        return {"loss": float(np.mean(losses)), "value": float(np.mean(values))}

    def metric_names(self) -> tuple[str, ...]:
        """Returns the names of what `learn` returns."""
        return "loss", "value"

    def policy(self) -> keras.Model:
        """Returns a model from observations to values `(batch, actions)` that holds all that is remembered."""
        return dictionary_policy(self, "inverse_distance", self.delta, self.head, self.head_share)

    def model_items(self) -> Sequence[Any]:
        """Returns the weights of encoder and head and what the dictionaries hold."""
        return [*super().model_items(), *(variable.value for variable in self.head.variables)]

    def variables(self) -> Sequence[Any]:
        """Returns the variables of optimizer and target, the memory and the steps whose returns are not known yet."""
        variables = [*self.optimizer.variables, *(self.target.model.variables if self.target is not None else ())]
        return [*(variable.value for variable in variables), *super().variables()]

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs besides `model_items` and the optimizer."""
        written: dict[str, np.ndarray] = {"tickets": self._tickets, "returns": self._returns}
        if self.target is not None:
            written["updates"] = np.array(self.target.updates)
        return {**super().state(), **written, **named("memory", self.memory.state())}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes back what `state` returned."""
        super().restore(state)
        self._tickets[:], self._returns[:] = state["tickets"], state["returns"]
        if self.target is not None:
            self.target.updates = int(state["updates"])
        self.memory.restore(part("memory", state))

    def _head_values(self, keys: np.ndarray) -> np.ndarray:
        kernel, bias = self.head.linear() if self.dueling else self.head.get_weights()
        return keys @ kernel + bias

    def _trainable(self) -> list[keras.Variable]:
        return [*self.model.trainable_variables, *self.head.trainable_variables]

    def _next_values(self, observations: np.ndarray, queries: np.ndarray, remembered: np.ndarray) -> np.ndarray:
        """Returns what the situations that follow are worth, `(batch,)`."""
        online = self._mix(remembered, self._head_values(queries))
        if self.target is None:
            return online.max(1)
        older = self._mix(remembered, self._older(tf.convert_to_tensor(observations)).numpy())
        best = (online if self.double else older).argmax(1)
        return older[np.arange(len(best)), best]

    def _search(self, queries, actions, tickets, next_queries):
        """Finds all that the updates need, with one search of each dictionary.

        Args:
            queries: `(batch, depth)`.
            actions: `(batch,)`, what was done.
            tickets: `(batch,)`, of what was written then.
            next_queries: `(batch, depth)`, of the situations that follow.

        Returns:
            Of each query its neighbours, int64 `(batch, k)`, and which of them count, bool; and what is remembered of
            each action in the situations that follow, float32 `(batch, actions)`, zeros without `revalue`.
        """
        width = self.neighbors + self.leave_out
        slots, present = np.zeros((len(queries), width), np.int64), np.zeros((len(queries), width), bool)
        remembered = np.zeros((len(queries), len(self.dictionaries)), np.float32)
        near, k = next_queries if self.revalue else next_queries[:0], slice(self.neighbors)
        for action, dictionary in enumerate(self.dictionaries):
            rows = np.flatnonzero(actions == action)
            if not len(rows) + len(near):
                continue
            distances, found = dictionary.search(np.concatenate([queries[rows], near]), width)
            following = distances[len(rows) :, k], found[len(rows) :, k]
            remembered[: len(near), action] = self.read(dictionary, near, *following)
            size, found, counts = found.shape[1], found[: len(rows)], np.isfinite(distances[: len(rows)])
            if self.leave_out:
                own, held = dictionary.held(tickets[rows])
                itself = (found == own[:, None]) & held[:, None]
                # Without itself among them there is one too many.
                itself[:, self.neighbors :] |= ~itself.any(1, keepdims=True)
                counts &= ~itself
            slots[rows, :size], present[rows, :size] = found, counts
        return slots, present, remembered

    def _update(self, observations, queries, actions, tickets, returns, slots, present, weights):
        """Returns the loss, the mean value, and the error of each step."""
        keys, values = np.zeros((*slots.shape, queries.shape[1]), np.float32), np.zeros(slots.shape, np.float32)
        for action, dictionary in enumerate(self.dictionaries):
            known = present & (actions == action)[:, None]
            keys[known], values[known] = dictionary.keys[slots[known]], dictionary.values[slots[known]]
        parts = self._step(observations, actions, returns, keys, values, present, weights)
        loss, value, errors, key_steps, value_steps = (part.numpy() for part in parts)
        for action, dictionary in enumerate(self.dictionaries):
            moved = present & (actions == action)[:, None]
            if moved.any():
                dictionary.move(slots[moved], key_steps[moved], value_steps[moved])
            rows = np.flatnonzero(actions == action)
            own, held = dictionary.held(tickets[rows])
            own, rows = own[held], rows[held]
            if self.refresh:
                dictionary.replace_keys(own, queries[rows])
            if self.revalue:
                dictionary.values[own] = self._merge(dictionary.values[own], returns[rows])
        return loss, value, errors

    def _mix(self, remembered: np.ndarray, guessed: np.ndarray) -> np.ndarray:
        return remembered + self.head_share * (guessed - remembered)

    def _merge(self, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return old + self.write_rate * (new - old)

    def _gradient_step(self, observations, actions, returns, keys, values, present, weights):
        variables = [variable.value for variable in self._trainable()]
        with tf.GradientTape() as tape:
            tape.watch([keys, values])
            queries = self.model(observations, training=True)
            predicted = inverse_distance_value(queries, keys, values, self.delta, present)
            loss = tf.reduce_mean(weights * tf.square(predicted - returns)) / 2
            guessed = tf.gather(self.head(queries), actions, batch_dims=1)
            total = loss + self.head_loss * tf.reduce_mean(weights * tf.square(guessed - returns)) / 2
        *gradients, key_gradient, value_gradient = tape.gradient(total, [*variables, keys, values])
        self.optimizer.apply(clip(gradients, self.clip_norm), self._trainable())
        # Each remembered step moves its own neighbours: their share does not shrink with the batch.
        count = tf.cast(tf.shape(returns)[0], tf.float32)
        mixed = predicted + self.head_share * (guessed - predicted)
        return (
            loss, tf.reduce_mean(predicted), returns - mixed, -self.key_rate * count * key_gradient,
            -self.value_rate * count * value_gradient,
        )  # fmt: skip
