"""Examples held in memory."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ogbrain.data.columns import Column
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
        self._values: dict[str, tf.Tensor | tf.RaggedTensor] = {}
        with tf.device("CPU:0"):
            for name, column in columns.items():
                values = tf.constant(column.values)
                if column.row_splits is not None:
                    values = tf.RaggedTensor.from_row_splits(values, column.row_splits, validate=False)
                self._values[name] = values

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
            if isinstance(values, tf.RaggedTensor):
                batch[name], batch[f"{name}_length"] = padding.gather(name, values, indices)
            else:
                batch[name] = tf.gather(values, indices)
        return batch
