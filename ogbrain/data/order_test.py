"""Properties of the orders: permutations, resume, shards, and buckets that cover everything once."""

import collections

import hypothesis
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import strategies as st

from ogbrain.data.buckets import BucketedOrder, Buckets
from ogbrain.data.order import SequentialOrder, UniformOrder
from ogbrain.errors import UserError

few = hypothesis.settings(max_examples=25, deadline=None, derandomize=True)
fewest = hypothesis.settings(few, max_examples=6)
shard_numbers = st.integers(1, 4)


def rows(order, steps, start=0):
    return [order.indices(tf.constant(step, tf.int64)).numpy().tolist() for step in range(start, start + steps)]


def joined(shards, step):
    """Puts the rows of the shards of one step together again, in the order of the whole batch."""
    number = len(shards)
    whole = [0] * sum(len(shard[step]) for shard in shards)
    for index, shard in enumerate(shards):
        whole[index::number] = shard[step]
    return whole


class UniformOrderTest(absltest.TestCase):
    @few
    @hypothesis.given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 2**31 - 1))
    def test_each_epoch_is_a_permutation(self, count, batch_size, seed):
        batch_size = min(batch_size, count)
        order = UniformOrder(count, batch_size, seed=seed, shuffle=True, shard=(0, 1))
        numbers: list[int] = sum(rows(order, order.steps(3)), [])
        for epoch in range(len(numbers) // count):
            self.assertEqual(sorted(numbers[epoch * count : (epoch + 1) * count]), list(range(count)))

    def test_large_sets_too(self):
        order = UniformOrder(1500, 130, seed=5, shuffle=True, shard=(0, 1))
        numbers: list[int] = sum(rows(order, order.steps(2)), [])
        self.assertEqual(sorted(numbers[:1500]), list(range(1500)))
        self.assertNotEqual(numbers[: len(numbers) - 1500], numbers[1500:])

    @fewest
    @hypothesis.given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 200), st.booleans())
    def test_steps_planned_together_are_those_planned_alone(self, count, batch_size, start, shuffle):
        order = UniformOrder(count, min(batch_size, count), seed=7, shuffle=shuffle, shard=(0, 1))
        planned = [(int(step), order.rows(plan).numpy().tolist()) for step, plan in order.plans(start, start + 20)]
        self.assertEqual(planned, list(enumerate(rows(order, 20, start), start)))

    @few
    @hypothesis.given(st.integers(12, 40), st.integers(1, 3), shard_numbers)
    def test_shards_are_the_rows_of_the_whole_batch(self, count, per_shard, number):
        size = per_shard * number
        whole = rows(UniformOrder(count, size, seed=3, shuffle=True, shard=(0, 1)), 6)
        shards = [rows(UniformOrder(count, size, seed=3, shuffle=True, shard=(i, number)), 6) for i in range(number)]
        for step in range(6):
            self.assertEqual(joined(shards, step), whole[step])

    def test_seeds_and_epochs_permute_differently(self):
        epochs: set[tuple[int, ...]] = set()
        for seed in range(20):
            order = UniformOrder(50, 50, seed=seed, shuffle=True, shard=(0, 1))
            epochs.update(tuple(epoch) for epoch in rows(order, 20))
        self.assertLen(epochs, 400)

    def test_every_example_comes_first_about_equally_often(self):
        order = UniformOrder(10, 10, seed=0, shuffle=True, shard=(0, 1))
        firsts = collections.Counter(epoch[0] for epoch in rows(order, 1000))
        # Binomial(1000, 0.1): five standard deviations are 47.
        self.assertBetween(min(firsts[number] for number in range(10)), 53, 100)
        self.assertBetween(max(firsts.values()), 100, 147)

    def test_neighbours_are_unrelated(self):
        count = 20000
        order = UniformOrder(count, count, seed=1, shuffle=True, shard=(0, 1))
        numbers = np.array(rows(order, 10))
        steps = (np.diff(numbers, axis=1) % count) // (count // 20)
        found = np.bincount(steps.ravel(), minlength=20)
        expected = steps.size / 20
        # Chi-squared of 19 degrees of freedom: above 50 once in ten thousand.
        self.assertLess(np.sum((found - expected) ** 2 / expected), 50)


class SequentialOrderTest(absltest.TestCase):
    @few
    @hypothesis.given(st.integers(1, 40), st.integers(1, 3), shard_numbers)
    def test_one_pass_loses_nothing(self, count, per_shard, number):
        size = per_shard * number
        orders = [SequentialOrder(count, size, shard=(index, number)) for index in range(number)]
        shards = [rows(order, orders[0].steps_per_epoch) for order in orders]
        whole: list[int] = sum((joined(shards, step) for step in range(orders[0].steps_per_epoch)), [])
        self.assertEqual(whole, list(range(count)))


class BucketedOrderTest(absltest.TestCase):
    @few
    @hypothesis.given(
        st.lists(st.integers(0, 30), min_size=4, max_size=60),
        st.integers(1, 5),
        shard_numbers,
        st.sampled_from([Buckets(("a",), count=3), Buckets(("a",), boundaries=(5, 9, 20)), Buckets(("a",), count=1)]),
        st.booleans(),
    )
    def test_covers_everything_once_and_leaves_no_shard_without_rows(
        self, lengths, per_shard, number, buckets, shuffle
    ):
        size = per_shard * number
        arguments = {"multiple": 1, "seed": 9, "shuffle": shuffle}
        orders = [
            BucketedOrder(np.array(lengths), buckets, size, shard=(index, number), **arguments)
            for index in range(number)
        ]
        steps = orders[0].steps_per_epoch
        for epoch in range(2):
            shards = [rows(order, steps, epoch * steps) for order in orders]
            self.assertTrue(all(batch for shard in shards for batch in shard))
            whole = [joined(shards, step) for step in range(steps)]
            self.assertCountEqual(sum(whole, []), range(len(lengths)))
            # Only the very last batch of the plan may take up rows that do not divide by the number of shards.
            self.assertLessEqual(sum(len(batch) > size for batch in whole), 1)
            self.assertLess(max(map(len, whole)), size + number)

    @fewest
    @hypothesis.given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 200), st.booleans())
    def test_steps_planned_together_are_those_planned_alone(self, lengths, start, shuffle):
        order = BucketedOrder(
            np.array(lengths), Buckets(("a",), count=3), 4, multiple=1, seed=7, shuffle=shuffle, shard=(0, 1)
        )
        planned = [(int(step), order.rows(plan).numpy().tolist()) for step, plan in order.plans(start, start + 20)]
        self.assertEqual(planned, list(enumerate(rows(order, 20, start), start)))

    def test_large_and_small_buckets(self):
        lengths = np.array([1] * 1100 + [2] * 30)
        order = BucketedOrder(
            lengths, Buckets(("a",), boundaries=(1,)), 100, multiple=1, seed=2, shuffle=True, shard=(0, 1)
        )
        self.assertEqual(sorted(sum(rows(order, order.steps_per_epoch), [])), list(range(1130)))

    @few
    @hypothesis.given(
        st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(32, 200), st.sampled_from([1, 4, 8])
    )
    def test_max_tokens_holds(self, lengths, max_tokens, multiple):
        buckets = Buckets(("a",), count=4, max_tokens=max_tokens)
        order = BucketedOrder(np.array(lengths), buckets, 16, multiple=multiple, seed=1, shuffle=True, shard=(0, 1))
        for batch in rows(order, order.steps_per_epoch):
            longest = -(-max(lengths[number] for number in batch) // multiple) * multiple
            self.assertLessEqual(longest * len(batch), max_tokens)
            self.assertLessEqual(len(batch), 16)

    def test_epochs_and_seeds_differ(self):
        lengths = np.arange(40)
        plans = set()
        for seed in range(5):
            order = BucketedOrder(lengths, Buckets(("a",)), 4, multiple=1, seed=seed, shuffle=True, shard=(0, 1))
            for epoch in range(5):
                plans.add(str(rows(order, order.steps_per_epoch, epoch * order.steps_per_epoch)))
        self.assertLen(plans, 25)

    def test_more_shards_than_examples(self):
        with self.assertRaisesRegex(UserError, "4 shards are more than the 3 examples"):
            BucketedOrder(np.ones(3), Buckets(("a",)), 4, multiple=1, seed=0, shuffle=True, shard=(0, 4))

    def test_bad_declarations(self):
        for arguments in ({"boundaries": (5, 3)}, {"boundaries": (3, 3)}, {"count": 0}, {"max_tokens": -1}):
            with self.assertRaisesRegex(UserError, "buckets"):
                Buckets(("a",), **arguments)
        with self.assertRaisesRegex(UserError, "at least one feature"):
            Buckets(())


if __name__ == "__main__":
    absltest.main()
