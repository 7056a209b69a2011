"""The model of the algorithmic tasks."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..layers.gru import GRU
from ..layers.lstm import LSTM
from ..layers.min_gru import MinGRU
from ..layers.min_lstm import MinLSTM
from ..layers.simple_rnn import SimpleRNN
from ..layers.stacked import Stacked

CELLS = {"lstm": LSTM, "gru": GRU, "simple_rnn": SimpleRNN, "min_lstm": MinLSTM, "min_gru": MinGRU}
# The sign of the first gates' biases for which a cell forgets slowly: forget gates open, input gates shut.
_SLOW = {"lstm": (-1, 1), "gru": (1,), "min_lstm": (1, -1), "min_gru": (-1,)}


class AlgorithmicNetwork(keras.Model):
    """Recurrent layers and a linear output at each step.

    Args:
        width: Channels of the input.
        classes: Channels of the output.
        cell: Name of the layer.
        layers: How many.
        units: Their size.
        memory: Steps over which a cell with gates remembers at first; 0 leaves its bias as usual.
    """

    def __init__(self, *, width: int, classes: int, cell: str, layers: int, units: int, memory: int = 0, **kwargs):
        super().__init__(**kwargs)
        made: list[Any] = [CELLS[cell](units, return_sequences=True, jit=False) for _ in range(layers)]
        self.recurrent = Stacked(made, return_state=True, residual=True, name="recurrent")
        self.output_layer = keras.layers.Dense(classes, dtype="float32", name="output")
        self(tf.zeros((1, 2, width)), tf.constant([2]))
        self.built = True
        if memory > 2:
            for layer in made:
                _remember(layer, _SLOW.get(cell, ()), memory)

    def call(self, inputs, length, training=False):
        """Reads sequences, `(batch, time, width)`, of which `length` steps count; returns `(batch, time, classes)`."""
        mask = tf.sequence_mask(length, tf.shape(inputs)[1])
        return self.output_layer(self.recurrent(inputs, mask=mask, training=training)[0])

    def step(self, inputs: tf.Tensor, state: list[tf.Tensor]):
        """Reads one step, `(batch, width)`; returns the output, `(batch, classes)`, and the state."""
        x, state = self.recurrent.step(state, inputs)
        return self.output_layer(x), state


def _remember(layer, signs, memory):
    """Chrono initialization (arXiv 1804.11188): gates with memories spread up to so many steps."""
    bias, units = layer.bias.numpy(), layer.units
    row = bias[0] if bias.ndim == 2 else bias
    slow = np.log(keras.random.uniform((units,), 1.0, memory - 1.0, seed=keras.random.SeedGenerator()))
    for gate, sign in enumerate(signs):
        row[gate * units:(gate + 1) * units] = sign * slow
    layer.bias.assign(bias)
