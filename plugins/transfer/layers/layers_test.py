"""Tests of the layers of the transfer plugin."""

import itertools
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.data import resources
from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.transfer.layers.glove import Glove
from plugins.transfer.layers.transfer_head import KINDS, NORMALIZATIONS, POOLINGS, TransferHead
from plugins.transfer.layers.word_vectors import WordVectors

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.random((3, 2, 4, 5)).astype(np.float32)


class TransferHeadTest(LayerTestCase):
    def test_conformance(self):
        for pooling, normalization, kind in (
            ("average", "none", "linear"), ("generalized_mean", "layer", "mlp"), ("attention", "unit", "cosine"),
        ):  # fmt: skip
            arguments = {"classes": 4, "pooling": pooling, "normalization": normalization, "kind": kind, "units": 6}
            with self.subTest(str(arguments)):
                self.check_layer(TransferHead, arguments, MAPS, output_shape=(3, 4))
        self.check_layer(TransferHead, {"classes": 2}, MAPS[:, 0, 0], output_shape=(3, 2))

    def test_every_choice_answers_every_rank(self):
        for pooling, normalization, kind in itertools.product(POOLINGS, NORMALIZATIONS, KINDS):
            for inputs in (MAPS, MAPS[:, 0, 0]):
                head = TransferHead(3, pooling, normalization, kind=kind)
                self.assertEqual(head(inputs).shape, (3, 3))

    def test_pooling_beside_numpy(self):
        head = TransferHead(2, "generalized_mean")
        head(MAPS)
        np.testing.assert_allclose(head.pool(MAPS), np.mean(MAPS**3.0, (1, 2)) ** (1 / 3), rtol=1e-4)
        head = TransferHead(2, "attention")
        head(MAPS)
        places = MAPS.reshape(3, 8, 5)
        scores = places @ head.query.numpy() / 5**0.5
        weights = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        np.testing.assert_allclose(head.pool(MAPS), (places * weights).sum(1), rtol=1e-4)

    def test_reduced_features_give_the_same(self):
        for pooling in POOLINGS:
            head = TransferHead(2, pooling)
            np.testing.assert_allclose(head(head.reduce(MAPS)), head(MAPS), rtol=1e-5)

    def test_cosine_scores_are_bounded_by_the_scale(self):
        head = TransferHead(4, kind="cosine")
        logits = head(MAPS * 1e4).numpy()
        self.assertLessEqual(np.abs(logits).max(), 16.0 + 1e-3)
        np.testing.assert_allclose(logits, head(MAPS), rtol=1e-3)

    def test_dropout_in_training_only(self):
        head = TransferHead(4, dropout=0.5)
        np.testing.assert_array_equal(head(MAPS), head(MAPS))
        self.assertGreater(np.abs(head(MAPS, training=True) - head(MAPS)).max(), 0)

    def test_unknown_choices(self):
        with self.assertRaisesRegex(ValueError, "pooling: 'max' is not allowed; one of average"):
            TransferHead(2, "max")


class WordVectorsTest(LayerTestCase):
    def test_conformance(self):
        numbers = np.array([[[1, 2], [3, 0]], [[4, 0], [0, 0]]], np.int32)
        self.check_layer(WordVectors, {"size": 5, "depth": 3}, numbers, output_shape=(2, 2, 3))
        self.check_layer(WordVectors, {"size": 5, "depth": 3}, numbers[..., 0], output_shape=(2, 2, 3))

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=5))
    def test_mean_of_pieces_beside_numpy(self, numbers):
        layer, table = WordVectors(7, 2), RANDOM.normal(size=(7, 2)).astype(np.float32)
        layer.assign(table)
        given_numbers = np.array([numbers], np.int32)
        expected = [table[[piece for piece in word if piece]].mean(0) if any(word) else np.zeros(2) for word in numbers]
        np.testing.assert_allclose(layer(given_numbers)[0], expected, atol=1e-6)

    def test_frozen_vectors_are_not_trained(self):
        layer = WordVectors(5, 3, trainable=False)
        layer.assign(np.ones((5, 3), np.float32))
        self.assertEmpty(layer.trainable_variables)
        self.assertLen(layer.variables, 1)

    def test_padding_gets_no_gradient(self):
        layer = WordVectors(3, 2)
        numbers = tf.constant([[[1, 0], [0, 0]]])
        with tf.GradientTape() as tape:
            layer(numbers)
            total = keras.ops.sum(layer(numbers))
        gradient = tf.convert_to_tensor(tape.gradient(total, layer.vectors.value)).numpy()
        np.testing.assert_array_equal(gradient[[0, 2]], 0)
        np.testing.assert_array_equal(gradient[1], 1)


class GloveTest(LayerTestCase):
    WORDS = ("the", "film", "good", "bad")
    VECTORS = RANDOM.normal(size=(4, 50)).astype(np.float32)
    TEXTS = tf.constant(["The good film", "xyzzy", "", "a" * 1_000_000])

    def make(self, **arguments):
        with mock.patch.object(resources, "load", return_value=(list(self.WORDS), self.VECTORS)):
            layer = Glove(**{"buckets": 20, **arguments})
            layer(self.TEXTS)
        return layer

    def test_vectors_of_words_in_place(self):
        layer = self.make()
        made = layer(self.TEXTS).numpy()
        self.assertEqual(made.shape, (4, 3, 50))
        np.testing.assert_array_equal(made[0], self.VECTORS[[0, 2, 1]])
        np.testing.assert_array_equal(made[1, 1:], 0)
        self.assertGreater(np.abs(made[1, 0]).max(), 0)
        self.assertEqual(layer.compute_output_shape((4,)), (4, None, 50))

    def test_frozen_or_learned(self):
        for trainable in (False, True):
            self.assertLen(self.make(trainable=trainable).trainable_variables, int(trainable))

    def test_one_vector_for_all_unknown_words(self):
        layer = self.make(unknown="learned", vocabulary=2, trainable=True)
        made = layer(tf.constant(["the xyzzy plugh"]))
        np.testing.assert_array_equal(made[0, 1], made[0, 2])
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(layer(tf.constant(["xyzzy"])))
        gradient = tf.convert_to_tensor(tape.gradient(total, layer.trainable_variables[0].value)).numpy()
        np.testing.assert_array_equal(np.flatnonzero(gradient.any(1)), [3])

    def test_a_saved_model_needs_no_package(self):
        texts = keras.Input((), dtype="string")
        features = keras.layers.LSTM(3)(keras.layers.Masking()(self.make()(texts)))
        model = keras.Model(texts, keras.layers.Dense(2)(features))
        file = Path(self.create_tempdir()) / "model.keras"
        model.save(file)
        with mock.patch.object(resources, "load", side_effect=AssertionError("the package was read")):
            again = keras.models.load_model(file, {"Glove": Glove})
        np.testing.assert_allclose(again(self.TEXTS), model(self.TEXTS), rtol=1e-5)

    def test_unknown_choice(self):
        with self.assertRaisesRegex(ValueError, "unknown: 'zero' is not allowed; one of subwords, learned"):
            Glove(unknown="zero", words=["a"])


if __name__ == "__main__":
    absltest.main()
