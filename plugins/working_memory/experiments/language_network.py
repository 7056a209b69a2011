"""The model of the language-model experiment."""

import keras
import tensorflow as tf

import ogbrain

from ..layers.gru import GRU
from ..layers.lstm import LSTM
from ..layers.min_gru import MinGRU
from ..layers.min_lstm import MinLSTM
from ..layers.stacked import Stacked
from .sampling import draw

CELLS = {"lstm": LSTM, "gru": GRU, "min_lstm": MinLSTM, "min_gru": MinGRU}


class LanguageNetwork(keras.Model):
    """Embedding, a stack of recurrent layers, logits; with the state that training carries from batch to batch.

    Args:
        size: Number of different tokens.
        rows: Rows of a training batch.
        cell: Name of the layer: `lstm`, `gru`, `min_lstm`, `min_gru`, or a memory of any plugin, `PLUGIN/LAYER`; or
            `keras` for the stock LSTM, to compare with.
        layers: Number of recurrent layers.
        units: Their size.
        embedding: Depth of the embedding.
        dropout: Between the layers and before the logits.
    """

    def __init__(self, *, size: int, rows: int, cell: str, layers: int, units: int, embedding: int, dropout: float,
                 **kwargs):
        super().__init__(**kwargs)
        self.embed = keras.layers.Embedding(size, embedding, name="embed")
        self.stock = cell == "keras"
        if self.stock:
            self.plain = [keras.layers.LSTM(units, return_sequences=True, return_state=True) for _ in range(layers)]
            self.sizes = [units, units] * layers
        else:
            layer = ogbrain.layers.get(cell, kind="recurrent") if "/" in cell else CELLS[cell]
            self.recurrent = Stacked([layer(units, return_sequences=True) for _ in range(layers)],
                                     dropout=dropout, return_state=True, residual=True, name="recurrent")
            self.sizes = self.recurrent.state_sizes
        self.drop = keras.layers.Dropout(dropout)
        self.logits = keras.layers.Dense(size, dtype="float32", name="logits")
        self.carried = [self.add_weight(name=f"carried_{i}", shape=(rows, units), initializer="zeros", trainable=False,
                                        autocast=False) for i, units in enumerate(self.sizes)]
        self.advance(tf.zeros((1, 2), tf.int32), self.start(1))
        self.built = True

    def start(self, rows) -> list[tf.Tensor]:
        """Returns the state before the first token."""
        return [tf.zeros((rows, size)) for size in self.sizes]

    def call(self, tokens, training=False):
        return self.advance(tokens, self.start(tf.shape(tokens)[0]), training)[0]

    def advance(self, tokens: tf.Tensor, state: list[tf.Tensor], training: bool = False):
        """Reads tokens, `(batch, steps)`; returns logits, `(batch, steps, size)` float32, and the state after them."""
        hidden, state = self.read(tokens, state, training)
        return self.logits(hidden), state

    def read(self, tokens: tf.Tensor, state: list[tf.Tensor], training: bool = False):
        """Reads tokens; returns what the logits are made of, `(batch, steps, units)`, and the state after them."""
        x = self.embed(tokens)
        if self.stock:
            new = []
            for i, layer in enumerate(self.plain):
                x, *last = layer(x, initial_state=[tf.cast(part, x.dtype) for part in state[2 * i:2 * i + 2]])
                new += [tf.cast(part, tf.float32) for part in last]
        else:
            x, *new = self.recurrent(x, initial_state=state, training=training)
        return self.drop(x, training=training), new

    def step(self, token: tf.Tensor, state: list[tf.Tensor]):
        """Reads one token of each row, `(batch,)`; returns logits, `(batch, size)`, and the state after it."""
        if self.stock:
            logits, state = self.advance(token[:, None], state)
            return logits[:, 0], state
        x, state = self.recurrent.step(state, self.embed(token))
        return self.logits(x), state

    def continued(self, tokens, count, temperature, nucleus, seed) -> tf.Tensor:
        """Continues one text.

        Args:
            tokens: What has been read, `(1, steps)`, at least one.
            count: How many tokens to draw, scalar.
            temperature: Of `draw`.
            nucleus: Of `draw`.
            seed: Scalar int32.

        Returns:
            Of shape `(count,)`, int32.
        """
        logits, state = self.advance(tokens, self.start(1))
        array = tf.TensorArray(tf.int32, size=count, element_shape=[])

        def body(i, logits, state, array):
            token = draw(logits, temperature, nucleus, tf.stack([seed, i]))
            logits, state = self.step(token, state)
            return i + 1, logits, state, array.write(i, token[0])

        loop = (tf.constant(0), logits[:, -1], state, array)
        return tf.while_loop(lambda i, *_: i < count, body, loop)[3].stack()
