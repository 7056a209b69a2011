"""How examples of different lengths become one tensor."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.data.packed_rows import PackedRows


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

    def gather(self, name: str, rows: PackedRows | tf.RaggedTensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes examples of different lengths and pads them to one length.

        Args:
            name: The feature.
            rows: `(examples, None, ...)`.
            indices: `(batch,)` int64.

        Returns:
            `(batch, time, ...)` where time is the longest length after cutting, rounded up; and the lengths, `(batch,)`
            int32.
        """
        if isinstance(rows, PackedRows):
            all_lengths, tail = rows.lengths, rows.tail
        else:
            all_lengths, tail = rows.row_lengths(), rows.flat_values.shape[1:]
        lengths = self.cut(name, tf.gather(all_lengths, indices))
        # The 0 keeps an empty batch (a shard without a row of the last batch) from reducing to the smallest int64.
        longest = tf.reduce_max(tf.concat([lengths, tf.zeros([1], lengths.dtype)], 0))
        longest = (longest + self.multiple - 1) // self.multiple * self.multiple
        filler = np.asarray(self.value(name, rows.dtype == tf.string), rows.dtype.as_numpy_dtype)
        if isinstance(rows, PackedRows):
            padded = rows.gather(indices, longest)
        else:
            shape = tf.stack([tf.constant(-1, tf.int64), longest, *(tf.constant(size, tf.int64) for size in tail)])
            padded = tf.gather(rows, indices).to_tensor(tf.constant(filler), shape=shape)
        # Packed rows are padded with zeros; and rounding up gives back some of what was to be cut.
        if (isinstance(rows, PackedRows) and filler) or (name in self.max_lengths and self.multiple > 1):
            real = tf.sequence_mask(lengths, longest)
            real = tf.reshape(real, tf.concat([tf.shape(real), tf.ones([len(tail)], tf.int32)], 0))
            padded = tf.where(real, padded, tf.constant(filler))
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
