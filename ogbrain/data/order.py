"""Which examples a batch holds, as a pure function of (seed, step)."""

import abc
from typing import Any

import tensorflow as tf

# Tells the streams of random numbers that come from one seed apart.
_EXAMPLES = 0

# Steps that are planned at once: keys are drawn once for all of them.
_TOGETHER = 64

# Four rounds, the op's default, leave neighbours of a large set visibly related; eight do not.
_ROUNDS = 8

# Fewer examples than this are shuffled by sorting random numbers: the cipher walks through all of 65,536 places, and so
# takes the longer for an example the fewer there are.
_SORTED = 1024


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


def shuffled(
    positions: tf.Tensor,
    which: tf.Tensor,
    keys: tf.Tensor,
    count: tf.Tensor | int,
    bounds: tuple[int, int] | None = None,
) -> tf.Tensor:
    """Sends positions to where a permutation of `range(count)` takes them.

    Args:
        positions: `(batch,)` int64 in `[0, count)`.
        which: `(batch,)` int64, each position's row of `keys`.
        keys: `(permutations, 3)` int32.
        count: How many positions there are.
        bounds: The least and the most that `count` can be, if it is a tensor.

    Returns:
        `(batch,)` int64.
    """
    least, most = bounds or (count, count)

    def by_cipher() -> tf.Tensor:
        # The public index_shuffle pads a matrix of keys along the wrong axis, so the op itself is called.
        last, seeds = tf.cast(count, tf.int64) - 1, tf.gather(keys, which)
        return tf.raw_ops.RandomIndexShuffle(index=positions, seed=seeds, max_index=last, rounds=_ROUNDS)

    def by_sorting() -> tf.Tensor:
        size = tf.cast(count, tf.int32)
        drawn = [
            tf.random.stateless_uniform([size], row[:2], minval=None, maxval=None, dtype=tf.int32, alg="philox")
            for row in tf.unstack(keys)
        ]
        permutations = tf.math.top_k(tf.stack(drawn), size).indices
        return tf.cast(tf.gather_nd(permutations, tf.stack([which, positions], 1)), tf.int64)

    if most < _SORTED:
        return by_sorting()
    if least >= _SORTED:
        return by_cipher()
    return tf.cond(count < _SORTED, by_sorting, by_cipher)


class Order(abc.ABC):
    """Which examples each batch of a split holds.

    Drawing keys takes many small operations, so steps that follow one another are planned at once, and what is left to
    do for each is little.
    """

    steps_per_epoch: int
    """Batches in an epoch."""

    @property
    def together(self) -> int:
        """The most steps that can be planned at once."""
        return max(1, min(_TOGETHER, self.steps_per_epoch))

    @abc.abstractmethod
    def steps(self, epochs: int) -> int:
        """Returns the number of whole batches in so many epochs."""

    @abc.abstractmethod
    def plan(self, steps: tf.Tensor) -> Any:
        """Plans steps that follow one another.

        Args:
            steps: `(steps,)` int64, at most `together` of them.

        Returns:
            A tensor or tuple of tensors, `(steps, ...)`: what `rows` needs for each.
        """

    @abc.abstractmethod
    def rows(self, plan: Any) -> tf.Tensor:
        """Returns the examples of this worker's part of a batch.

        Args:
            plan: A step's part of what `plan` returned.

        Returns:
            `(rows,)` int64 in `[0, examples)`.
        """

    def indices(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this worker's part of the batch of one step, `()` int64: see `rows`."""
        return self.rows(tf.nest.map_structure(lambda part: part[0], self.plan(step[tf.newaxis])))

    def plans(self, start: int, stop: int) -> tf.data.Dataset:
        """Returns the plans of the steps from `start` to before `stop`.

        Returns:
            A dataset of `(step, plan)`, step `()` int64.
        """
        size = self.together

        def planned(block: tf.Tensor) -> tuple[tf.Tensor, Any]:
            steps = block * size + tf.range(size, dtype=tf.int64)
            return steps, self.plan(steps)

        blocks = tf.data.Dataset.range(start // size, -(-stop // size))
        return blocks.map(planned).unbatch().skip(start % size).take(stop - start)


class UniformOrder(Order):
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

    def plan(self, steps: tf.Tensor) -> tf.Tensor:
        """Returns the examples of this worker's part of each batch, `(steps, batch_size / shards)` int64."""
        first, number = self.shard
        positions = steps[:, tf.newaxis] * self.batch_size + tf.range(first, self.batch_size, number, dtype=tf.int64)
        epochs, positions = positions // self.count, positions % self.count
        if not self._shuffle:
            return positions
        # Steps planned at once are no more examples than the split, so they are of one epoch, or of it and the next.
        first_epoch = epochs[0, 0]
        keys = tf.stack([key(self._seed, _EXAMPLES, first_epoch + ahead) for ahead in (0, 1)])
        moved = shuffled(tf.reshape(positions, [-1]), tf.reshape(epochs - first_epoch, [-1]), keys, self.count)
        return tf.reshape(moved, [-1, self.batch_size // number])

    def rows(self, plan: tf.Tensor) -> tf.Tensor:
        """Returns the plan, which is the examples themselves."""
        return plan


class SequentialOrder(Order):
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

    def plan(self, steps: tf.Tensor) -> tf.Tensor:
        """Returns the steps."""
        return steps

    def rows(self, plan: tf.Tensor) -> tf.Tensor:
        """Returns the examples of a step; none where the last batch has fewer than there are shards."""
        first, number = self.shard
        begin = plan * self.batch_size
        end = tf.minimum(begin + self.batch_size, self.count)
        return tf.range(tf.minimum(begin + first, end), end, number)
