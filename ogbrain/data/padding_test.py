"""Tests of padding: every way of doing it gives the same batch."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.data.columns import Column
from ogbrain.data.fixed_shapes import FixedShapes
from ogbrain.data.packed_rows import PackedRows
from ogbrain.data.padding import Padding


class PaddingTest(absltest.TestCase):
    """`gather` against NumPy, for numbers (packed) and for text (ragged)."""

    def check(self, padding, lengths, tail, dtype, wanted):
        """Compares a gather with `Padding.stack`."""
        random = np.random.default_rng(1)
        arrays = [random.integers(-100, 100, (length, *tail)).astype(dtype) for length in lengths]
        if dtype is object:
            arrays = [np.char.encode(array.astype(str)).astype(object).reshape(array.shape) for array in arrays]
        column = Column(np.concatenate(arrays), np.cumsum([0, *lengths], dtype=np.int64))
        self.assertEqual(PackedRows.takes(column), dtype not in (object, np.complex128))
        rows = PackedRows(column) if PackedRows.takes(column) else tf.RaggedTensor.from_row_splits(*_parts(column))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64)])
        def gather(indices):
            return padding.gather("x", rows, indices)

        padded, found = gather(tf.constant(wanted, tf.int64))
        expected = padding.stack("x", [arrays[index] for index in wanted], np.dtype(dtype), tail)
        self.assertEqual(padded.dtype, tf.as_dtype(np.dtype(dtype)))
        np.testing.assert_array_equal(padded, expected)
        np.testing.assert_array_equal(found, [padding.cut("x", lengths[index]) for index in wanted])

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(
        lengths=st.lists(st.integers(0, 40), min_size=1, max_size=6),
        limit=st.none() | st.integers(0, 30),
        multiple=st.integers(1, 7),
        tail=st.sampled_from([(), (3,), (2, 2)]),
        dtype=st.sampled_from([np.int16, np.float32, np.float64, np.uint8, np.uint32, np.bool_, np.complex128, object]),
        filled=st.booleans(),
        data=st.data(),
    )
    def test_as_in_numpy(self, lengths, limit, multiple, tail, dtype, filled, data):
        wanted = data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=5))
        filler = b"<pad>" if dtype is object else 1
        rules = Padding({} if limit is None else {"x": limit}, {"x": filler} if filled else {}, multiple)
        self.check(rules, lengths, tail, dtype, wanted)

    def test_long_examples(self):
        self.check(Padding(), [5000, 0, 12_000, 1], (), np.int16, [2, 1, 2, 0])

    def test_only_empty_examples(self):
        self.check(Padding(), [5000, 0, 12_000], (2,), np.float32, [1, 1])


class FixedShapesTest(absltest.TestCase):
    def test_few_lengths_and_as_many_rows(self):
        for longest, most, shape in ((1, 0, (4, 3)), (3, 0, (4, 3)), (4, 0, (4, 6)), (6, 12, (2, 6)), (3, 12, (4, 3))):
            given = {"x": tf.ones((2, longest), tf.int16), "x_length": tf.constant([longest, 1]),
                     "name": tf.constant(["a", "b"])}
            batch = FixedShapes(("x",), (3, 6), rows=4, most=most)(given, tf.zeros(2, tf.int32))
            self.assertEqual(batch["x"].shape, shape)
            self.assertEqual(int(tf.reduce_sum(tf.cast(batch["x"], tf.int32))), 2 * longest)
            self.assertEqual(batch["x_length"].numpy().tolist(), ([longest, 1] + 4 * [0])[:shape[0]])
            self.assertEqual(batch["name"].numpy().tolist(), ([b"a", b"b"] + 4 * [b""])[:shape[0]])


def _parts(column):
    return tf.constant(column.values), column.row_splits


if __name__ == "__main__":
    absltest.main()
