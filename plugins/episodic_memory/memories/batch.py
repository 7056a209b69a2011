"""What a memory returns when it is sampled."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Batch:
    """Transitions over n steps."""

    observations: np.ndarray
    """`(batch, ...)`, in which the action was taken."""
    actions: np.ndarray
    """`(batch, ...)`."""
    rewards: np.ndarray
    """float32 `(batch,)`: the discounted sum of the n steps' rewards, of fewer at an episode's end."""
    discounts: np.ndarray
    """float32 `(batch,)`: what the value of the next observation counts; 0 where the episode terminated."""
    next_observations: np.ndarray
    """`(batch, ...)`, n steps on; of no meaning where the discount is 0."""
    weights: np.ndarray
    """float32 `(batch,)`: importance of each transition in the loss; 1 where sampling is uniform."""
    indices: np.ndarray
    """int64 `(batch,)`: places in the memory, for `update_priorities`."""


@dataclasses.dataclass(frozen=True)
class Sequences:
    """Consecutive steps of one episode each."""

    observations: np.ndarray
    """`(batch, time, ...)`."""
    actions: np.ndarray
    """`(batch, time, ...)`."""
    rewards: np.ndarray
    """float32 `(batch, time)`."""
    terminated: np.ndarray
    """bool `(batch, time)`."""
    truncated: np.ndarray
    """bool `(batch, time)`."""
    mask: np.ndarray
    """bool `(batch, time)`: False from where the episode, or what is known of it, has ended; all else is 0 there."""
    indices: np.ndarray
    """int64 `(batch,)`: the place of each first step."""
