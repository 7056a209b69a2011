"""Examples of different lengths, kept so that a padded batch of them is one copy."""

import numpy as np
import tensorflow as tf

from ogbrain.data.columns import Column

# Reading bytes as numbers knows few types; whole numbers of the same size hold any other bit for bit.
_CARRIERS = {1: tf.int8, 2: tf.int16, 4: tf.int32, 8: tf.int64}


class PackedRows:
    """The numbers of a ragged column, those of each example in one string of bytes.

    Gathering, cutting and padding with zeros are then two ops that copy whole examples, at the speed of memory; ops of
    ragged tensors go element by element.
    """

    def __init__(self, column: Column):
        """Copies the column into a host tensor.

        Args:
            column: A ragged column of numbers, `(examples, None, *tail)`.
        """
        values, splits = np.ascontiguousarray(column.values), column.row_splits
        assert splits is not None
        self.dtype = tf.as_dtype(values.dtype)
        self.tail = values.shape[1:]
        self.lengths = tf.constant(column.lengths())
        self._row_bytes = int(np.prod(self.tail, dtype=np.int64)) * self.dtype.size
        pieces = [values[begin:end].tobytes() for begin, end in zip(splits[:-1], splits[1:], strict=True)]
        self._bytes = tf.constant(pieces, tf.string, shape=[len(pieces)])

    @staticmethod
    def takes(column: Column) -> bool:
        """Returns whether a column is one of numbers of differing lengths."""
        return column.is_ragged and column.values.dtype != object and column.values.dtype.itemsize in _CARRIERS

    def gather(self, indices: tf.Tensor, longest: tf.Tensor) -> tf.Tensor:
        """Takes some examples, cut or padded with zeros to one length.

        Args:
            indices: `(batch,)` int64.
            longest: `()` int64, the length of the result.

        Returns:
            `(batch, longest, *tail)`.
        """
        # The op takes no width of 0: then a row is made, and cut away again.
        rows = tf.maximum(longest, 1)
        carrier = _CARRIERS[self.dtype.size]
        width = tf.cast(rows * self._row_bytes, tf.int32)
        numbers = tf.io.decode_raw(tf.gather(self._bytes, indices), carrier, fixed_length=width)
        shape = tf.concat([tf.shape(indices, tf.int64), rows[tf.newaxis], tf.constant(self.tail, tf.int64)], 0)
        numbers = tf.reshape(numbers, shape)[:, :longest]
        return tf.cast(numbers, tf.bool) if self.dtype == tf.bool else tf.bitcast(numbers, self.dtype)
