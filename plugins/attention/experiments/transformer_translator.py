"""A transformer encoder and decoder for translation."""

import keras
import tensorflow as tf
from keras import layers

from ..layers.rotary_attention import RotaryAttention


class TransformerTranslator(keras.Model):
    """Pre-norm transformer with rotary positions and grouped queries.

    Its interface is that of `RecurrentTranslator`. Weights are those of the last layer's attention to the source, the
    mean of its heads.

    Args:
        source_size: Number of source tokens.
        target_size: Number of target tokens.
        units: Depth.
        blocks: Layers of the encoder and of the decoder.
        heads: Query heads, an even number; there are half as many of keys and values.
        dropout: Of embeddings and of what each sub-layer adds.
    """

    def __init__(self, *, source_size: int, target_size: int, units: int, blocks: int, heads: int, dropout: float,
                 **kwargs):
        super().__init__(**kwargs)
        self.embed_source = layers.Embedding(source_size, units, name="embed_source")
        self.embed_target = layers.Embedding(target_size, units, name="embed_target")
        groups = units // heads, heads, heads // 2

        def norms(count):
            return [layers.LayerNormalization() for _ in range(count)]

        def wide():
            return [layers.Dense(2 * units, activation="gelu") for _ in range(blocks)]

        def narrow():
            return [layers.Dense(units) for _ in range(blocks)]

        self.own_source = [RotaryAttention(*groups) for _ in range(blocks)]
        self.wide_source, self.narrow_source, self.norms_source = wide(), narrow(), norms(2 * blocks + 1)
        self.own_target = [RotaryAttention(*groups, causal=True) for _ in range(blocks)]
        self.cross = [RotaryAttention(*groups, rotary=False) for _ in range(blocks)]
        self.wide_target, self.narrow_target, self.norms_target = wide(), narrow(), norms(3 * blocks + 1)
        self.blocks = blocks
        self.drop = layers.Dropout(dropout)
        self.logits = layers.Dense(target_size, dtype="float32", name="logits")
        self.call({"source": tf.ones((1, 2), tf.int32), "target": tf.ones((1, 2), tf.int32)})
        self.built = True

    def call(self, inputs, training=False):
        return self.teach(self.read(inputs["source"], training), inputs["target"], training)[0]

    def read(self, source: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Encodes sentences, `(batch, places)` ids, 0 for padding; returns `memory` and `mask`."""
        mask = source > 0
        x = self.drop(self.embed_source(source), training=training)
        for n in range(self.blocks):
            attended, _ = self.own_source[n](self.norms_source[2 * n](x), value_mask=mask)
            x += self.drop(attended, training=training)
            hidden = self.narrow_source[n](self.wide_source[n](self.norms_source[2 * n + 1](x)))
            x += self.drop(hidden, training=training)
        return {"memory": self.norms_source[-1](x), "mask": mask}

    def teach(self, read, target: tf.Tensor, training: bool = False):
        """Reads the translation, `(batch, time)`; returns the logits after each token, and the weights."""
        x = self.drop(self.embed_target(target), training=training)
        for n in range(self.blocks):
            attended, _ = self.own_target[n](self.norms_target[3 * n](x))
            x += self.drop(attended, training=training)
            seen, weights = self.cross[n](self.norms_target[3 * n + 1](x), read["memory"], value_mask=read["mask"])
            x += self.drop(seen, training=training)
            hidden = self.narrow_target[n](self.wide_target[n](self.norms_target[3 * n + 2](x)))
            x += self.drop(hidden, training=training)
        return self.logits(self.norms_target[-1](x)), tf.reduce_mean(weights, 1)

    def begin(self, read, limit: tf.Tensor):
        """Returns the constants and the first state of a search: the place, then the caches."""
        rows = tf.shape(read["memory"])[0]
        constants = [read["mask"]]
        state = [tf.zeros([rows], tf.int32)]
        for own, cross in zip(self.own_target, self.cross, strict=True):
            constants += cross.project(read["memory"])
            state += own.empty_cache(rows, limit)
        return constants, state

    def step(self, constants, state, tokens):
        """Reads a token of each row, `(rows,)`; returns logits, `(rows, size)`, and the state."""
        mask, *projected = constants
        place, *caches = state
        x = self.embed_target(tokens)
        new = [place + 1]
        for n in range(self.blocks):
            attended, cache = self.own_target[n].step(self.norms_target[3 * n](x), caches[2 * n : 2 * n + 2], place[0])
            new += cache
            x += attended
            query = self.norms_target[3 * n + 1](x)[:, None]
            keys, values = projected[2 * n : 2 * n + 2]
            x += self.cross[n].look(query, keys, values, mask)[0][:, 0]
            x += self.narrow_target[n](self.wide_target[n](self.norms_target[3 * n + 2](x)))
        return self.logits(self.norms_target[-1](x)), new
