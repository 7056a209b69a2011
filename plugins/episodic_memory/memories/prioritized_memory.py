"""Prioritised experience replay."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .batch import Batch
from .replay_memory import ReplayMemory
from .sum_tree import SumTree


class PrioritizedMemory(ReplayMemory):
    """A replay memory that gives more of what the agent was wrong about.

    A transition is drawn with probability `p_i^alpha / sum_k p_k^alpha`, where its priority `p` is its last error's
    size and a little more; a new one gets the largest priority so far. The weights `(1 / (N P(i)))^beta`, divided by
    the largest of the batch, make up for it in the loss.

    Args:
        *args: Those of `ReplayMemory`.
        alpha: How much priorities count; 0 is uniform.
        beta: How much of the bias the weights take back; the attribute may be changed while training.
        **kwargs: Those of `ReplayMemory`.

    Source: Schaul et al., 2016, arXiv:1511.05952, proportional variant.
    """

    def __init__(self, *args: Any, alpha: float = 0.6, beta: float = 0.4, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.alpha, self.beta = alpha, beta
        self._tree = SumTree(self.environments * self.rows)
        self._largest = 1.0

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return super().nbytes + self._tree.nbytes

    def sample(self, batch_size: int, rng: np.random.Generator) -> Batch:
        """Draws transitions by priority, one from each of `batch_size` equal shares of all that there is.

        Args:
            batch_size: How many.
            rng: What they are drawn with; the same state draws the same.

        Raises:
            ValueError: The memory holds no whole transition yet.
        """
        batch = super().sample(batch_size, rng)
        weights = self._tree.weights[batch.indices]
        batch.weights[:] = (weights / weights.min()) ** -self.beta
        return batch

    def update_priorities(self, indices: np.ndarray, errors: np.ndarray) -> None:
        """Sets the priorities of transitions to the size of their errors.

        Args:
            indices: int64 `(batch,)`, as a batch has them.
            errors: `(batch,)`, such as temporal differences.

        Raises:
            ValueError: An error is not finite.
        """
        errors = np.abs(np.asarray(errors, float)) + 1e-6
        if not np.isfinite(errors).all():
            raise ValueError("the errors are not all finite; a lower learning rate may help")
        # Some may have been overwritten while the update was running: those stay out.
        current = self._ready[indices]
        self._largest = max(self._largest, float(errors.max()))
        self._tree.set(indices[current], errors[current] ** self.alpha)

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs."""
        filled = int(self._filled.max())
        weights = self._by_row(self._tree.weights)[:, :filled]
        return {**super().state(), "priorities": weights, "largest": np.array(self._largest)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets the memory to what `state` returned for one of the same sizes."""
        super().restore(state)
        weights = np.zeros((self.environments, self.rows))
        weights[:, : state["priorities"].shape[1]] = state["priorities"]
        self._tree.restore(weights.reshape(-1))
        self._largest = float(state["largest"])

    def _set_ready(self, slots: np.ndarray, ready: bool) -> None:
        super()._set_ready(slots, ready)
        self._tree.set(slots, self._largest**self.alpha if ready else 0.0)

    def _draw(self, batch_size: int, rng: np.random.Generator) -> np.ndarray:
        total = self._tree.total
        if not total:
            raise ValueError("the memory holds no whole transition yet")
        shares = (np.arange(batch_size) + rng.random(batch_size)) / batch_size
        return self._tree.find(shares * total)
