"""Which examples a batch holds, as a pure function of (seed, step)."""

import tensorflow as tf

# Tells the streams of random numbers that come from one seed apart.
_EXAMPLES = 0


# Four rounds, the op's default, leave neighbours of a large set visibly related; eight do not.
_ROUNDS = 8


def key(seed: int, stream: tf.Tensor | int, epoch: tf.Tensor) -> tf.Tensor:
    """Returns the key of a permutation.

    The shuffling op's own use of its key is weak: with keys that count up, the examples at the head of successive
    epochs are far from evenly spread. So the key is drawn by a generator of good quality.

    Args:
        seed: The run's seed.
        stream: Tells permutations of one seed and epoch apart.
        epoch: `()` int64.

    Returns:
        `(3,)` int32.
    """
    words = tf.stack([tf.constant(seed, tf.int32), tf.cast(stream, tf.int32)])
    folded = tf.random.experimental.stateless_fold_in(words, epoch)
    return tf.random.stateless_uniform([3], folded, minval=None, maxval=None, dtype=tf.int32, alg="philox")


def shuffled(positions: tf.Tensor, keys: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Sends positions to where a permutation of `range(count)` takes them.

    Args:
        positions: `(batch,)` int64 in `[0, count)`.
        keys: `(3,)` int32, or `(batch, 3)` for a permutation of its own for each position.
        count: How many positions there are.

    Returns:
        `(batch,)` int64.
    """
    last = tf.cast(count, tf.int64) - 1
    # The public index_shuffle pads a matrix of keys along the wrong axis, so the op itself is called.
    return tf.raw_ops.RandomIndexShuffle(index=positions, seed=keys, max_index=last, rounds=_ROUNDS)


class UniformOrder:
    """Batches of one size out of an endless row of permutations.

    Epoch `e` is the positions `e * count` to `(e + 1) * count` of the row and holds every example exactly once. A batch
    may begin in one epoch and end in the next, so no example is ever left out.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, shuffle: bool, shard: tuple[int, int]):
        """Makes the order.

        Args:
            count: Examples in the split.
            batch_size: Examples in a batch over all shards; a multiple of the number of shards, at most `count`.
            seed: The run's seed.
            shuffle: False keeps the order of the split in every epoch.
            shard: `(index, number)`: this worker takes the rows `index::number` of every batch.
        """
        self.count, self.batch_size, self.shard = count, batch_size, shard
        self._seed, self._shuffle = seed, shuffle
        self.steps_per_epoch = count // batch_size

    def steps(self, epochs: int) -> int:
        """Returns the number of whole batches in so many epochs."""
        return self.count * epochs // self.batch_size

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
        # A batch is no larger than the split, so its rows are of one epoch, or of it and the next.
        this, following = (key(self._seed, _EXAMPLES, epochs[0] + ahead) for ahead in (0, 1))
        keys = tf.where((epochs == epochs[0])[:, tf.newaxis], this, following)
        return shuffled(positions, keys, self.count)


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

    def steps(self, epochs: int) -> int:
        """Returns the number of batches in so many passes."""
        return self.steps_per_epoch * epochs

    def indices(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this worker's part of a batch.

        Args:
            step: `()` int64.

        Returns:
            `(rows,)` int64; no rows where the last batch has fewer than there are shards.
        """
        first, number = self.shard
        begin = step * self.batch_size
        end = tf.minimum(begin + self.batch_size, self.count)
        return tf.range(tf.minimum(begin + first, end), end, number)
