"""Training batches of a few shapes."""

import dataclasses

import tensorflow as tf

Batch = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class FixedShapes:
    """Pads features to one of a few lengths, and all of a batch to as many rows, for steps compiled once a shape.

    One of a pipeline's `preprocess`. Padding is 0, or the empty string.

    Example:
        >>> FixedShapes(("source", "target"), lengths=(16, 32, 64), rows=64)
    """

    features: tuple[str, ...]
    """Features of shape `(batch, time, ...)`, which are padded to one length."""

    lengths: tuple[int, ...]
    """The lengths, rising; nothing may be longer than the last."""

    rows: int
    """Rows of every batch; with `most`, of those of short examples."""

    most: int = 0
    """The most padded positions in a batch, as `Buckets.max_tokens`: long examples come in fewer rows; 0: no limit."""

    def __call__(self, batch: Batch, seed: tf.Tensor) -> Batch:
        """Returns the padded batch."""
        del seed
        longest = tf.reduce_max([tf.shape(batch[name])[1] for name in self.features])
        choices = tf.constant(self.lengths)
        length = choices[tf.reduce_sum(tf.cast(choices[:-1] < longest, tf.int32))]
        rows = tf.minimum(self.rows, self.most // length) if self.most else self.rows
        return {name: self._padded(name, tensor, length, rows) for name, tensor in batch.items()}

    def _padded(self, name, tensor, length, rows):
        shape = tf.shape(tensor)
        more = [[0, tf.maximum(rows - shape[0], 0)]] + [[0, 0]] * (tensor.shape.rank - 1)
        if name in self.features:
            more[1] = [0, length - shape[1]]
        if tensor.dtype != tf.string:
            return tf.pad(tensor, more)
        # There is no tf.pad of strings.
        return tf.concat([tensor, tf.fill(tf.concat([more[0][1:], shape[1:]], 0), "")], 0)
