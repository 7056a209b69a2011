import itertools

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.working_memory.ctc.ctc_head import CTCHead
from plugins.working_memory.ctc.ctc_loss import ctc_loss
from plugins.working_memory.ctc.prefix_beam import prefix_beam


def collapsed(path):
    return tuple(key for key, _ in itertools.groupby(path) if key)


def by_alignments(log_probabilities):
    """Sums the probability of every labelling over all alignments."""
    frames, classes = log_probabilities.shape
    total: dict = {}
    for path in itertools.product(range(classes), repeat=frames):
        p = np.exp(sum(log_probabilities[t, k] for t, k in enumerate(path)))
        total[collapsed(path)] = total.get(collapsed(path), 0.0) + p
    return total


def random_rows(seed, frames, classes=3):
    logits = np.random.default_rng(seed).normal(size=(frames, classes)).astype(np.float32) * 2
    return np.asarray(tf.nn.log_softmax(logits))


class CTCTest(parameterized.TestCase):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.integers(0, 99), st.integers(0, 5), st.lists(st.integers(1, 2), max_size=6))
    def test_loss_is_the_sum_over_alignments(self, seed, frames, labels):
        rows = random_rows(seed, frames)
        expected = by_alignments(rows).get(tuple(labels), 0.0)
        logits = tf.constant(rows[None])
        # Rows beside it must not change it.
        logits = tf.concat([logits, tf.random.normal(logits.shape)], 0)
        padded = tf.constant([labels + [2], [1] * (len(labels) + 1)], tf.int32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = ctc_loss(padded, logits, [len(labels), 1], [frames, frames])
        gradient = tape.gradient(loss, logits)
        self.assertTrue(np.isfinite(loss).all() and np.isfinite(gradient).all())
        if expected and frames:
            np.testing.assert_allclose(loss[0], -np.log(expected), atol=1e-4)
        else:
            self.assertEqual(float(loss[0]), 0.0)
            self.assertEqual(float(tf.reduce_sum(tf.abs(gradient[0]))), 0.0)

    def test_gradient_is_that_of_finite_differences(self):
        rows = tf.constant(np.random.default_rng(3).normal(size=(1, 5, 4)), tf.float32)
        _, gradient = tf.test.compute_gradient(lambda x: ctc_loss(tf.constant([[1, 1, 3]]), x, [3], [5]), [rows], 1e-2)
        with tf.GradientTape() as tape:
            tape.watch(rows)
            loss = ctc_loss(tf.constant([[1, 1, 3]]), rows, [3], [5])
        np.testing.assert_allclose(tape.gradient(loss, rows).numpy().ravel(), gradient[0].ravel(), atol=1e-3)

    def test_labels_longer_than_the_input(self):
        logits = tf.zeros((4, 3, 3))
        labels = tf.constant([[1, 2, 1, 2], [1, 1, 0, 0], [1, 1, 2, 0], [0, 0, 0, 0]])
        loss = ctc_loss(labels, logits, [4, 2, 3, 0], [3, 3, 3, 0])
        # Four do not fit into three; two equal ones fit with a blank between; 1 1 2 would need four frames.
        np.testing.assert_allclose(loss, [0.0, 3 * np.log(3), 0.0, 0.0], atol=1e-4)

    def test_no_labels_and_no_frames_in_the_whole_batch(self):
        self.assertEqual(ctc_loss(tf.zeros((2, 0), tf.int32), tf.zeros((2, 4, 3)), [0, 0], [4, 4]).shape, (2,))
        np.testing.assert_array_equal(ctc_loss(tf.ones((2, 3), tf.int32), tf.zeros((2, 0, 3)), [3, 3], [0, 0]), [0, 0])

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.integers(0, 99), st.integers(0, 5))
    def test_beam_finds_the_likeliest_labels(self, seed, frames):
        rows = random_rows(seed, frames)
        expected = by_alignments(rows)
        found = prefix_beam(rows, width=1000)
        self.assertEqual(found[0][0], max(expected, key=expected.get))
        for labels, score in found:
            self.assertAlmostEqual(np.exp(score), expected[labels], places=5)

    def test_beam_sums_what_greedy_does_not(self):
        rows = np.log([[0.6, 0.4], [0.6, 0.4]])  # the blank is likeliest in each frame, but "1" has three alignments
        self.assertEqual(prefix_beam(rows)[0][0], (1,))
        labels, length = CTCHead.decode(tf.constant(rows[None], tf.float32), [2])
        self.assertEqual(int(length[0]), 0)
        np.testing.assert_array_equal(labels, [[0, 0]])

    def test_language_model_decides_between_equals(self):
        rows = np.log(np.full((1, 3), 1 / 3))
        found = prefix_beam(
            rows, language_model=lambda prefix, label: np.log([0, 0.1, 0.9][label]), weight=1.0, bonus=2.0)
        self.assertEqual(found[0][0], (2,))

    def test_greedy(self):
        best = [[1, 1, 0, 1, 2, 2], [0, 0, 2, 1, 1, 1]]
        rows = tf.math.log(tf.one_hot(best, 3) * 0.9 + 0.03)
        labels, length = CTCHead.decode(rows, tf.constant([6, 4]))
        np.testing.assert_array_equal(labels, [[1, 1, 2, 0, 0, 0], [2, 1, 0, 0, 0, 0]])
        np.testing.assert_array_equal(length, [3, 2])

    def test_bad_arguments(self):
        with self.assertRaises(ValueError):
            CTCHead(0)
        with self.assertRaises(ValueError):
            prefix_beam(np.zeros((1, 2)), width=0)


if __name__ == "__main__":
    absltest.main()
