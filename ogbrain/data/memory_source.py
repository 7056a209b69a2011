"""Examples held in memory."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ogbrain.data.columns import Column
from ogbrain.data.packed_rows import PackedRows
from ogbrain.data.padding import Padding
from ogbrain.errors import unknown_name


class MemorySource:
    """The examples of prepared splits held in memory, ready to be gathered inside a graph."""

    def __init__(self, columns: Mapping[str, Column]):
        """Copies the columns into host tensors.

        Args:
            columns: The columns by feature name; all of the same number of examples.
        """
        self._lengths = {name: column.lengths() for name, column in columns.items() if column.is_ragged}
        with tf.device("CPU:0"):
            self._values = {name: _held(column) for name, column in columns.items()}

    def lengths(self, name: str) -> np.ndarray:
        """Returns the length of a feature in each example, `(examples,)` int64.

        Raises:
            UserError: If there is no feature of this name whose lengths differ.
        """
        if name not in self._lengths:
            raise unknown_name("feature of differing lengths", name, self._lengths)
        return self._lengths[name]

    def gather(self, indices: tf.Tensor, padding: Padding) -> dict[str, tf.Tensor]:
        """Takes some examples.

        Args:
            indices: `(batch,)` int64.
            padding: How features of differing lengths are cut and padded.

        Returns:
            One tensor a feature, `(batch, ...)`; a ragged feature is padded, `(batch, time, ...)`, and its lengths
            are under its name with `_length` added, `(batch,)` int32.
        """
        batch: dict[str, tf.Tensor] = {}
        for name, values in self._values.items():
            if isinstance(values, (PackedRows, tf.RaggedTensor)):
                batch[name], batch[f"{name}_length"] = padding.gather(name, values, indices)
            else:
                batch[name] = tf.gather(values, indices)
        return batch


def _held(column: Column) -> tf.Tensor | tf.RaggedTensor | PackedRows:
    """Returns a column in the form that is gathered fastest."""
    if PackedRows.takes(column):
        return PackedRows(column)
    values = tf.constant(column.values)
    if column.row_splits is None:
        return values
    return tf.RaggedTensor.from_row_splits(values, column.row_splits, validate=False)
