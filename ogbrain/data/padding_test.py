"""Tests of padding: every way of doing it gives the same batch."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.data import padding as padding_module
from ogbrain.data.padding import Padding


class PaddingTest(absltest.TestCase):
    """`gather` against NumPy, for long examples (copied whole) and short ones (ragged ops)."""

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(1)

    def check(self, padding, lengths, tail, dtype, wanted, copied):
        """Compares a gather with `Padding.stack`, and says so if it did not go the way it should."""
        shapes = [(length, *tail) for length in lengths]
        arrays = [self.random.integers(-100, 100, shape).astype(dtype) for shape in shapes]
        splits = np.cumsum([0, *lengths], dtype=np.int64)
        values = np.concatenate(arrays)
        rows = tf.RaggedTensor.from_row_splits(tf.constant(values), splits)
        self.assertEqual(padding_module._are_few_and_long(rows, tf.constant(wanted, tf.int64)), copied)

        @tf.function(input_signature=[tf.TensorSpec([len(wanted)], tf.int64)])
        def gather(indices):
            return padding.gather("x", rows, indices)

        padded, found = gather(tf.constant(wanted, tf.int64))
        expected = padding.stack("x", [arrays[index] for index in wanted], np.dtype(dtype), tail)
        self.assertEqual(padded.dtype, dtype)
        np.testing.assert_array_equal(padded, expected)
        np.testing.assert_array_equal(found, [padding.cut("x", lengths[index]) for index in wanted])

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(
        lengths=st.lists(st.integers(0, 40), min_size=1, max_size=6),
        limit=st.none() | st.integers(0, 30),
        multiple=st.integers(1, 7),
        tail=st.sampled_from([(), (3,), (2, 2)]),
        dtype=st.sampled_from([np.int16, np.float32]),
        long=st.booleans(),
        data=st.data(),
    )
    def test_as_in_numpy(self, lengths, limit, multiple, tail, dtype, long, data):
        if long:
            lengths = [*(100 * length for length in lengths), 10_000]
        wanted = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=5))
        rules = Padding({} if limit is None else {"x": 100 * limit if long else limit}, {"x": -1}, multiple)
        self.check(rules, lengths, tail, dtype, wanted, copied=self.is_long(lengths, tail, dtype))

    def is_long(self, lengths, tail, dtype):
        return np.mean(lengths) * np.prod(tail, dtype=int) * np.dtype(dtype).itemsize >= padding_module._LONG

    def test_long_examples_are_copied_whole(self):
        self.check(Padding(), [5000, 0, 12_000, 1], (), np.int16, [2, 1, 2, 0], copied=True)

    def test_only_empty_examples(self):
        self.check(Padding(), [5000, 0, 12_000], (2,), np.float32, [1, 1], copied=True)

    def test_batch_of_unknown_or_great_size_is_gathered(self):
        rows = tf.RaggedTensor.from_row_splits(tf.range(20_000), [0, 9000, 20_000])
        many = tf.zeros([padding_module._MOST_UNROLLED + 1], tf.int64)
        self.assertFalse(padding_module._are_few_and_long(rows, many))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def gather(indices):
            self.assertFalse(padding_module._are_few_and_long(rows, indices))
            return Padding().gather("x", rows, indices)

        padded, lengths = gather(tf.constant([1, 0], tf.int64))
        self.assertEqual(lengths.numpy().tolist(), [11_000, 9000])
        np.testing.assert_array_equal(padded[0], range(9000, 20_000))
        np.testing.assert_array_equal(padded[1], [*range(9000), *[0] * 2000])
        self.assertEqual(gather(tf.zeros([0], tf.int64))[0].shape, (0, 0))


if __name__ == "__main__":
    absltest.main()
