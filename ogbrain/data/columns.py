"""Columns of decoded examples, as NumPy arrays and as TensorFlow gathers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

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


def pad(rows: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor, multiple: int, value: Any) -> tf.Tensor:
    """Cuts pieces of different lengths out of one array and pads them to one length.

    Args:
        rows: `(rows, ...)`, the array that holds all the pieces.
        starts: `(batch,)` int64, the first row of each piece.
        lengths: `(batch,)` int64, the rows of each piece.
        multiple: The common length is rounded up to a multiple of this.
        value: What the padding holds.

    Returns:
        `(batch, time, ...)` where time is the longest length, rounded up.
    """
    # The 0 keeps an empty batch (a shard without a row of the last batch) from reducing to the smallest int64.
    longest = tf.reduce_max(tf.concat([lengths, tf.zeros([1], lengths.dtype)], 0))
    longest = (longest + multiple - 1) // multiple * multiple
    positions = tf.range(longest, dtype=tf.int64)
    inside = positions[tf.newaxis] < lengths[:, tf.newaxis]
    where = tf.where(inside, starts[:, tf.newaxis] + positions[tf.newaxis], tf.zeros([], tf.int64))
    # One row more than there is, so that a set of empty examples can be gathered too.
    if rows.shape[0] == 0:
        rows = tf.zeros([1, *rows.shape[1:]], rows.dtype) if rows.dtype != tf.string else tf.constant([b""])
    filler = tf.constant(value, rows.dtype)
    mask = tf.reshape(inside, tf.concat([tf.shape(inside), tf.ones([rows.shape.rank - 1], tf.int32)], 0))
    return tf.where(mask, tf.gather(rows, where), filler)


class ColumnTensors:
    """The columns of a split held in memory, ready to be gathered inside a graph."""

    def __init__(self, columns: Mapping[str, Column]):
        """Copies the columns into host tensors.

        Args:
            columns: The columns by feature name; all of the same number of examples.
        """
        self._values: dict[str, tf.Tensor] = {}
        self._splits: dict[str, tf.Tensor] = {}
        with tf.device("CPU:0"):
            for name, column in columns.items():
                self._values[name] = tf.constant(column.values)
                if column.row_splits is not None:
                    self._splits[name] = tf.constant(column.row_splits)

    def gather(
        self, indices: tf.Tensor, *, multiple: int, pad_values: Mapping[str, Any], max_lengths: Mapping[str, int]
    ) -> dict[str, tf.Tensor]:
        """Takes some examples.

        Args:
            indices: `(batch,)` int64.
            multiple: Padded lengths are rounded up to a multiple of this.
            pad_values: What padding holds, by feature; 0 or the empty string if not given.
            max_lengths: Longer examples are cut to this length, by feature.

        Returns:
            One tensor a feature, `(batch, ...)`; a ragged feature is padded, `(batch, time, ...)`, and its lengths
            are under its name with `_length` added, `(batch,)` int32.
        """
        batch: dict[str, tf.Tensor] = {}
        for name, values in self._values.items():
            splits = self._splits.get(name)
            if splits is None:
                batch[name] = tf.gather(values, indices)
                continue
            starts = tf.gather(splits, indices)
            lengths = tf.gather(splits, indices + 1) - starts
            if name in max_lengths:
                lengths = tf.minimum(lengths, max_lengths[name])
            empty = b"" if values.dtype == tf.string else 0
            batch[name] = pad(values, starts, lengths, multiple, pad_values.get(name, empty))
            batch[f"{name}_length"] = tf.cast(lengths, tf.int32)
        return batch
