"""Which examples a batch holds, as a pure function of (seed, step)."""

import tensorflow as tf

# Tells the streams of random numbers that come from one seed apart.
_EXAMPLES = 0


def shuffled(
    positions: tf.Tensor, epochs: tf.Tensor, seed: int, stream: tf.Tensor | int, count: tf.Tensor | int
) -> tf.Tensor:
    """Sends positions to where a permutation of `range(count)` takes them.

    Args:
        positions: `(batch,)` int64 in `[0, count)`.
        epochs: `(batch,)` int64: each epoch has a permutation of its own.
        seed: The run's seed.
        stream: Tells permutations of one seed and epoch apart.
        count: How many positions there are.

    Returns:
        `(batch,)` int64.
    """
    zeros = tf.zeros_like(epochs)
    seeds = tf.stack([zeros + seed, epochs, zeros + tf.cast(stream, tf.int64)], axis=-1)
    last = tf.cast(count, tf.int64) - 1
    # The public index_shuffle pads a matrix of seeds along the wrong axis, so the op itself is called.
    return tf.raw_ops.RandomIndexShuffle(
        index=positions, seed=tf.cast(seeds, tf.int32), max_index=last, rounds=4
    )


class UniformOrder:
    """Batches of one size out of an endless row of permutations.

    Epoch `e` is the positions `e * count` to `(e + 1) * count` of the row and holds every example exactly once. A batch
    may begin in one epoch and end in the next, so no example is ever left out.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, shuffle: bool, shard: tuple[int, int]):
        """Makes the order.

        Args:
            count: Examples in the split.
            batch_size: Examples in a batch over all shards; a multiple of the number of shards.
            seed: The run's seed.
            shuffle: False keeps the order of the split in every epoch.
            shard: `(index, number)`: this worker takes the rows `index::number` of every batch.
        """
        self.count, self.batch_size, self.shard = count, batch_size, shard
        self._seed, self._shuffle = seed, shuffle
        self.steps_per_epoch = count // batch_size

    def indices(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this worker's part of a batch.

        Args:
            step: `()` int64.

        Returns:
            `(batch_size / shards,)` int64 in `[0, count)`.
        """
        first, number = self.shard
        positions = step * self.batch_size + tf.range(first, self.batch_size, number, dtype=tf.int64)
        epochs, positions = positions // self.count, positions % self.count
        if not self._shuffle:
            return positions
        return shuffled(positions, epochs, self._seed, _EXAMPLES, self.count)


class SequentialOrder:
    """One pass over the split in its own order; the last batch may be smaller."""

    def __init__(self, count: int, batch_size: int, *, shard: tuple[int, int]):
        """Makes the order.

        Args:
            count: Examples in the split.
            batch_size: Examples in a batch over all shards; a multiple of the number of shards.
            shard: `(index, number)`: this worker takes the rows `index::number` of every batch.
        """
        self.count, self.batch_size, self.shard = count, batch_size, shard
        self.steps_per_epoch = -(-count // batch_size)

    def indices(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this worker's part of a batch.

        Args:
            step: `()` int64.

        Returns:
            `(rows,)` int64; no rows where the last batch has fewer than there are shards.
        """
        first, number = self.shard
        begin = step * self.batch_size
        return tf.range(begin + first, tf.minimum(begin + self.batch_size, self.count), number)
