import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.working_memory.layers.bidirectional import Bidirectional
from plugins.working_memory.layers.gru import GRU
from plugins.working_memory.layers.lstm import LSTM
from plugins.working_memory.layers.min_gru import MinGRU
from plugins.working_memory.layers.min_lstm import MinLSTM
from plugins.working_memory.layers.simple_rnn import SimpleRNN
from plugins.working_memory.layers.stacked import Stacked

RNG = np.random.default_rng(0)
INPUTS = tf.constant(RNG.normal(size=(3, 7, 5)), tf.float32)
# Ragged in the middle, nothing valid, all valid.
MASK = tf.constant(np.array([[0, 1, 1, 0, 1, 0, 0], [0] * 7, [1] * 7], bool))

VARIANTS = {
    "lstm": (LSTM, {}),
    "peepholes": (LSTM, {"peepholes": True}),
    "coupled": (LSTM, {"coupled_gates": True}),
    "projection": (LSTM, {"projection": 3}),
    "lstm_norm": (LSTM, {"layer_norm": True}),
    "lstm_all": (LSTM, {"layer_norm": True, "peepholes": True, "coupled_gates": True, "projection": 3, "zoneout": 0.2,
                        "learned_initial_state": True}),
    "lstm_relu": (LSTM, {"activation": "relu", "recurrent_activation": "hard_sigmoid", "use_bias": False}),
    "gru": (GRU, {}),
    "gru_before": (GRU, {"reset_after": False}),
    "gru_norm": (GRU, {"layer_norm": True, "zoneout": 0.1}),
    "gru_before_norm": (GRU, {"layer_norm": True, "reset_after": False, "use_bias": False}),
    "simple": (SimpleRNN, {"layer_norm": True}),
    "min_lstm": (MinLSTM, {"learned_initial_state": True}),
    "min_gru": (MinGRU, {}),
    "min_gru_linear": (MinGRU, {"positive": False, "use_bias": False}),
}
# Normalizing so few units divides by small numbers, which magnifies rounding.
NORM = 1e-4
WAYS = {"loop": {}, "xla": {"jit": True}}


def unrolled(layer, x, mask, reverse=False, state=None):
    """The layer as its own steps in a Python loop, for plain automatic differentiation."""
    state = layer.get_initial_state(x.shape[0]) if state is None else state
    start, outputs = state, {}
    seen = tf.zeros((x.shape[0], 1), tf.bool)
    for t in reversed(range(x.shape[1])) if reverse else range(x.shape[1]):
        _, new = layer.step(state, x[:, t])
        if mask is not None:
            valid = mask[:, t][:, None]
            new = [tf.where(valid, a, b) for a, b in zip(new, state, strict=True)]
            seen |= valid
            outputs[t] = tf.where(seen, new[0], 0.0)
        else:
            outputs[t] = new[0]
        state = new
    if not outputs:
        return tf.zeros((*x.shape[:2], layer.output_size)), start
    return tf.stack([outputs[t] for t in range(x.shape[1])], 1), state


def randomize(layer):
    rng = np.random.default_rng(1)
    for weight in layer.trainable_variables:
        weight.assign(0.5 * rng.normal(size=weight.shape) + ("gain" in weight.name))


def outputs_and_gradients(function, layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs, state = function(layer, x)
        # Every element has a cotangent of its own.
        loss = tf.add_n([tf.reduce_sum(tf.sin(part * (1.0 + i) + 0.3)) for i, part in enumerate([outputs, *state])])
    variables = [variable.value for variable in layer.trainable_variables]
    gradients = tape.gradient(loss, [x, *variables], unconnected_gradients="zero")
    return [outputs, *state, *gradients]


class NumericTest(parameterized.TestCase):
    def assert_all_close(self, first, second, tolerance=1e-5):
        for a, b in zip(first, second, strict=True):
            scale = max(1.0, float(tf.reduce_max(tf.abs(b)))) if tf.size(b) else 1.0
            np.testing.assert_allclose(a, b, atol=tolerance * scale, rtol=0)

    @parameterized.parameters(*((variant, "loop") for variant in VARIANTS),
                              *((variant, "xla") for variant in ("lstm_all", "gru_before_norm", "min_lstm")))
    def test_agrees_with_its_own_steps(self, variant, way):
        kind, arguments = VARIANTS[variant]
        layer = kind(4, **arguments, **WAYS[way])
        layer.build(INPUTS.shape)
        randomize(layer)
        for mask, reverse in ((None, False), (MASK, True)):
            def run(layer, x, mask=mask, reverse=reverse):
                return layer.run(x, mask=mask, reverse=reverse)

            def slowly(layer, x, mask=mask, reverse=reverse):
                return unrolled(layer, x, mask, reverse)

            expected = tf.function(lambda slowly=slowly: outputs_and_gradients(slowly, layer, INPUTS))()
            actual = tf.function(lambda run=run: outputs_and_gradients(run, layer, INPUTS))()
            self.assert_all_close(actual, expected, NORM if arguments.get("layer_norm") else 1e-5)

    @parameterized.parameters(("lstm_all", 3, "loop"), ("lstm_all", 7, "xla"), ("gru", 1, "loop"), ("gru", 20, "loop"),
                              ("simple", 3, "xla"))
    def test_recomputing_changes_nothing(self, variant, chunk, way):
        kind, arguments = VARIANTS[variant]
        layers = [kind(4, **arguments, **WAYS[way], recompute=recompute, chunk=chunk) for recompute in (False, True)]
        for layer in layers:
            layer.build(INPUTS.shape)
            randomize(layer)
        for mask, reverse in ((None, False), (MASK, True)):
            plain, saving = (
                tf.function(lambda layer=layer, mask=mask, reverse=reverse: outputs_and_gradients(
                    lambda layer, x: layer.run(x, mask=mask, reverse=reverse), layer, INPUTS))() for layer in layers)
            self.assert_all_close(saving, plain, NORM if layers[0].layer_norm else 1e-5)

    def test_lstm_against_numpy(self):
        layer = LSTM(4, return_sequences=True)
        layer.build(INPUTS.shape)
        randomize(layer)
        kernel, recurrent, bias = layer.get_weights()
        h = c = np.zeros((3, 4))
        sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
        expected = []
        for t in range(7):
            i, f, g, o = np.split(INPUTS[:, t].numpy() @ kernel + h @ recurrent + bias, 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            expected.append(h)
        np.testing.assert_allclose(layer(INPUTS), np.stack(expected, 1), atol=1e-5)

    def test_min_gru_against_numpy(self):
        layer = MinGRU(4, return_sequences=True)
        layer.build(INPUTS.shape)
        randomize(layer)
        kernel, bias = layer.get_weights()
        h, expected = np.zeros((3, 4)), []
        for t in range(7):
            gate, candidate = np.split(INPUTS[:, t].numpy() @ kernel + bias, 2, -1)
            gate = 1 / (1 + np.exp(-gate))
            candidate = np.where(candidate >= 0, candidate + 0.5, 1 / (1 + np.exp(-candidate)))
            h = (1 - gate) * h + gate * candidate
            expected.append(h)
        np.testing.assert_allclose(layer(INPUTS), np.stack(expected, 1), atol=1e-5)

    @settings(max_examples=10, deadline=None, derandomize=True)
    @given(st.sampled_from([LSTM, GRU, MinLSTM]), st.integers(0, 6),
           st.lists(st.integers(0, 6), min_size=1, max_size=4), st.booleans())
    def test_what_lies_past_the_end_does_not_matter(self, kind, time, lengths, reverse):
        lengths = np.minimum(lengths, time)
        rng = np.random.default_rng(2)
        x = rng.normal(size=(len(lengths), time, 3)).astype(np.float32)
        valid = np.arange(time) < lengths[:, None]
        layer = kind(2)
        layer.build(x.shape)
        outputs, state = layer.run(x, mask=valid, reverse=reverse)
        other, other_state = layer.run(np.where(valid[..., None], x, 9.0), mask=valid, reverse=reverse)
        np.testing.assert_array_equal(outputs, other)
        np.testing.assert_array_equal(state[0], other_state[0])
        for row, length in enumerate(lengths):
            alone, last = layer.run(x[row:row + 1, :length], reverse=reverse)
            np.testing.assert_allclose(outputs[row, :length], alone[0], atol=1e-6)
            np.testing.assert_allclose(state[-1][row], last[-1][0], atol=1e-6)

    @parameterized.parameters((LSTM, "loop"), (LSTM, "xla"), (GRU, "loop"), (MinGRU, "loop"), (MinGRU, "xla"))
    def test_no_steps_at_all(self, kind, way):
        layer = kind(4, **WAYS[way])
        empty = tf.zeros((2, 0, 5))
        layer.build(empty.shape)
        state = [tf.random.normal((2, size)) for size in layer.state_sizes]
        outputs, last = tf.function(lambda: layer.run(empty, state))()
        self.assertEqual(outputs.shape, (2, 0, 4))
        self.assert_all_close(last, state)

    @parameterized.parameters((LSTM, {}), (LSTM, {"recompute": True, "chunk": 2}), (GRU, {}), (MinLSTM, {}))
    def test_no_steps_where_the_length_is_not_known(self, kind, arguments):
        layer = kind(4, **arguments)
        layer.build((None, None, 5))
        state = [tf.ones((2, size)) for size in layer.state_sizes]

        @tf.function(input_signature=[tf.TensorSpec((None, None, 5))])
        def run(x):
            return outputs_and_gradients(lambda layer, x: layer.run(x, state, training=True), layer, x)

        for time in (0, 3):
            for result in run(tf.ones((2, time, 5))):
                self.assertTrue(np.isfinite(result).all())
        self.assert_all_close(run(tf.ones((2, 0, 5)))[1:1 + len(state)], state)

    @parameterized.parameters(LSTM, MinGRU)
    def test_asked_to_compile_outside_of_a_graph(self, kind):
        layer = kind(4, jit=True)
        layer.build(INPUTS.shape)
        expected = tf.function(lambda: outputs_and_gradients(lambda layer, x: layer.run(x), layer, INPUTS))()
        self.assert_all_close(outputs_and_gradients(lambda layer, x: layer.run(x), layer, INPUTS), expected)

    def test_dropout_is_one_mask_a_sequence_and_none_in_inference(self):
        layer = LSTM(4, recurrent_dropout=0.5, dropout=0.3, zoneout=0.3, return_sequences=True, seed=1)
        first, second = layer(INPUTS, training=True), layer(INPUTS, training=True)
        self.assertGreater(float(tf.reduce_max(tf.abs(first - second))), 1e-3)
        np.testing.assert_array_equal(layer(INPUTS), layer(INPUTS, training=False))
        again = LSTM(4, recurrent_dropout=0.5, dropout=0.3, zoneout=0.3, return_sequences=True, seed=1)
        again.build(INPUTS.shape)
        again.set_weights(layer.get_weights()[:3] + again.get_weights()[3:])
        np.testing.assert_array_equal(again(INPUTS, training=True), first)

    def test_zoneout_keeps_the_right_part(self):
        layer = SimpleRNN(500, zoneout=0.25, return_sequences=True, seed=0)
        outputs = layer(tf.random.stateless_normal((1, 2, 5), (1, 2)), training=True).numpy()
        self.assertAlmostEqual(float(np.mean(outputs[0, 1] == outputs[0, 0])), 0.25, delta=0.06)

    @parameterized.parameters(LSTM, GRU)
    def test_loops_side_by_side(self, kind):
        # 32 rows, compiled: one loop for each core, by halves of the batch.
        x = tf.random.stateless_normal((32, 4, 3), (0, 1))
        mask = tf.random.stateless_uniform((32, 4), (0, 2)) < 0.7
        layer = kind(4, jit=True, recurrent_dropout=0.5, zoneout=0.2, seed=3)
        layer.build(x.shape)
        split = tf.function(lambda: layer.run(x, mask=mask, training=True))()
        layer.seed_generator.state.assign(keras.random.SeedGenerator(3).state)
        layer.jit = False
        whole = tf.function(lambda: layer.run(x, mask=mask, training=True))()
        self.assert_all_close([split[0], *split[1]], [whole[0], *whole[1]])

    def test_state_carries_a_sequence_on(self):
        layer = Stacked([LSTM(5, return_sequences=True), MinLSTM(5, return_sequences=True)], residual=True,
                        return_state=True)
        whole, *last = layer(INPUTS)
        first, *state = layer(INPUTS[:, :3])
        second, *end = layer(INPUTS[:, 3:], initial_state=state)
        self.assert_all_close([tf.concat([first, second], 1), *end], [whole, *last])
        state = layer.get_initial_state(3)
        for t in range(7):
            output, state = layer.step(state, INPUTS[:, t])
            np.testing.assert_allclose(output, whole[:, t], atol=1e-5)

    @parameterized.product(mode=["concat", "sum", "mean", "mul"], sequences=[False, True], masked=[False, True])
    def test_bidirectional_agrees_with_keras(self, mode, sequences, masked):
        stock = keras.layers.Bidirectional(
            keras.layers.LSTM(4, return_sequences=sequences), merge_mode={"mean": "ave"}.get(mode, mode))
        ours = Bidirectional(LSTM(4, return_sequences=sequences), merge_mode=mode)
        expected = stock(INPUTS)
        ours.build(INPUTS.shape)
        ours.set_weights(stock.get_weights())
        mask = MASK if masked else None
        expected = stock(INPUTS, mask=mask)
        np.testing.assert_allclose(ours(INPUTS, mask=mask), expected, atol=1e-5)


if __name__ == "__main__":
    absltest.main()
