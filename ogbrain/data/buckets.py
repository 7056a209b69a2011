"""Batches of examples of about one length, as a pure function of (seed, step)."""

import dataclasses

import numpy as np
import tensorflow as tf

from ogbrain.data.order import Order, key, shuffled
from ogbrain.errors import UserError

# Tells the streams of random numbers that come from one seed apart; 0 is UniformOrder's.
_BATCHES = 1
_FIRST_BUCKET = 2


@dataclasses.dataclass(frozen=True)
class Buckets:
    """Declares that training batches hold examples of about one length.

    Example:
        >>> Buckets(features=("source", "target"), max_tokens=4096)
    """

    features: tuple[str, ...]
    """The features whose length counts; of several, the longest in an example."""

    boundaries: tuple[int, ...] = ()
    """The greatest length of each bucket, rising; longer ones share one more. Empty: `count` buckets of one size."""

    count: int = 8
    """How many buckets to make where no boundaries are given."""

    max_tokens: int = 0
    """The most padded positions in a batch over all shards, beside the batch size; 0: no such limit."""

    def __post_init__(self) -> None:
        """Checks the values."""
        if not self.features:
            raise UserError("buckets: name at least one feature whose length counts")
        if list(self.boundaries) != sorted(set(self.boundaries)) or min(self.boundaries, default=1) < 0:
            raise UserError(f"buckets: boundaries {self.boundaries} are not allowed; lengths that rise")
        if self.count < 1:
            raise UserError(f"buckets: count {self.count} is not allowed; a whole number from 1 on")
        if self.max_tokens < 0:
            raise UserError(f"buckets: max_tokens {self.max_tokens} is not allowed; a whole number from 0 on")


class BucketedOrder(Order):
    """Every example once an epoch, in batches of about one length.

    Examples are sorted by length and cut into buckets, which are the same in every epoch; so an epoch always has the
    same number of batches. Each epoch permutes the examples of each bucket and the order of all the batches. The last
    batch of a bucket may be smaller. With several shards, what does not divide by their number moves up to the next
    bucket and at the very end into the last batch, so that no shard goes without a row.
    """

    def __init__(
        self,
        lengths: np.ndarray,
        buckets: Buckets,
        batch_size: int,
        *,
        multiple: int,
        seed: int,
        shuffle: bool,
        shard: tuple[int, int],
    ):
        """Plans the batches.

        Args:
            lengths: `(examples,)`, the length of each example.
            buckets: The declaration.
            batch_size: The most examples in a batch over all shards; a multiple of the number of shards.
            multiple: Padded lengths are multiples of this.
            seed: The run's seed.
            shuffle: False keeps the batches in order of length.
            shard: `(index, number)`: this worker takes the rows `index::number` of every batch.

        Raises:
            UserError: If `max_tokens` does not hold one example of the greatest length for each shard, or there are
                fewer examples than shards.
        """
        number = shard[1]
        if len(lengths) < number:
            raise UserError(f"shard: {number} shards are more than the {len(lengths)} examples")
        self.shard, self._seed, self._shuffle = shard, seed, shuffle
        members = np.argsort(lengths, kind="stable")
        ordered = np.asarray(lengths)[members]
        edges = _edges(ordered, buckets, number)
        batches = []
        for bucket, (begin, end) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            size = batch_size
            if buckets.max_tokens:
                longest = max(1, -(-int(ordered[end - 1]) // multiple) * multiple)
                size = min(size, buckets.max_tokens // longest // number * number)
                if size == 0:
                    raise UserError(
                        f"buckets: max_tokens {buckets.max_tokens} is less than {number} padded example(s) of length "
                        f"{longest}; raise it, or cut or drop long examples with max_lengths"
                    )
            starts = list(range(0, end - begin, size))
            if end - begin - starts[-1] < number and len(starts) > 1:
                starts.pop()
            stops = [*starts[1:], end - begin]
            batches += [(bucket, start, stop - start) for start, stop in zip(starts, stops, strict=True)]
        self.steps_per_epoch, self._sizes = len(batches), [int(size) for size in np.diff(edges)]
        with tf.device("CPU:0"):
            self._members = tf.constant(members, tf.int64)
            self._edges = tf.constant(edges, tf.int64)
            self._batches = tf.constant(batches, tf.int64)

    def steps(self, epochs: int) -> int:
        """Returns the number of batches in so many epochs."""
        return self.steps_per_epoch * epochs

    def plan(self, steps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the batches, `(steps, 3)` int64: bucket, first place, size; and their keys, `(steps, 3)` int32."""
        epochs, numbers = steps // self.steps_per_epoch, steps % self.steps_per_epoch
        if not self._shuffle:
            return tf.gather(self._batches, numbers), tf.zeros([tf.size(steps), 3], tf.int32)
        # Steps planned at once are no more than an epoch has, so they are of one epoch, or of it and the next.
        ahead = epochs - epochs[0]
        streams = (_BATCHES, *range(_FIRST_BUCKET, _FIRST_BUCKET + len(self._sizes)))
        drawn = tf.map_fn(
            lambda stream: tf.stack([key(self._seed, stream, epochs[0] + later) for later in (0, 1)]),
            tf.constant(streams),
            fn_output_signature=tf.TensorSpec([2, 3], tf.int32),
        )
        batches = tf.gather(self._batches, shuffled(numbers, ahead, drawn[0], self.steps_per_epoch))
        return batches, tf.gather_nd(drawn, tf.stack([1 + batches[:, 0], ahead], 1))

    def rows(self, plan: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns the examples of a batch."""
        bucket, start, size = tf.unstack(plan[0])
        positions = tf.range(start + self.shard[0], start + size, self.shard[1])
        begin, end = self._edges[bucket], self._edges[bucket + 1]
        if self._shuffle:
            which, keys = tf.zeros_like(positions), plan[1][tf.newaxis]
            positions = shuffled(positions, which, keys, end - begin, (min(self._sizes), max(self._sizes)))
        return tf.gather(self._members, begin + positions)


def _edges(ordered: np.ndarray, buckets: Buckets, number: int) -> list[int]:
    """Returns where the buckets begin and end among the examples ordered by length, multiples of the shards' number."""
    count = len(ordered)
    if buckets.boundaries:
        cuts = np.searchsorted(ordered, buckets.boundaries, side="right")
    else:
        cuts = np.arange(1, buckets.count) * count // buckets.count
    inner = sorted({int(cut) // number * number for cut in cuts} - {0})
    # A last bucket of fewer examples than shards joins the one before.
    return [0, *(cut for cut in inner if count - cut >= number), count]
