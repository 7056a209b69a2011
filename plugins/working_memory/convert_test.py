import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from plugins.working_memory.convert import from_keras, to_keras
from plugins.working_memory.layers.bidirectional import Bidirectional
from plugins.working_memory.layers.lstm import LSTM
from plugins.working_memory.layers.min_gru import MinGRU

INPUTS = tf.constant(np.random.default_rng(0).normal(size=(3, 7, 5)), tf.float32)
MASK = tf.constant(np.array([[1, 1, 0, 1, 0, 0, 0], [0] * 7, [0, 0, 1, 1, 1, 1, 1]], bool))


def results(layer, mask):
    with tf.GradientTape() as tape:
        tape.watch(INPUTS)
        outputs = layer(INPUTS, mask=mask)
        loss = tf.add_n([tf.reduce_sum(tf.sin(part + 0.2)) for part in outputs])
    return [*outputs, *tape.gradient(loss, [INPUTS, *(weight.value for weight in layer.trainable_variables)])]


class ConvertTest(parameterized.TestCase):
    @parameterized.product(
        make=[
            lambda **kw: keras.layers.LSTM(4, **kw),
            lambda **kw: keras.layers.LSTM(4, use_bias=False, activation="relu", **kw),
            lambda **kw: keras.layers.GRU(4, **kw),
            lambda **kw: keras.layers.GRU(4, reset_after=False, **kw),
            lambda **kw: keras.layers.GRU(4, go_backwards=True, **kw),
            lambda **kw: keras.layers.SimpleRNN(4, **kw),
            lambda **kw: keras.layers.Bidirectional(keras.layers.GRU(4, **kw)),
        ],
        sequences=[False, True], masked=[False, True])
    def test_outputs_and_gradients_agree_both_ways(self, make, sequences, masked):
        stock = make(return_sequences=sequences, return_state=True)
        stock(INPUTS)
        rng = np.random.default_rng(1)
        stock.set_weights([rng.normal(size=weight.shape, scale=0.5) for weight in stock.get_weights()])
        mask = MASK if masked else None
        ours = from_keras(stock)
        expected = results(stock, mask)
        for layer in (ours, from_keras(to_keras(ours))):
            for a, b in zip(results(layer, mask), expected, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-5)
        for a, b in zip(to_keras(ours).get_weights(), stock.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_what_has_no_counterpart_is_refused(self):
        for layer in (keras.layers.Dense(3), keras.layers.LSTM(3, stateful=True),
                      keras.layers.LSTM(3, kernel_constraint="non_neg")):
            with self.assertRaises(ValueError):
                from_keras(layer)
        for layer in (LSTM(3, peepholes=True), LSTM(3, projection=2), MinGRU(3), Bidirectional(LSTM(3, zoneout=0.1))):
            with self.assertRaises(ValueError):
                to_keras(layer)


if __name__ == "__main__":
    absltest.main()
