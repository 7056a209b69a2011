"""Deep Q-networks."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.training.optimizers import clip

from ..memories.replay_memory import ReplayMemory
from .agent import Agent
from .snapshot import Snapshot
from .target_network import TargetNetwork
from .traced import Traced

Drawn = tuple[np.ndarray, tuple[tf.Tensor, ...]]
"""Places of transitions `(updates * batch,)`, and their parts, `(updates, batch, ...)` each."""


class DQN(Agent):
    """Learns what actions are worth by temporal differences.

    The error of a transition is `r + d max_a Q'(s', a) - Q(s, a)`, where `r` and `d` are the reward and the discount
    over n steps and `Q'` the target network, a copy of `Q` made every `target_every` updates. With `double`, `Q`
    chooses the action that `Q'` values. Prioritised replay and dueling heads come with the memory and the model.

    All updates of a call are one compiled loop, and the target network values all their batches at once. Priorities
    change when the next step is observed, so that the next batches can be drawn during the updates.

    Args:
        model: From observations `(batch, ...)` to values `(batch, actions)`.
        target: A second one like it; None for an agent that only acts.
        optimizer: Trains the model.
        memory: What is learned from.
        batch_size: Transitions in an update.
        double: Whether the model chooses the next action.
        target_every: Updates between two copies.
        clip_norm: Largest global norm of the gradients; 0 does not clip.
        augment: Changes observations `(batch, ...)` by chance, without changing what they are worth, before the model
            learns from them; what follows them stays as it is. None for none.
        xla: Whether acting and learning are compiled with XLA.

    Source: Mnih et al., 2015, doi:10.1038/nature14236; double: van Hasselt et al., 2016, arXiv:1509.06461.
    """

    def __init__(
        self,
        model: keras.Model,
        target: keras.Model | None = None,
        optimizer: keras.optimizers.Optimizer | None = None,
        memory: ReplayMemory | None = None,
        batch_size: int = 32,
        double: bool = False,
        target_every: int = 1000,
        clip_norm: float = 0.0,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        xla: bool = True,
    ):
        self.model = model
        self._values = Traced(lambda observations: model(observations, training=False), xla)
        if target is None or optimizer is None or memory is None:
            return
        self.target = TargetNetwork(model, target, target_every)
        self.optimizer, self.memory = optimizer, memory
        self.batch_size, self.double, self.clip_norm = batch_size, double, clip_norm
        self.augment = augment
        optimizer.build(model.trainable_variables)
        self._ready = False
        self._errors: tuple[np.ndarray, np.ndarray] | None = None
        self._snapshot = Snapshot(self._state, self._restore)
        self._learn = Traced(self._update_all, xla)

    @property
    def ready(self) -> bool:
        """Whether there is a transition to learn from."""
        self._ready = self._ready or len(self.memory) > 0
        return self._ready

    def values(self, observations: np.ndarray, training: bool = False) -> np.ndarray:
        """Returns what each action is worth, float32 `(batch, actions)`."""
        return self._values(tf.convert_to_tensor(observations)).numpy()

    def observe(self, observations, actions, rewards, terminated, truncated) -> None:
        """Remembers one step of all environments."""
        if self._errors is not None:
            self.memory.update_priorities(*self._errors)
            self._errors = None
        self.memory.add(observations, actions, rewards, terminated, truncated)

    def draw(self, updates: int, rng: np.random.Generator) -> Drawn:
        """Draws the batches of all updates at once, as tensors: made here, while other updates run."""
        drawn = self.memory.sample(updates * self.batch_size, rng)
        observations = drawn.observations if self.augment is None else self.augment(drawn.observations, rng)
        arrays = (observations, drawn.actions, drawn.rewards, drawn.discounts, drawn.next_observations,
                  drawn.weights)  # fmt: skip
        shape = (updates, self.batch_size)
        return drawn.indices, tuple(tf.convert_to_tensor(array.reshape(*shape, *array.shape[1:])) for array in arrays)

    def learn(self, drawn: Drawn) -> dict[str, float]:
        """Updates the model, once with each `batch_size` transitions of those drawn."""
        indices, batches = drawn
        updates = batches[0].shape[0]
        loss, value, errors = self._learn(*batches)
        self._errors = indices, errors.numpy().reshape(-1)
        self.target.count(updates)
        return {"loss": float(loss), "value": float(value)}

    def metric_names(self) -> tuple[str, ...]:
        """Returns the names of what `learn` returns: the Huber loss, and the mean value of what was done."""
        return "loss", "value"

    def variables(self) -> Sequence[Any]:
        """Returns the state of the optimizer, the target network, and the memory."""
        variables = [*self.optimizer.variables, *self.target.model.variables]
        return [*(variable.value for variable in variables), self._snapshot]

    def _state(self) -> dict[str, np.ndarray]:
        return {**self.memory.state(), "updates": np.array(self.target.updates)}

    def _restore(self, state) -> None:
        self.target.updates = int(state["updates"])
        self.memory.restore({name: value for name, value in state.items() if name != "updates"})

    def _update_all(self, observations, actions, rewards, discounts, next_observations, weights):
        updates, batch = actions.shape
        # One product of many rows is several times as fast as many of few.
        flat = tf.reshape(next_observations, (updates * batch, *next_observations.shape[2:]))
        next_values = tf.reshape(self.target.model(flat, training=False), (updates, batch, -1))
        losses, values = tf.zeros(()), tf.zeros(())
        errors = tf.TensorArray(tf.float32, updates, element_shape=(batch,))
        for i in tf.range(updates):
            if self.double:
                choice = tf.argmax(self.model(next_observations[i], training=False), -1, tf.int32)
                following = tf.gather(next_values[i], choice, batch_dims=1)
            else:
                following = tf.reduce_max(next_values[i], -1)
            goals = rewards[i] + discounts[i] * following
            loss, value, error = self._update(observations[i], actions[i], goals, weights[i])
            losses, values, errors = losses + loss, values + value, errors.write(i, error)
        return losses / updates, values / updates, errors.stack()

    def _update(self, observations, actions, goals, weights):
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            values = self.model(observations, training=True)
            # A product with one-hot rows: the gradient of a gather is a scatter, which is slow.
            chosen = tf.reduce_sum(values * tf.one_hot(actions, values.shape[-1]), -1)
            error = goals - chosen
            size = tf.abs(error)
            huber = tf.where(size < 1.0, 0.5 * tf.square(error), size - 0.5)
            loss = tf.reduce_mean(weights * huber)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self.optimizer.apply(clip(gradients, self.clip_norm), variables)
        return loss, tf.reduce_mean(chosen), error
