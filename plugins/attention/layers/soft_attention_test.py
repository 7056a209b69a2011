"""Tests of additive, multiplicative and rotary attention and of the decoder against plain NumPy."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

import ogbrain
from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.attention.layers.additive_attention import AdditiveAttention
from plugins.attention.layers.attention_decoder import AttentionDecoder
from plugins.attention.layers.multiplicative_attention import MultiplicativeAttention
from plugins.attention.layers.rotary_attention import RotaryAttention

RANDOM = np.random.default_rng(0)
QUERY = RANDOM.normal(size=(3, 4, 6)).astype("float32")
MEMORY = RANDOM.normal(size=(3, 5, 6)).astype("float32")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 1]], bool)


def softmax(scores, mask):
    """Softmax over the last axis, of what can be seen."""
    scores = np.where(mask, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


class AdditiveAttentionTest(LayerTestCase, parameterized.TestCase):
    def test_conformance(self):
        inputs = {"query": QUERY, "memory": MEMORY, "memory_mask": MASK}
        self.check_layer(AdditiveAttention, {"units": 7}, inputs, output_shape=((3, 4, 6), (3, 4, 5)))

    @parameterized.parameters(False, True)
    def test_equals_reference(self, coverage):
        layer = AdditiveAttention(7, coverage=coverage)
        had = RANDOM.random((3, 5), "float32")
        context, weights = layer(QUERY, MEMORY, memory_mask=MASK, had=had if coverage else None)
        keys = MEMORY @ layer.key_product.kernel.numpy() + layer.key_product.bias.numpy()
        if coverage:
            keys = keys + had[..., None] * layer.had_weight.numpy()
        hidden = np.tanh((QUERY @ layer.query_product.kernel.numpy())[:, :, None] + keys[:, None])
        expected = softmax(hidden @ layer.compare.scale.numpy(), MASK[:, None])
        np.testing.assert_allclose(weights, expected, atol=1e-5)
        np.testing.assert_allclose(context, expected @ MEMORY, atol=1e-5)
        again, _ = layer(QUERY, MEMORY, memory_mask=MASK, keys=layer.keys(MEMORY), had=had if coverage else None)
        np.testing.assert_allclose(again, context, atol=1e-6)

    def test_nothing_to_see_is_finite(self):
        context, _ = AdditiveAttention(7)(QUERY, MEMORY, memory_mask=np.zeros((3, 5), bool))
        self.assertTrue(np.isfinite(context).all())


class MultiplicativeAttentionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters("dot", "general")
    def test_conformance(self, score):
        inputs = {"query": QUERY, "memory": MEMORY, "memory_mask": MASK}
        self.check_layer(MultiplicativeAttention, {"score": score}, inputs, output_shape=((3, 4, 6), (3, 4, 5)))

    @parameterized.parameters("dot", "general")
    def test_equals_reference(self, score):
        layer = MultiplicativeAttention(score)
        context, weights = layer(QUERY, MEMORY, memory_mask=MASK)
        keys = MEMORY @ layer.key_product.kernel.numpy() if score == "general" else MEMORY
        expected = softmax(QUERY @ keys.transpose(0, 2, 1), MASK[:, None])
        np.testing.assert_allclose(weights, expected, atol=1e-5)
        np.testing.assert_allclose(context, expected @ MEMORY, atol=1e-5)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "concat is AdditiveAttention"):
            MultiplicativeAttention("concat")
        with self.assertRaisesRegex(ValueError, "one depth"):
            MultiplicativeAttention("dot")(QUERY, MEMORY[..., :3])


class AttentionDecoderTest(LayerTestCase, parameterized.TestCase):
    def arguments(self, coverage=False, input_feeding=False):
        keras.utils.set_random_seed(1)
        # By registered name, as a saved model finds them again.
        recurrent = ogbrain.layers.get("working_memory/gru")(6, return_sequences=True, name="recurrent")
        attention = ogbrain.layers.get("attention/additive_attention")(7, coverage=coverage, name="look")
        return {"recurrent": recurrent, "attention": attention, "units": 8, "input_feeding": input_feeding}

    @parameterized.parameters(False, True)
    def test_conformance(self, input_feeding):
        class Decoder(AttentionDecoder):
            """Makes the layers it wraps itself, so that each copy has weights of its own."""

            def __init__(layer, input_feeding=False, **kwargs):
                for name in ("recurrent", "attention", "units"):
                    kwargs.pop(name, None)
                super().__init__(**self.arguments(input_feeding=input_feeding), **kwargs)

            @classmethod
            def from_config(cls, config):
                return cls(**config)

        inputs = {"inputs": QUERY[..., :3], "memory": MEMORY, "memory_mask": MASK}
        self.check_layer(Decoder, {"input_feeding": input_feeding}, inputs, output_shape=((3, 4, 8), (3, 4, 5)),
                         batch_independent=False)

    def test_config(self):
        layer = AttentionDecoder(**self.arguments(coverage=True, input_feeding=True))
        again = AttentionDecoder.from_config(layer.get_config())
        self.assertTrue(again.one_by_one)
        self.assertTrue(again.attention.coverage)

    @parameterized.product(coverage=(False, True), input_feeding=(False, True))
    def test_steps_are_the_whole(self, coverage, input_feeding):
        layer = AttentionDecoder(**self.arguments(coverage, input_feeding))
        outputs, weights = layer(QUERY, MEMORY, memory_mask=MASK)
        state, keys, had = layer.start(MEMORY), layer.attention.keys(MEMORY), np.zeros((3, 5))
        for place in range(4):
            output, state, seen = layer.step(state, QUERY[:, place], MEMORY, MASK, keys)
            np.testing.assert_allclose(output, outputs[:, place], atol=1e-5)
            np.testing.assert_allclose(seen, weights[:, place], atol=1e-5)
            had += seen.numpy()
            # tanh(W [context; state]), by hand.
            both = np.concatenate([np.einsum("bs,bsd->bd", seen, MEMORY), state[0].numpy()], -1)
            expected = np.tanh(both @ layer.combine.kernel.numpy() + layer.combine.bias.numpy())
            np.testing.assert_allclose(output, expected, atol=1e-5)
        if coverage:
            np.testing.assert_allclose(state[-1], had, atol=1e-5)
        if input_feeding:
            np.testing.assert_allclose(state[1], output)

    def test_a_given_state_keeps_the_type_of_a_step(self):
        layer = AttentionDecoder(**self.arguments(input_feeding=True), dtype="mixed_bfloat16")
        run = tf.function(lambda: layer(QUERY, MEMORY, initial_state=[tf.ones((3, 6))])[0])
        self.assertEqual(run().shape, (3, 4, 8))

    def test_compiled_training_is_the_same(self):
        layer = AttentionDecoder(**self.arguments())
        outputs, _ = layer(QUERY, MEMORY, memory_mask=MASK)
        trained = tf.function(lambda: layer(tf.constant(QUERY), tf.constant(MEMORY), memory_mask=tf.constant(MASK),
                                            training=True)[0])()
        np.testing.assert_allclose(trained, outputs, atol=1e-5)


class RotaryAttentionTest(LayerTestCase, parameterized.TestCase):
    @parameterized.parameters({}, {"causal": True, "window": 2})
    def test_conformance(self, **changes):
        self.check_layer(RotaryAttention, {"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2, **changes},
                         {"query": QUERY}, output_shape=((3, 4, 6), (3, 4, 4, 4)))

    @parameterized.product(causal=(False, True), window=(0, 2), groups=(1, 2, 4))
    def test_equals_reference(self, causal, window, groups):
        layer = RotaryAttention(4, 4, groups, causal=causal, window=window)
        output, weights = layer(QUERY)
        products = {}
        for name in ("query", "key", "value"):
            dense = getattr(layer, f"_{name}_dense")
            products[name] = np.einsum("btm,mhd->bhtd", QUERY, dense.kernel.numpy()) + dense.bias.numpy()[:, None]
        # Turns as complex numbers.
        angles = np.arange(4)[:, None] * 10_000.0 ** (-np.arange(2) / 2)
        for name in ("query", "key"):
            x = (products[name][..., :2] + 1j * products[name][..., 2:]) * np.exp(1j * angles)
            products[name] = np.concatenate([x.real, x.imag], -1)
        keys, values = (np.repeat(products[name], 4 // groups, 1) for name in ("key", "value"))
        row, column = np.indices((4, 4))
        seen = np.ones((4, 4), bool)
        if causal:
            seen &= column <= row
        if window:
            seen &= abs(row - column) < window
        expected = softmax(products["query"] @ keys.transpose(0, 1, 3, 2) / 2, seen)
        np.testing.assert_allclose(weights, expected, atol=1e-5)
        dense = layer._output_dense
        mixed = np.einsum("bhtd,hdm->btm", expected @ values, dense.kernel.numpy()) + dense.bias.numpy()
        np.testing.assert_allclose(output, mixed, atol=1e-5)

    @parameterized.parameters(0, 2)
    def test_cache_gives_the_whole(self, window):
        layer = RotaryAttention(4, 4, 2, causal=True, window=window)
        outputs, _ = layer(QUERY)
        cache = layer.empty_cache(3, 7)
        for place in range(4):
            output, cache = layer.step(QUERY[:, place], cache, place)
            np.testing.assert_allclose(output, outputs[:, place], atol=1e-5)

    def test_masked_places_are_not_seen(self):
        layer = RotaryAttention(4, 2, 1)
        _, weights = layer(QUERY, MEMORY, value_mask=MASK)
        np.testing.assert_allclose(np.where(MASK[:, None, None], 0, weights), 0, atol=1e-6)
        keys, values = layer.project(MEMORY)
        np.testing.assert_allclose(layer.look(QUERY, keys, values, MASK)[1], weights, atol=1e-6)

    def test_keras_masks_are_heeded(self):
        embedded = keras.layers.Embedding(9, 6, mask_zero=True)(np.array([[1, 2, 0, 0], [3, 4, 5, 6]]))
        outputs, weights = RotaryAttention(4, 2, 1)(embedded)
        np.testing.assert_array_equal(outputs._keras_mask, [[1, 1, 0, 0], [1, 1, 1, 1]])
        np.testing.assert_allclose(weights[0, :, :, 2:], 0, atol=1e-6)
        self.assertGreater(np.min(weights[1]), 0)

    def test_bad_arguments(self):
        for arguments in ({"head_dim": 3}, {"head_dim": 0}, {"window": -1}, {"sliding_window": 1}, {"use_gate": True},
                          {"num_key_value_heads": 0}):
            with self.assertRaises(ValueError):
                RotaryAttention(**{"head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 1, **arguments})


if __name__ == "__main__":
    absltest.main()
