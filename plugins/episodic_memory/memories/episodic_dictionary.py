"""What was once worth what, found again by likeness."""

from collections.abc import Callable, Mapping

import numpy as np

from .nearest_keys import EXACT_UP_TO, NearestKeys

Merge = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes the old values and the new ones, `(n,)` each, and returns what is kept."""


class EpisodicDictionary:
    """Values by key: read from the nearest keys, written by adding keys or merging values.

    When it is full, a new key takes the place of the one that has for the longest time been neither written nor among
    the neighbours of a query.

    Args:
        capacity: Most keys.
        depth: Length of a key.
        exact_up_to: Most keys that are searched exactly.
        note_shape: Shape of a note, uint8, that is kept with each key, such as a small picture of the situation.

    Example:
        >>> dictionary = EpisodicDictionary(1000, 2)
        >>> dictionary.write(np.array([[0, 0], [3, 4]]), np.array([1, 2]), np.maximum)
        >>> distances, slots = dictionary.search(np.array([[3, 3]]), 1)
        >>> dictionary.values[slots]
        array([[2.]], dtype=float32)

    Source: Pritzel et al., 2017, arXiv:1703.01988, section 2.
    """

    def __init__(self, capacity: int, depth: int, exact_up_to: int = EXACT_UP_TO, note_shape: tuple[int, ...] = (0,)):
        self.capacity, self.depth = capacity, depth
        self._nearest = NearestKeys(capacity, depth, exact_up_to)
        self._values = np.zeros(capacity, np.float32)
        self._notes = np.zeros((capacity, *note_shape), np.uint8)
        self._used = np.zeros(capacity, np.int64)
        self._tickets = np.full(capacity, -1, np.int64)
        self._clock = 0

    def __len__(self) -> int:
        """Number of keys."""
        return self._nearest.size

    @property
    def keys(self) -> np.ndarray:
        """float32 `(size, depth)`, a view."""
        return self._nearest.keys

    @property
    def values(self) -> np.ndarray:
        """float32 `(size,)`, a view."""
        return self._values[: len(self)]

    @property
    def notes(self) -> np.ndarray:
        """uint8 `(size, *note_shape)`, a view: what was noted when each key was added."""
        return self._notes[: len(self)]

    def search(self, queries: np.ndarray, k: int, use: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Finds the nearest keys.

        Args:
            queries: `(batch, depth)`.
            k: How many.
            use: Whether this keeps those that are found from being forgotten.

        Returns:
            Squared distances float32 and places int64, both `(batch, min(k, size))`, nearest first.
        """
        distances, slots = self._nearest.search(queries, k)
        if use:
            self._clock += 1
            self._used[slots] = self._clock
        return distances, slots

    def find(self, keys: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Returns bool `(batch,)`: whether the keys `(batch, depth)` are the ones at places `(batch,)`.

        Distances are rounded, so the keys themselves are compared, to a millionth.
        """
        there = self.keys[slots]
        return np.abs(keys - there).max(1) <= 1e-6 * np.maximum(np.abs(there).max(1), 1)

    def held(self, tickets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds what `write` wrote.

        Args:
            tickets: int64 `(batch,)`, what `write` returned at any time.

        Returns:
            Places int64 `(batch,)`, and bool `(batch,)`: whether it is still there, not forgotten since.
        """
        slots = tickets % self.capacity
        return slots, self._tickets[slots] == tickets

    def write(
        self, keys: np.ndarray, values: np.ndarray, merge: Merge, notes: np.ndarray | None = None
    ) -> np.ndarray:
        """Adds keys; where a key is there already its value is merged.

        Args:
            keys: `(batch, depth)`.
            values: `(batch,)`.
            merge: What becomes of an old value and a new one.
            notes: uint8 `(batch, *note_shape)`; 0 if left out.

        Returns:
            Tickets, int64 `(batch,)`, with which `held` finds them again.

        Raises:
            ValueError: A key or a value is not finite.
        """
        keys, values = np.ascontiguousarray(keys, np.float32), np.asarray(values, np.float32)
        if not (np.isfinite(keys).all() and np.isfinite(values).all()):
            raise ValueError("a key or a value is not finite; a lower learning rate may help")
        if notes is None:
            notes = np.zeros((len(keys), *self._notes.shape[1:]), np.uint8)
        tickets, left = np.empty(len(keys), np.int64), np.arange(len(keys))
        while len(left):
            # A key that comes twice is written twice, one after the other.
            whole = keys[left].view(np.dtype((np.void, keys.dtype.itemsize * self.depth)))[:, 0]
            first = np.sort(np.unique(whole, return_index=True)[1])[: self.capacity]
            now = left[first]
            tickets[now] = self._write_distinct(keys[now], values[now], merge, notes[now])
            left = np.delete(left, first)
        return tickets

    def move(self, slots: np.ndarray, key_steps: np.ndarray, value_steps: np.ndarray) -> None:
        """Moves keys and values, as a gradient step does.

        Args:
            slots: int64 `(n,)`; where a place is given twice, both steps are taken.
            key_steps: `(n, depth)`, added to the keys.
            value_steps: `(n,)`, added to the values.
        """
        order = np.argsort(slots, kind="stable")
        places, starts = np.unique(slots[order], return_index=True)
        self._nearest.set(places, self.keys[places] + np.add.reduceat(key_steps[order], starts))
        self._values[places] += np.add.reduceat(value_steps[order], starts)

    def replace_keys(self, slots: np.ndarray, keys: np.ndarray) -> None:
        """Sets the keys at places, int64 `(n,)`, to others, `(n, depth)`; if one is given twice, to the first."""
        places, first = np.unique(slots, return_index=True)
        self._nearest.set(places, keys[first])

    def state(self) -> dict[str, np.ndarray]:
        """Returns all that a resumed run needs; views where possible."""
        own = {"values": self.values, "notes": self.notes, "used": self._used[: len(self)],
               "tickets": self._tickets[: len(self)]}  # fmt: skip
        return {**self._nearest.state(), **own, "clock": np.array(self._clock)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Sets the dictionary to what `state` returned."""
        self._nearest.restore(state)
        self._values[: len(self)], self._used[: len(self)] = state["values"], state["used"]
        self._notes[: len(self)], self._tickets[: len(self)] = state["notes"], state["tickets"]
        self._clock = int(state["clock"])

    def _write_distinct(self, keys: np.ndarray, values: np.ndarray, merge: Merge, notes: np.ndarray) -> np.ndarray:
        known, slots = np.zeros(len(keys), bool), np.zeros(len(keys), np.int64)
        self._clock += 1
        if len(self):
            slots = self._nearest.search(keys, 1)[1][:, 0]
            known = self.find(keys, slots)
            there = slots[known]
            self._values[there] = merge(self._values[there], values[known])
            self._used[there] = self._clock
        count = int((~known).sum())
        if count:
            free = min(count, self.capacity - len(self))
            oldest = np.empty(0, np.int64)
            if count > free:
                oldest = np.argpartition(self._used[: len(self)], count - free - 1)[: count - free]
            places = np.concatenate([oldest, np.arange(len(self), len(self) + free)])
            self._nearest.set(places, keys[~known])
            self._values[places], self._notes[places] = values[~known], notes[~known]
            self._used[places] = self._clock
            # Another one at each time: nothing else is ever written there with the same one.
            self._tickets[places] = self._clock * self.capacity + places
            slots[~known] = places
        return self._tickets[slots]
