"""How examples of different lengths become one tensor."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


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

    def gather(self, name: str, rows: tf.Tensor, starts: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Takes pieces of different lengths out of one tensor and pads them to one length.

        Args:
            name: The feature.
            rows: `(rows, ...)`, all the pieces one after the other.
            starts: `(batch,)` int64, the first row of each piece.
            lengths: `(batch,)` int64, the rows of each piece after cutting.

        Returns:
            `(batch, time, ...)` where time is the longest length, rounded up.
        """
        # The 0 keeps an empty batch (a shard without a row of the last batch) from reducing to the smallest int64.
        longest = tf.reduce_max(tf.concat([lengths, tf.zeros([1], lengths.dtype)], 0))
        positions = tf.range((longest + self.multiple - 1) // self.multiple * self.multiple)
        inside = positions[tf.newaxis] < lengths[:, tf.newaxis]
        where = tf.where(inside, starts[:, tf.newaxis] + positions[tf.newaxis], tf.zeros([], tf.int64))
        text = rows.dtype == tf.string
        if rows.shape[0] == 0:  # Every example is empty; there must be a row for the padding to point at.
            rows = tf.constant([b""]) if text else tf.zeros([1, *rows.shape[1:]], rows.dtype)
        mask = tf.reshape(inside, tf.concat([tf.shape(inside), tf.ones([rows.shape.rank - 1], tf.int32)], 0))
        return tf.where(mask, tf.gather(rows, where), tf.constant(self.value(name, text), rows.dtype))

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
