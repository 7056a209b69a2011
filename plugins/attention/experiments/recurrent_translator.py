"""A recurrent encoder and decoder, with attention between them or without."""

import functools

import keras
import tensorflow as tf
from keras import layers, ops

import ogbrain

from ..layers.additive_attention import AdditiveAttention
from ..layers.attention_decoder import AttentionDecoder
from ..layers.multiplicative_attention import MultiplicativeAttention
from .fixed_context import FixedContext, hidden_units


class RecurrentTranslator(keras.Model):
    """Embedding, bidirectional encoder, decoder wrapped in attention, logits.

    The decoder begins with `tanh(W s + b)`, where `s` is the last state of both directions of the encoder. Without
    attention it sees `s` alone, by way of a layer with as many weights as the attention.

    Args:
        source_size: Number of source tokens.
        target_size: Number of target tokens.
        attention: `additive`, `general`, `dot` or `none`.
        cell: `gru` or `lstm`.
        embedding: Depth of the embeddings.
        units: Size of the encoder's state, in each direction, and of the decoder's.
        attention_units: Hidden depth of additive attention.
        dropout: Of embeddings and of what goes into the logits.
        input_feeding: Feed the output of a step to the next.
        jit: Compile the recurrent loops and the attention with XLA in training.
    """

    def __init__(self, *, source_size: int, target_size: int, attention: str, cell: str, embedding: int, units: int,
                 attention_units: int, dropout: float, input_feeding: bool, jit: bool = True, **kwargs):
        super().__init__(**kwargs)
        recurrent = functools.partial(
            ogbrain.layers.get(f"working_memory/{cell}"), return_sequences=True, jit="auto" if jit else False
        )
        bidirectional = ogbrain.layers.get("working_memory/bidirectional")
        self.attends = attention != "none"
        # A dot product needs a decoder as deep as the memory.
        depth = 2 * units if attention == "dot" else units
        # Keras' own are so small that biases drown them, and the first steps saturate what follows.
        self.embed_source, self.embed_target = (
            layers.Embedding(size, embedding, keras.initializers.RandomNormal(stddev=0.3), name=name)
            for size, name in ((source_size, "embed_source"), (target_size, "embed_target"))
        )
        self.encoder = bidirectional(recurrent(units, return_state=True), name="encoder")
        look = {
            "additive": lambda: AdditiveAttention(attention_units, name="attention"),
            "general": lambda: MultiplicativeAttention("general", name="attention"),
            "dot": lambda: MultiplicativeAttention("dot", name="attention"),
            "none": lambda: FixedContext(hidden_units(depth, 2 * units, attention_units), name="attention"),
        }[attention]()
        self.decoder = AttentionDecoder(recurrent(depth, name="recurrent"), look, units, input_feeding=input_feeding,
                                        jit=jit, name="decoder")
        self.bridges = [layers.Dense(size, activation="tanh", dtype="float32", name=f"bridge_{n}")
                        for n, size in enumerate(self.decoder.recurrent.state_sizes)]
        self.drop = layers.Dropout(dropout)
        self.logits = layers.Dense(target_size, dtype="float32", name="logits")
        self.call({"source": tf.ones((1, 2), tf.int32), "target": tf.ones((1, 2), tf.int32)})
        self.built = True

    def call(self, inputs, training=False):
        return self.teach(self.read(inputs["source"], training), inputs["target"], training)[0]

    def read(self, source: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Encodes sentences, `(batch, places)` ids, 0 for padding.

        Returns:
            `memory`, `(batch, places, depth)`, `mask`, `(batch, places)` bool, and `summary`, `(batch, depth)`.
        """
        mask = source > 0
        embedded = self.drop(self.embed_source(source), training=training)
        memory, *states = self.encoder(embedded, mask=mask, training=training)
        summary = tf.concat([states[0], states[len(states) // 2]], -1)
        if not self.attends:
            memory, mask = tf.cast(summary, memory.dtype)[:, None], tf.ones_like(mask[:, :1])
        return {"memory": memory, "mask": mask, "summary": summary}

    def teach(self, read, target: tf.Tensor, training: bool = False):
        """Reads the translation, `(batch, time)`; returns the logits after each token, and the weights."""
        embedded = self.drop(self.embed_target(target), training=training)
        outputs, weights = self.decoder(embedded, read["memory"], memory_mask=read["mask"],
                                        initial_state=self._first(read), training=training)
        return self.logits(self.drop(outputs, training=training)), weights

    def begin(self, read, limit: tf.Tensor):
        """Returns the constants and the first state of a search."""
        del limit
        constants = [read["memory"], read["mask"], self.decoder.attention.keys(read["memory"])]
        return constants, self.decoder.start(read["memory"], self._first(read))

    def step(self, constants, state, tokens):
        """Reads a token of each row, `(rows,)`; returns logits, `(rows, size)`, and the state."""
        memory, mask, keys = constants
        output, state, _ = self.decoder.step(state, self.embed_target(tokens), memory, memory_mask=mask, keys=keys)
        return self.logits(output), state

    def _first(self, read):
        return [ops.cast(bridge(read["summary"]), "float32") for bridge in self.bridges]
