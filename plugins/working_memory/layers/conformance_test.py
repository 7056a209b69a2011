import keras
import numpy as np
from absl.testing import absltest, parameterized

from ogbrain.testing.layer_test_case import LayerTestCase
from plugins.working_memory.ctc.ctc_head import CTCHead
from plugins.working_memory.layers.bidirectional import Bidirectional
from plugins.working_memory.layers.gru import GRU
from plugins.working_memory.layers.lstm import LSTM
from plugins.working_memory.layers.min_gru import MinGRU
from plugins.working_memory.layers.min_lstm import MinLSTM
from plugins.working_memory.layers.simple_rnn import SimpleRNN
from plugins.working_memory.layers.stacked import Stacked

INPUTS = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


class ConformanceTest(LayerTestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("lstm", LSTM, {"units": 4, "return_sequences": True}, (2, 5, 4)),
        ("lstm_variants", LSTM, {"units": 4, "peepholes": True, "layer_norm": True, "projection": 2,
                                 "learned_initial_state": True}, (2, 2)),
        ("gru", GRU, {"units": 4}, (2, 4)),
        ("simple_rnn", SimpleRNN, {"units": 4, "return_sequences": True, "recompute": True, "chunk": 2}, (2, 5, 4)),
        ("min_lstm", MinLSTM, {"units": 4, "return_sequences": True}, (2, 5, 4)),
        ("min_gru", MinGRU, {"units": 4}, (2, 4)),
    )
    def test_conformance(self, layer_class, arguments, output_shape):
        self.check_layer(layer_class, arguments, INPUTS, output_shape=output_shape)

    def test_ctc_head(self):
        # Its output is float32 in any precision.
        self.check_layer(CTCHead, {"characters": 4}, INPUTS, output_shape=(2, 5, 5), mixed_precision=False)
        mixed = CTCHead(4, dtype="mixed_bfloat16")(INPUTS)
        self.assertEqual(mixed.dtype, "float32")
        np.testing.assert_allclose(np.exp(mixed).sum(-1), 1.0, atol=1e-5)

    @parameterized.named_parameters(
        ("bidirectional", lambda: Bidirectional(LSTM(2, return_sequences=True, name="cell"), name="both")),
        ("stacked", lambda: Stacked(
            [LSTM(3, return_sequences=True), Bidirectional(GRU(2))], residual=True, name="stack")),
    )
    def test_wrappers_survive_saving(self, make):
        symbols = keras.Input(INPUTS.shape[1:])
        layer = make()
        model = keras.Model(symbols, layer(symbols))
        file = self.create_tempfile("model.keras").full_path
        model.save(file)
        kinds = (LSTM, GRU, Bidirectional, Stacked)
        again = keras.models.load_model(file, custom_objects={kind.__name__: kind for kind in kinds})
        np.testing.assert_allclose(again(INPUTS), model(INPUTS), atol=1e-6)
        for weight, other in zip(again.weights, model.weights, strict=True):
            self.assertEqual(weight.path.split("/")[-1], other.path.split("/")[-1])
        self.assertEqual(layer.compute_output_shape(INPUTS.shape), model(INPUTS).shape)

    def test_fit_with_masks_in_mixed_precision(self):
        model = keras.Sequential([
            keras.Input((None,)), keras.layers.Embedding(7, 4, mask_zero=True, dtype="mixed_bfloat16"),
            Stacked([Bidirectional(LSTM(4, return_sequences=True, dtype="mixed_bfloat16"), dtype="mixed_bfloat16"),
                     GRU(4, dtype="mixed_bfloat16")], dtype="mixed_bfloat16"),
            keras.layers.Dense(2, dtype="float32")])
        model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        rng = np.random.default_rng(0)
        words = rng.integers(1, 7, (64, 6))
        words[:, 4:] = 0
        history = model.fit(words, words[:, 0] > 3, epochs=40, batch_size=16, verbose=0).history["loss"]
        self.assertLess(history[-1], 0.5 * history[0])

    @parameterized.parameters({"units": 0}, {"units": 3, "dropout": 1.0}, {"units": 3, "zoneout": -0.1},
                              {"units": 3, "chunk": 0}, {"units": 3, "jit": "yes"}, {"units": 3, "projection": -1})
    def test_bad_arguments(self, **arguments):
        with self.assertRaises(ValueError):
            LSTM(**arguments)

    def test_bad_wrappers(self):
        with self.assertRaisesRegex(ValueError, "Dense"):
            Bidirectional(keras.layers.Dense(2))
        with self.assertRaisesRegex(ValueError, "merge_mode"):
            Bidirectional(LSTM(2), merge_mode="both")
        with self.assertRaisesRegex(ValueError, "return_sequences"):
            Stacked([LSTM(2), LSTM(2)])
        with self.assertRaisesRegex(ValueError, "backwards"):
            Stacked([Bidirectional(LSTM(2))]).step([], INPUTS[:, 0])
        with self.assertRaisesRegex(ValueError, "initial_state"):
            LSTM(2)(INPUTS, initial_state=[np.zeros((2, 2), np.float32)])


if __name__ == "__main__":
    absltest.main()
