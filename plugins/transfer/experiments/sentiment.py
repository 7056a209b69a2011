"""Classes of short texts from word vectors."""

import collections
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import ogbrain
from ogbrain.data import resources
from ogbrain.data.pipeline import Batch
from ogbrain.data.user_data import PREFIX
from ogbrain.errors import UserError
from ogbrain.paths import user_path
from ogbrain.training.grouped_optimizer import GroupedOptimizer
from ogbrain.training.optimizers import build_optimizer

from ..layers.word_vectors import WordVectors
from ..pipelines.text_classes import TextClasses
from ..pipelines.words import WordPieces, split_words
from .classifier import Classifier
from .mistakes import draw_texts
from .sentiment_config import SentimentConfig

_WIDTHS = (3, 4, 5)
_DEVIATION = 0.25
"""Standard deviation of the numbers of word vectors; GloVe's as they are, of 0.6, are learned by heart sooner."""


class Sentiment(Classifier):
    """Tells classes of short texts with GloVe word vectors and a convolutional or recurrent reader.

    GloVe vectors that are learned further, ones that are not, and random ones are trained in one run: Kim's ladder (Kim
    2014, arXiv 1408.5882; on movie reviews 81.5, 81.0 and 76.1 %).
    """

    config: SentimentConfig
    pipeline: TextClasses

    def build_pipeline(self) -> TextClasses:
        """Returns the texts."""
        config = self.config
        own = config.data.name.startswith(PREFIX)
        texts = TextClasses(
            config.data.name,
            classes=() if own and config.classes == SentimentConfig.classes else config.classes,
            label=config.label,
            per_class=config.per_class,
            choice=config.seed,
            splits=config.splits,
            data_dir=config.data.data_dir,
        )
        return self.fit_batch(texts)

    def build_model(self) -> keras.Model:
        """Returns the network from `(batch, words, pieces)` integers to logits."""
        config = self.config
        frequent, known = self._glove() if config.vectors != "random" else ([], {})
        counts: collections.Counter[bytes] = collections.Counter()
        texts = self.pipeline.texts("train")
        for start in range(0, len(texts), 4096):
            counts.update(split_words(tf.constant(texts[start : start + 4096]), config.most_words).flat_values.numpy())
        # Words seen once and unknown to GloVe stay unknown, so that unknown words are met in training.
        seen = [word.decode() for word, count in sorted(counts.items()) if count > 1 or word.decode() in known]
        words = list(dict.fromkeys([*seen, *frequent]))
        self.pieces = WordPieces(
            words, buckets=config.buckets if config.unknown == "subwords" else 0, most=config.most_words
        )
        depth = len(next(iter(known.values()))) if known else config.depth
        vectors = WordVectors(
            self.pieces.size, depth, trainable=config.vectors != "static", seed=config.seed, name="vectors"
        )
        table = self.pieces.vectors({word: known[word] for word in words if word in known}, depth, config.seed)
        vectors.assign(table * (_DEVIATION / table[1:].std()))
        numbers = keras.Input((None, self.pieces.pieces), dtype="int32", name="words")
        features = self._read(vectors(numbers), ops.any(numbers > 0, axis=-1))
        features = layers.Dropout(config.dropout, seed=config.seed)(features)
        return keras.Model(numbers, layers.Dense(len(self.label_names), dtype="float32", name="logits")(features))

    def _glove(self) -> tuple[list[str], dict[str, np.ndarray]]:
        """Returns GloVe's most frequent words, and the vectors of all its words."""
        words, vectors = resources.load("glove_6b_50d", self.config.data.data_dir)
        return words[: self.config.vocabulary], dict(zip(words, vectors, strict=True))

    def _read(self, vectors: keras.KerasTensor, present: keras.KerasTensor) -> keras.KerasTensor:
        config = self.config
        if config.encoder == "lstm":
            reader = layers.LSTM(config.units, return_sequences=True)
            read = layers.Bidirectional(reader, name="lstm")(vectors, mask=present)
            return ops.max(ops.where(present[..., None], read, -1e4), 1)
        if "/" in config.encoder:
            reader_class = ogbrain.layers.get(config.encoder, kind="sequence_encoder")
            read = reader_class(units=config.units, return_sequences=True, name="encoder")(vectors, mask=present)
            return ops.max(ops.where(present[..., None], read, -1e4), 1)
        # Padding of "same" and of the batch are both zeros, so a text's features do not depend on its batch.
        maps = [
            layers.Conv1D(config.filters, width, padding="same", activation="relu", name=f"width_{width}")(vectors)
            for width in _WIDTHS
        ]
        return ops.concatenate([ops.max(ops.where(present[..., None], read, 0.0), 1) for read in maps], -1)

    def build_optimizer(self) -> Any:
        """Returns the optimizer; tuned vectors have a lower learning rate."""
        config, total = self.config.optimizer, self.config.epochs * self.steps_per_epoch
        if self.config.vectors != "tuned":
            return build_optimizer(config, total)
        vectors = self.model.get_layer("vectors").trainable_variables
        mine = {id(variable) for variable in vectors}
        others = [variable for variable in self.model.trainable_variables if id(variable) not in mine]
        slow = dataclasses.replace(config, learning_rate=config.learning_rate * self.config.tune_fraction)
        return GroupedOptimizer([(build_optimizer(config, total), others), (build_optimizer(slow, total), vectors)])

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy."""
        measures = self.measures(model(self.pieces(batch["text"]), training=training), batch["label"])
        return tf.reduce_mean(measures["loss"]), measures

    def scores(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Returns the logits of texts."""
        return model(self.pieces(batch["text"]), training=False)

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns what `config.baseline` names."""
        plain = dataclasses.replace(self.config, baseline="none")
        return {name: type(self)(dataclasses.replace(plain, vectors=name)) for name in self.config.baselines}

    def notes(self) -> dict[str, str]:
        """Returns what is known of words."""
        known = f"{len(self.pieces.words):,} words known"
        return {"word vectors": f"{self.config.vectors}, {known}, others by {self.config.unknown}"}

    def draw_worst(self, worst: list[dict[str, Any]]) -> np.ndarray:
        """Draws the texts that were mistaken."""
        captions = [f"{m['label']} taken for {m['guess']} {m['probability']:.2f}" for m in worst]
        return draw_texts([mistake["text"].decode("utf-8", "replace") for mistake in worst], captions)

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers texts, or files of a text each: their class and how sure."""
        answers = []
        for given in inputs:
            text = _read_text(str(given))
            if not text.strip():
                raise UserError("--input: an empty text was given; a text with at least one word")
            logits = self.scores(self.model, {"text": tf.constant([text])})
            answers.append(ogbrain.Prediction(*self.answer(tf.nn.softmax(logits)[0].numpy())))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures, both of texts.

        `serving_default`: label, classes and their probabilities. `features`: what the last layer sees,
        `(batch, depth)`.
        """
        # The table of words must belong to the model that is exported.
        self.model.word_table = self.pieces._table

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def text(text):
            return ogbrain.label_answers(self.label_names, tf.nn.softmax(self.scores(self.model, {"text": text})))

        reader = keras.Model(self.model.inputs, self.model.get_layer("logits").input)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def features(text):
            return {"features": tf.cast(self.scores(reader, {"text": text}), tf.float32)}

        return {"serving_default": text, "features": features}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns two validation texts."""
        batch = next(iter(self.pipeline.batches("validation", batch_size=2, seed=self.config.seed)))
        return {"serving_default": {"text": batch["text"].numpy()}}


def _read_text(given: str) -> str:
    """Returns the text of the file that is named, or what was given if it names none."""
    path = user_path(given)
    if not os.path.isfile(path):  # not path.is_file(), which raises if the text is too long for a name
        return given
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise UserError(f"--input={given}: cannot be read: {error.strerror}") from None
