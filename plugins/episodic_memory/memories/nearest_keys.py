"""The nearest of many keys."""

from collections.abc import Mapping
from typing import Any

import faiss
import numpy as np

EXACT_UP_TO = 100_000
"""Keys that are searched exactly; more are searched through an inverted file."""
_WORTH_THREADS = 1_000_000
"""Comparisons, some milliseconds: threads that wait for less than that cost more than they bring."""
_RENEWED_AFTER = 50
_PROBE_NEIGHBORS, _PROBE_QUERIES = 50, 128


class NearestKeys:
    """k nearest neighbours, by squared Euclidean distance, among keys that are added and changed in place.

    Up to `exact_up_to` keys each query is compared with all of them. Beyond, keys are kept in lists around centres and
    only the lists nearest to a query are read. How many is measured on the keys themselves, so that the wanted recall
    is reached whatever they are like; centres and measure are renewed when there are twice as many keys, or when each
    key has changed 50 times on average.

    Args:
        capacity: Most keys there may be.
        depth: Length of a key.
        exact_up_to: Most keys that are searched exactly.
        recall: Share of the true neighbours to be found beyond that.

    Example:
        >>> nearest = NearestKeys(1000, 2)
        >>> nearest.set(np.arange(3), np.array([[0, 0], [1, 0], [5, 5]], np.float32))
        >>> nearest.search(np.array([[0.9, 0]], np.float32), 2)
        (array([[0.01, 0.81]], dtype=float32), array([[1, 0]]))
    """

    def __init__(self, capacity: int, depth: int, exact_up_to: int = EXACT_UP_TO, recall: float = 0.97):
        self._all = np.zeros((capacity, depth), np.float32)
        self.exact_up_to, self.recall = exact_up_to, recall
        self.size = 0
        self._index: Any = None
        self._renewed_at = self._changed = 0

    @property
    def keys(self) -> np.ndarray:
        """float32 `(size, depth)`, a view."""
        return self._all[: self.size]

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds neighbours.

        Args:
            queries: float32 `(batch, depth)`.
            k: How many; fewer come back where there are fewer keys.

        Returns:
            Squared distances float32 and places int64, both `(batch, min(k, size))`, nearest first. A place that was
            not found has an infinite distance.
        """
        k = min(k, self.size)
        if not k:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        queries = np.ascontiguousarray(queries, np.float32)
        if self._index is None:
            threads = faiss.omp_get_max_threads()
            if len(queries) * self.size < _WORTH_THREADS:
                faiss.omp_set_num_threads(1)
            try:
                return faiss.knn(queries, self.keys, k)
            finally:
                faiss.omp_set_num_threads(threads)
        distances, slots = self._index.search(queries, k)
        missing = slots < 0
        distances[missing], slots[missing] = np.inf, 0
        return distances, slots

    def set(self, slots: np.ndarray, keys: np.ndarray) -> None:
        """Sets keys.

        Args:
            slots: int64 `(n,)`, each once: places that are taken, then the next free ones in order.
            keys: float32 `(n, depth)`.
        """
        new = slots >= self.size
        self._all[slots] = keys
        self.size += int(new.sum())
        self._changed += len(slots)
        if self.size <= self.exact_up_to:
            return
        if (
            self._index is None
            or self.size >= 2 * self._renewed_at
            or self._changed >= _RENEWED_AFTER * self._renewed_at
        ):
            self._renew()
            return
        if not new.all():
            self._index.update_vectors(np.ascontiguousarray(slots[~new]), self._all[slots[~new]])
        if new.any():
            self._index.add(self._all[slots[new]])

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that is needed to search alike later."""
        state = {"keys": self.keys, "counts": np.array([self._renewed_at, self._changed])}
        if self._index is not None:
            centers = self._index.quantizer.reconstruct_n(0, self._index.nlist)
            state |= {"centers": centers, "probes": np.array(self._index.nprobe)}
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets the keys to what `state` returned."""
        self.size = len(state["keys"])
        self.keys[:] = state["keys"]
        self._renewed_at, self._changed = (int(count) for count in state["counts"])
        self._index = None
        if "centers" in state:
            self._index = self._build(state["centers"])
            self._index.nprobe = int(state["probes"])

    def _renew(self) -> None:
        self._renewed_at, self._changed = self.size, 0
        self._index = None  # its memory is needed for the next one
        lists = int(4 * self.size**0.5)
        rng = np.random.default_rng(self.size)
        sample = self.keys[rng.choice(self.size, min(self.size, 40 * lists), replace=False)]
        clusters = faiss.Kmeans(self._all.shape[1], lists, niter=4, seed=1, min_points_per_centroid=1)
        clusters.train(sample)
        self._index = self._build(np.asarray(clusters.centroids))
        queries = self.keys[rng.choice(self.size, _PROBE_QUERIES, replace=False)]
        _, true = faiss.knn(queries, self.keys, _PROBE_NEIGHBORS)
        probes = 4
        while probes < lists:
            self._index.nprobe = probes
            _, found = self._index.search(queries, _PROBE_NEIGHBORS)
            if np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)]) >= self.recall:
                return
            probes = probes * 5 // 4 + 1
        self._index.nprobe = lists

    def _build(self, centers: np.ndarray) -> Any:
        depth = self._all.shape[1]
        quantizer = faiss.IndexFlatL2(depth)
        quantizer.add(np.ascontiguousarray(centers))
        index: Any = faiss.IndexIVFFlat(quantizer, depth, len(centers))
        index.is_trained = True
        index.set_direct_map_type(1)  # an array: faiss has the place of each key at hand
        index.add(self.keys)
        return index
