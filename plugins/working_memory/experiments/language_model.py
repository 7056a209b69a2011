"""A recurrent language model of running text."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.data.vocabulary import END, UNKNOWN
from ogbrain.errors import UserError

from ..pipelines.read_words import read_words
from ..pipelines.text_stream import TextStream
from .language_network import LanguageNetwork
from .linear_cross_entropy import linear_cross_entropy
from .ngram import NGram
from .sampling import draw


class LanguageModel(ogbrain.SupervisedExperiment):
    """Predicts the next character or piece of a word; the state is carried from batch to batch.

    The metric is bits per character of the text as the vocabulary normalizes it (lower case, single spaces), each
    text's end counted as one character. Beside it the model card has that of a 5-gram with Kneser-Ney smoothing.
    """

    monitor, monitor_mode = "bits_per_character", "min"

    def setup(self, strategy: tf.distribute.Strategy) -> None:
        """Refuses several devices where the state is carried: its rows are those of one."""
        if strategy.num_replicas_in_sync > 1 and self.config.carry_state:
            raise UserError("config.carry_state: true is not allowed with several devices; false")
        super().setup(strategy)

    def build_pipeline(self) -> TextStream:
        """Returns the texts of one feature as a stream of tokens."""
        config = self.config
        return TextStream(config.data.name, feature=config.feature, steps=config.steps, kind=config.tokens,
                          size=config.vocabulary, splits=config.splits, data_dir=config.data.data_dir)

    def build_model(self) -> keras.Model:
        """Returns the network."""
        config = self.config
        self.vocabulary = self.pipeline.vocabulary  # held here, an export finds its tables
        model = LanguageNetwork(size=self.vocabulary.size, rows=config.batch_size, cell=config.cell,
                                layers=config.layers, units=config.units, embedding=config.embedding,
                                dropout=config.dropout, name="language_model")
        state = [tf.TensorSpec((1, size), tf.float32) for size in model.sizes]
        self._read = tf.function(model.advance, input_signature=[tf.TensorSpec((1, None), tf.int32), state])
        self._read_one = tf.function(model.step)
        return model

    def loss(self, model, batch, training):
        """Returns the cross-entropy in nats a token, and bits per character."""
        state = model.start(tf.shape(batch["tokens"])[0])
        carries = training and self.config.carry_state
        if carries:
            state = [tf.where(batch["reset"][:, None], 0.0, part) for part in model.carried]
        hidden, state = model.read(batch["tokens"], state, training)
        if carries:
            for variable, part in zip(model.carried, state, strict=True):
                variable.assign(tf.stop_gradient(part))
        scored = batch["scored"] / tf.maximum(tf.reduce_sum(batch["scored"], 1, keepdims=True), 1.0)
        loss, entropy = linear_cross_entropy(
            hidden, tf.convert_to_tensor(model.logits.kernel), tf.convert_to_tensor(model.logits.bias),
            batch["targets"], scored / tf.cast(tf.shape(scored)[0], tf.float32))
        windows = tf.reduce_sum(entropy * scored, 1)
        per_character = windows / (math.log(2) * self.pipeline.characters_per_token("train"))
        return loss, {"loss": windows, "bits_per_character": per_character}

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the metrics over the scored tokens of a split."""
        # Exact: sums over all scored tokens, however many of them each window has.
        sums = super().evaluate(split, steps)
        loss = sums["nats"] / sums["scored"]
        return {"loss": loss, "bits_per_character": loss / math.log(2) / self.pipeline.characters_per_token(split)}

    def evaluate_batch(self, model, batch):
        """Returns sums over the scored tokens of each window."""
        logits, _ = model.advance(batch["tokens"], model.start(tf.shape(batch["tokens"])[0]))
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["targets"], logits)
        return {"nats": tf.reduce_sum(entropy * batch["scored"], 1), "scored": tf.reduce_sum(batch["scored"], 1)}

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns the same model with the stock layer, if the config asks for it."""
        if self.config.baseline == "none":
            return {}
        epochs = self.config.baseline_epochs or self.config.epochs
        return {"keras": LanguageModel(dataclasses.replace(self.config, cell="keras", baseline="none", epochs=epochs))}

    def notes(self) -> dict[str, str]:
        """Returns what a 5-gram gives on the same texts."""
        size = self.pipeline.vocabulary.size
        model = NGram(self.pipeline.stream("train"), size, order=5 if size < 6000 else 4)
        figures = []
        for split in ("validation", "test"):
            bits = -np.log2(model.probabilities(self.pipeline.stream(split))).mean()
            figures.append(f"{bits / self.pipeline.characters_per_token(split):.3f} on {split}")
        return {**super().notes(), f"Bits per character of a {model.order}-gram": ", ".join(figures)}

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Continues texts; all of a text is read, however long it is."""
        answers = []
        for given in inputs:
            text = self._continue(tf.constant(str(given)), self.config.length, self.config.temperature,
                                  self.config.nucleus, self.config.seed).numpy().decode("utf-8", "replace")
            answers.append(ogbrain.Prediction(text, {"continuation": text}))
        return answers

    def stream(self, source: BinaryIO) -> Iterator[str]:
        """Reads a text word by word while it comes in, then continues it; the answer is that of `predict`."""
        config = self.config
        logits, state = self._read(tf.constant([[END]]), self.model.start(1))
        space = {name: number for number, name in enumerate(self.vocabulary.tokens)}.get(" ", UNKNOWN)
        for piece in read_words(source):
            ids = self.vocabulary.encode_text(piece)
            if config.tokens == "characters" and piece.startswith(" "):
                ids = [space, *ids]
            if ids:
                logits, state = self._read(tf.constant([ids], tf.int32), state)
        for number in range(config.length):
            token = draw(logits[:, -1] if logits.shape.rank == 3 else logits, tf.constant(config.temperature),
                         tf.constant(config.nucleus), tf.constant([config.seed, number]))
            logits, state = self._read_one(token, state)
            name = self._names[int(token[0])]
            if config.tokens == "subwords":
                name = name.removeprefix("##") if name.startswith("##") else f" {name}"
            yield name

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures.

        `serving_default`: the continuation of a text. `step`: a token and the state in, logits and the new state out.
        `features`: the state after a text, with which `step` can go on.
        """
        model = self.model

        @tf.function(input_signature=[
            tf.TensorSpec((None,), tf.string, "text"), tf.TensorSpec((None,), tf.int32, "length"),
            tf.TensorSpec((None,), tf.float32, "temperature"), tf.TensorSpec((None,), tf.float32, "nucleus"),
            tf.TensorSpec((None,), tf.int32, "seed")])
        def continuation(text, length, temperature, nucleus, seed):
            texts = tf.map_fn(lambda one: self._continue(*one), (text, length, temperature, nucleus, seed),
                              fn_output_signature=tf.string)
            return {"continuation": texts}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "text")])
        def features(text):
            depth = tf.TensorSpec((sum(model.sizes),), tf.float32)
            return {"features": tf.map_fn(self._state, text, fn_output_signature=depth)}

        # All parts of the state side by side in one tensor: zeros before the first token.
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32, "token"),
                                      tf.TensorSpec((None, sum(model.sizes)), tf.float32, "state")])
        def step(token, state):
            logits, new = model.step(token, tf.split(state, model.sizes, -1))
            return {"logits": logits, "state": tf.concat(new, -1)}

        return {"serving_default": continuation, "step": step, "features": features}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns a text to continue, and a first step."""
        config = self.config
        return {
            "serving_default": {
                "text": np.array([b"click the", b""], object), "length": np.full(2, 20, np.int32),
                "temperature": np.full(2, config.temperature, np.float32),
                "nucleus": np.full(2, config.nucleus, np.float32), "seed": np.zeros(2, np.int32)},
            "step": {"token": np.full(2, END, np.int32),
                     "state": np.zeros((2, sum(self.model.sizes)), np.float32)},
            "features": {"text": np.array([b"click the", b""], object)},
        }

    def _tokens(self, text):
        # A text begins after the end of another one.
        ids = tf.cast(self.vocabulary.encode([text])[0], tf.int32)
        return tf.concat([[END], ids], 0)[None]

    def _state(self, text):
        _, state = self.model.advance(self._tokens(text), self.model.start(1))
        return tf.cast(tf.concat(state, -1)[0], tf.float32)

    def _continue(self, text, length, temperature, nucleus, seed):
        drawn = self.model.continued(self._tokens(text), length, temperature, nucleus, seed)
        names = tf.gather(tf.constant(self._names), drawn)
        if self.config.tokens == "characters":
            return tf.strings.reduce_join(names)
        # A piece that begins a word has a space before it, the first one too: it follows what was given.
        return tf.strings.regex_replace(tf.strings.reduce_join(tf.strings.join([" ", names])), " ##", "")

    @property
    def _names(self) -> list[str]:
        """What each token is written as."""
        return ["", "\N{REPLACEMENT CHARACTER}", "", "\n", *self.vocabulary.tokens[4:]]
