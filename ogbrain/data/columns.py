"""Columns of decoded examples."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class Column:
    """One feature of all the examples of a split.

    Attributes:
        values: `(examples, ...)`, or with `row_splits` the rows of all the examples one after the other,
            `(rows, ...)`. Text is a NumPy array of `bytes` objects.
        row_splits: None, or `(examples + 1,)` int64: example `i` has the rows `row_splits[i]:row_splits[i + 1]`.
    """

    values: np.ndarray
    row_splits: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values) if self.row_splits is None else len(self.row_splits) - 1

    @property
    def is_ragged(self) -> bool:
        """Whether the examples differ in length."""
        return self.row_splits is not None

    def as_ragged(self) -> "Column":
        """Returns the same examples with explicit lengths; their second axis becomes the rows."""
        if self.is_ragged:
            return self
        count, length = self.values.shape[:2]
        values = self.values.reshape((count * length, *self.values.shape[2:]))
        return Column(values, np.arange(count + 1, dtype=np.int64) * length)

    @classmethod
    def concatenate(cls, parts: Sequence["Column"]) -> "Column":
        """Puts the examples of several columns one after the other."""
        if len(parts) == 1:
            return parts[0]
        if not any(part.is_ragged for part in parts) and len({part.values.shape[1:] for part in parts}) == 1:
            return cls(np.concatenate([part.values for part in parts]))
        ragged = [part.as_ragged() for part in parts]
        lengths = np.concatenate([part.lengths() for part in ragged])
        return cls(np.concatenate([part.values for part in ragged]), np.cumsum([0, *lengths], dtype=np.int64))

    def lengths(self) -> np.ndarray:
        """Returns the rows of each example, `(examples,)` int64."""
        if self.row_splits is None:
            raise ValueError("a column of fixed shape has no lengths")
        return np.diff(self.row_splits)


def stack(name: str, rows: Sequence[Any], dtype: np.dtype, ragged: bool) -> Column:
    """Makes a column of one value an example.

    Args:
        name: The feature's name, for the error.
        rows: One array, number or `bytes` an example.
        dtype: What the column shall hold; `object` for text.
        ragged: Makes a ragged column even where all lengths happen to be equal.

    Returns:
        A ragged column where the first dimension differs between examples, a dense one otherwise.

    Raises:
        UserError: If another dimension than the first differs.
    """
    arrays = [np.asarray(row, dtype=dtype) for row in rows]
    shapes = {array.shape for array in arrays}
    if len(shapes) <= 1 and not ragged:
        return Column(np.stack(arrays) if arrays else np.zeros((0,), dtype))
    inner = {shape[1:] for shape in shapes if shape[:1] != (0,)} or {shape[1:] for shape in shapes} or {()}
    if len(inner) > 1 or () in shapes:
        raise UserError(
            f"feature {name!r} has shapes that differ in more than their first dimension, such as "
            f"{', '.join(map(str, sorted(shapes)[:3]))}; give the pipeline a `prepare` step that makes them equal"
        )
    tail = inner.pop()
    full = [array.reshape((len(array), *tail)) for array in arrays]
    values = np.concatenate(full) if full else np.zeros((0, *tail), dtype)
    return Column(values, np.cumsum([0, *(len(array) for array in full)], dtype=np.int64))
