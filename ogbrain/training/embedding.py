"""What a model makes of some examples, for TensorBoard's projector."""

import dataclasses
from collections.abc import Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Embedding:
    """Points in the space of a model's features.

    Example:
        >>> Embedding(states, [names[label] for label in labels], pictures=images)
    """

    vectors: np.ndarray
    """float32 `(examples, depth)`."""
    labels: Sequence[str]
    """What each example is."""
    pictures: np.ndarray | None = None
    """uint8 `(examples, side, side, 3)` to show in place of points, or None."""
