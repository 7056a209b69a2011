"""How examples of different lengths become one tensor."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

# Bytes of a mean example from which on copying example by example is faster, and the most ops that are worth it.
_LONG = 4096
_MOST_UNROLLED = 256


@dataclasses.dataclass(frozen=True)
class Padding:
    """The rules of padding, by feature."""

    max_lengths: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Longer examples are cut to this length."""

    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """What padding holds, if not 0 or the empty string."""

    multiple: int = 1
    """Padded lengths are rounded up to a multiple of this."""

    def value(self, name: str, text: bool) -> Any:
        """Returns what the padding of a feature holds."""
        return self.values.get(name, b"" if text else 0)

    def cut(self, name: str, length: Any) -> Any:
        """Returns the lengths after cutting: an array, a tensor or a number like `length`."""
        if name not in self.max_lengths:
            return length
        limit = self.max_lengths[name]
        return tf.minimum(length, limit) if isinstance(length, tf.Tensor) else np.minimum(length, limit)

    def gather(self, name: str, rows: tf.RaggedTensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes examples of different lengths and pads them to one length.

        Args:
            name: The feature.
            rows: `(examples, None, ...)`.
            indices: `(batch,)` int64.

        Returns:
            `(batch, time, ...)` where time is the longest length after cutting, rounded up; and the lengths, `(batch,)`
            int32.
        """
        starts = tf.gather(rows.row_splits, indices)
        lengths = self.cut(name, tf.gather(rows.row_splits, indices + 1) - starts)
        # The 0 keeps an empty batch (a shard without a row of the last batch) from reducing to the smallest int64.
        longest = tf.reduce_max(tf.concat([lengths, tf.zeros([1], lengths.dtype)], 0))
        longest = (longest + self.multiple - 1) // self.multiple * self.multiple
        tail = rows.flat_values.shape[1:]
        filler = tf.constant(self.value(name, rows.dtype == tf.string), rows.dtype)
        if _are_few_and_long(rows, indices):
            padded = _copy(rows.flat_values, starts, lengths, longest, filler)
        else:
            picked = tf.gather(rows, indices)
            if name in self.max_lengths:
                picked = picked[:, : self.max_lengths[name]]
            shape = tf.stack([tf.constant(-1, tf.int64), longest, *(tf.constant(size, tf.int64) for size in tail)])
            padded = picked.to_tensor(filler, shape=shape)
        return tf.ensure_shape(padded, [indices.shape[0], None, *tail]), tf.cast(lengths, tf.int32)

    def stack(self, name: str, arrays: list[np.ndarray], dtype: np.dtype, tail: tuple[int, ...]) -> np.ndarray:
        """Does in NumPy what `gather` does, for examples that are arrays of their own.

        Args:
            name: The feature.
            arrays: One array an example, `(time, *tail)`.
            dtype: The dtype of the result.
            tail: The shape of a row.

        Returns:
            `(len(arrays), time, *tail)`.
        """
        lengths = [int(self.cut(name, len(array))) for array in arrays]
        longest = -(-max(lengths, default=0) // self.multiple) * self.multiple
        padded = np.full((len(arrays), longest, *tail), self.value(name, dtype.kind == "O"), dtype)
        for row, array, length in zip(padded, arrays, lengths, strict=True):
            row[:length] = array[:length]
        return padded


def _are_few_and_long(rows: tf.RaggedTensor, indices: tf.Tensor) -> bool:
    """Returns whether an op for each example costs less than the ragged ops, which work element by element."""
    batch_size, values, splits = indices.shape[0], rows.flat_values.shape, rows.row_splits.shape[0]
    if rows.dtype == tf.string or not batch_size or batch_size > _MOST_UNROLLED or not values.is_fully_defined():
        return False
    return values.num_elements() * rows.dtype.size >= _LONG * (splits - 1)


def _copy(values: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor, longest: tf.Tensor, filler: tf.Tensor) -> tf.Tensor:
    """Pads by copying whole examples, one op for each.

    Args:
        values: `(rows, ...)`.
        starts: `(batch,)` int64, the batch size known: where each example begins.
        lengths: `(batch,)` int64.
        longest: `()` int64, the length of the result.
        filler: `()`, what padding holds.

    Returns:
        `(batch, longest, ...)`.
    """
    tail = tf.constant(values.shape[1:].as_list(), tf.int64)
    count, rank = starts.shape[0], values.shape.rank
    padding = tf.fill(tf.concat([longest[tf.newaxis], tail], 0), filler)

    def sizes(first: tf.Tensor) -> list[tf.Tensor]:
        return tf.unstack(tf.concat([first[:, tf.newaxis], tf.tile(tail[tf.newaxis], [count, 1])], 1))

    begins = tf.unstack(tf.pad(starts[:, tf.newaxis], [[0, 0], [0, rank - 1]]))
    pieces = []
    for begin, size, missing in zip(begins, sizes(lengths), sizes(longest - lengths), strict=True):
        pieces += [tf.slice(values, begin, size), tf.slice(padding, tf.zeros([rank], tf.int64), missing)]
    return tf.reshape(tf.concat(pieces, 0), tf.concat([[count], longest[tf.newaxis], tail], 0))
