"""Drawing in proportion to priorities."""

import itertools

import numpy as np

FAN_OUT = 32
"""Children of a node: with 32 a million leaves are four levels deep, each a few vectorised operations."""


class SumTree:
    """Weights of places, in a tree whose nodes hold the sum of their children.

    Setting and drawing take `log_32(size)` numpy operations, however many places at a time.

    Args:
        size: Number of places; all weights start as 0.

    Example:
        >>> tree = SumTree(1000)
        >>> tree.set(np.array([3, 500]), np.array([1.0, 3.0]))
        >>> tree.find(np.array([0.5, 1.5]))
        array([  3, 500])
    """

    def __init__(self, size: int):
        self.size = size
        widths = [-(-size // FAN_OUT) * FAN_OUT]
        while widths[-1] > FAN_OUT:
            widths.append(-(-widths[-1] // FAN_OUT // FAN_OUT) * FAN_OUT)
        # Each level by groups of siblings: (nodes of the level above, FAN_OUT). Sums are taken anew from the
        # children, so that rounding errors do not pile up.
        self._levels = [np.zeros((width // FAN_OUT, FAN_OUT)) for width in widths]

    @property
    def total(self) -> float:
        """The sum of all weights."""
        return float(self._levels[-1].sum())

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(level.nbytes for level in self._levels)

    @property
    def weights(self) -> np.ndarray:
        """float64 `(size,)`, a view."""
        return self._levels[0].reshape(-1)[: self.size]

    def set(self, places: np.ndarray, weights: np.ndarray | float) -> None:
        """Sets weights.

        Args:
            places: int `(n,)`; where a place is given twice, the last weight holds.
            weights: `(n,)` or one for all, not negative.
        """
        self._levels[0].reshape(-1)[places] = weights
        for level, above in itertools.pairwise(self._levels):
            places = places // FAN_OUT
            above.reshape(-1)[places] = level[places].sum(1)

    def find(self, masses: np.ndarray) -> np.ndarray:
        """Finds the place in which each mass falls when all weights are laid end to end.

        Args:
            masses: `(n,)`, at least 0 and less than `total`.

        Returns:
            int64 `(n,)`, never a place of weight 0.
        """
        nodes, rest = np.zeros(len(masses), np.int64), np.array(masses, float)
        for level in reversed(self._levels):
            ends = np.cumsum(level[nodes], 1)
            # Rounding may leave a mass at the very end: it belongs to the last child that has any weight.
            rest = np.minimum(rest, np.nextafter(ends[:, -1], 0))
            children = (ends <= rest[:, None]).sum(1)
            starts = np.where(children > 0, ends[np.arange(len(nodes)), children - 1], 0.0)
            rest = np.maximum(rest - starts, 0)
            nodes = nodes * FAN_OUT + children
        return nodes

    def restore(self, weights: np.ndarray) -> None:
        """Sets all weights, `(size,)`."""
        self.weights[:] = weights
        for level, above in itertools.pairwise(self._levels):
            above.reshape(-1)[: len(level)] = level.sum(1)
