"""Translation of sentences, with attention and without."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.data.pipeline import Batch
from ogbrain.data.vocabulary import END, PAD, START, UNKNOWN
from ogbrain.errors import UserError

from ..layers.search import beam_search, greedy_search
from ..pipelines.sentence_pairs import SentencePairs
from .recurrent_translator import RecurrentTranslator
from .transformer_translator import TransformerTranslator
from .translate_config import TranslateConfig
from .translation_scores import bleu_by_length, draw_alignment, draw_bleu

_ATTENTION = {"bahdanau": "additive", "luong": "general", "luong_dot": "dot", "no_attention": "none"}
_SPACES = ((r" ([.,;:!?%)\]}…»])", r"\1"), (r"([(\[{«]) ", r"\1"), (r" ?(['’/_\-]) ?", r"\1"))
_BATCH = 64


_NOTHING = "(no words)"
"""Told where a sentence is answered by none."""


class Translate(ogbrain.SupervisedExperiment):
    """Translates sentences and shows where it looked.

    Figures are the loss in nats a piece, and sacreBLEU of greedy translations, overall and by length of the sentence.

    Reference: Bahdanau et al. 2015, Neural Machine Translation by Jointly Learning to Align and Translate, arXiv
        1409.0473.
    """

    config: TranslateConfig
    pipeline: SentencePairs

    @property
    def static_shapes(self) -> bool:  # type: ignore[override]
        """Whether each shape of a batch has a step of its own."""
        return self.config.compiled

    def build_pipeline(self) -> SentencePairs:
        """Returns the pairs of sentences."""
        config = self.config
        return SentencePairs(
            config.data.name, source=config.source, target=config.target, batch_size=config.batch_size,
            size=config.vocabulary, lengths=config.lengths, most_words=config.most_words, splits=config.splits,
            data_dir=config.data.data_dir,
        )

    def build_model(self) -> keras.Model:
        """Returns the network."""
        config = self.config
        # Held here, an export finds their tables.
        self.read_vocabulary, self.written_vocabulary = (
            self.pipeline.source_vocabulary, self.pipeline.target_vocabulary
        )
        sizes = {"source_size": self.read_vocabulary.size, "target_size": self.written_vocabulary.size}
        if config.model == "transformer":
            return TransformerTranslator(
                **sizes, units=config.units, blocks=config.layers, heads=config.heads, dropout=config.dropout,
                name="translate",
            )
        return RecurrentTranslator(
            **sizes, attention=_ATTENTION[config.model], cell=config.cell, embedding=config.embedding,
            units=config.units, attention_units=config.attention_units, dropout=config.dropout,
            input_feeding=config.input_feeding, jit=config.compiled, name="translate",
        )

    def setup(self, strategy: tf.distribute.Strategy) -> None:
        """Builds the model; its logits begin at how frequent each piece is, which would else be learnt first."""
        super().setup(strategy)
        counts = np.ones(self.written_vocabulary.size)
        for batch in self.pipeline.batches("train", batch_size=1024):
            np.add.at(counts, batch["target"].numpy().ravel(), 1)
        counts[PAD] = 1
        self.model.logits.bias.assign(np.log(counts / counts.sum()))

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy in nats a piece."""
        entropy, counted = self._entropy(model, batch, training)
        loss = tf.reduce_sum(entropy) / tf.maximum(tf.reduce_sum(counted), 1.0)
        return loss, {"loss": loss}

    def evaluate_batch(self, model: keras.Model, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns sums over the pieces of each sentence."""
        entropy, counted = self._entropy(model, batch, training=False)
        return {"nats": tf.reduce_sum(entropy, 1), "pieces": tf.reduce_sum(counted, 1)}

    def _entropy(self, model, batch, training):
        target = batch["target"]
        told = tf.concat([tf.fill([tf.shape(target)[0], 1], START), target[:, :-1]], 1)
        told = tf.ensure_shape(told, target.shape)
        logits, _ = model.teach(model.read(batch["source"], training), told, training)
        counted = tf.cast(target > 0, tf.float32)
        entropy = _fused if training and self.config.compiled else _cross_entropy
        return entropy(logits, target) * counted, counted

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the loss and BLEU of a split."""
        sums = super().evaluate(split, steps)
        count = 0 if split == "test" else self.config.bleu_sentences
        batches = self.pipeline.batches(split, batch_size=_BATCH)
        limit = min(filter(None, (steps and steps * self.config.batch_size, count)), default=0)
        texts: dict[str, list[str]] = {"source_text": [], "target_text": [], "translation": []}
        for batch in batches.take(-(-limit // _BATCH)) if limit else batches:
            real = batch["source_text"] != b""
            batch["translation"] = self._write(batch["source"])
            for name, kept in texts.items():
                kept += [text.decode() for text in tf.boolean_mask(batch[name], real).numpy()]
        scores = bleu_by_length(texts["source_text"], texts["translation"], texts["target_text"])
        return {"loss": sums["nats"] / sums["pieces"], **scores}

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns the model without attention, if the config asks for it."""
        if self.config.baseline == "none" or self.config.model == "no_attention":
            return {}
        return {"no_attention": type(self)(dataclasses.replace(self.config, model="no_attention", baseline="none"))}

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Draws BLEU by length, and alignments of four validation sentences."""
        curves = {self.config.model: self.results["test"]}
        curves |= {name.replace("_", " "): result["test"] for name, result in self.results["baselines"].items()}
        pictures = {"bleu_by_length": draw_bleu(curves)}
        if self.config.model != "no_attention":
            batch = next(iter(self.pipeline.batches("validation", batch_size=4)))
            for number, text in enumerate(batch["source_text"].numpy()[:4]):
                pictures[f"alignment_{number + 1}"] = self._align(text.decode())
        return pictures

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Translates sentences; of a few, with a picture of where it looked."""
        answers = []
        for given in inputs:
            text = str(given)
            if not text.strip():
                raise UserError("--input: an empty text was given; a sentence with at least one word")
            translation = self._search_text(tf.constant([text]))[0].numpy().decode("utf-8", "replace")
            pieces = len(self.read_vocabulary.encode_text(text))
            cut = pieces >= self.config.longest
            data = {"translation": translation, "pieces": pieces, "cut": cut}
            note = f" (cut: the first {self.config.longest - 1} of {pieces:,} pieces were read)" if cut else ""
            drawn = len(inputs) <= 8 and self.config.model != "no_attention"
            picture = self._align(text) if drawn else None
            answers.append(ogbrain.Prediction((translation or _NOTHING) + note, data, picture))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures, of texts.

        `serving_default` is greedy, `beam` gives the best of `config.beams` hypotheses and its score; `explain` gives
        the greedy translation, the pieces read and written, `(batch, read)` and `(batch, written)`, and the weights
        between them, `(batch, written, read)`.
        """
        given = [tf.TensorSpec((None,), tf.string, name="text")]

        @tf.function(input_signature=given)
        def greedy(text):
            return {"translation": self._text(self._greedy(self._ids(text)), text)}

        @tf.function(input_signature=given)
        def beam(text):
            ids, scores = self._beam(self._ids(text))
            return {"translation": self._text(ids[:, 0], text), "score": scores[:, 0]}

        @tf.function(input_signature=given)
        def explain(text):
            return self._explained(text, self._greedy)

        return {"serving_default": greedy, "beam": beam, "explain": explain}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns a sentence, an empty one, and one with characters that are not known."""
        texts = np.array([b"Click the button.", b"", "\u2603 the \U0001f600 file".encode()], object)
        return {name: {"text": texts} for name in ("serving_default", "beam", "explain")}

    @functools.cached_property
    def _write(self) -> Any:
        """Translates ids greedily to texts, `(batch, time)` int32 to `(batch,)` strings."""

        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32)])
        def write(source):
            return _joined(self.written_vocabulary.decode(self._greedy(source)))

        return write

    @functools.cached_property
    def _search_text(self) -> Any:
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def search(text):
            return self._text(self._best(self._ids(text)), text)

        return search

    @functools.cached_property
    def _explained_text(self) -> Any:
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
        def explain(text):
            return self._explained(text, self._best)

        return explain

    def _ids(self, text: tf.Tensor) -> tf.Tensor:
        """Encodes texts, `(batch,)`, to `(batch, time)` int32; the end id always fits."""
        ids = self.read_vocabulary.encode(text)[:, : self.config.longest - 1]
        ends = tf.fill([tf.shape(text)[0], 1], tf.constant(END, tf.int64))
        return tf.cast(tf.concat([ids, ends], 1).to_tensor(PAD), tf.int32)

    def _text(self, ids: tf.Tensor, text: tf.Tensor) -> tf.Tensor:
        """Decodes translations; nothing is said of nothing."""
        blank = tf.strings.strip(text) == ""
        return tf.where(blank, "", _joined(self.written_vocabulary.decode(ids)))

    def _read_token(self, constants, state, tokens):
        logits, state = self.model.step(constants, state, tokens)
        unwanted = tf.reduce_sum(tf.one_hot([PAD, UNKNOWN, START], logits.shape[-1]), 0)
        return logits - 1e9 * unwanted, state

    def _begin(self, source):
        # By its own length: an answer does not depend on what else is in the batch.
        read = tf.reduce_sum(tf.cast(source != PAD, tf.int32), 1)
        limit = tf.minimum(2 * read + 8, self.config.longest)
        most = tf.minimum(2 * tf.shape(source)[1] + 8, self.config.longest)
        constants, state = self.model.begin(self.model.read(source), most)
        return (self._read_token, constants, state), {
            "rows": tf.shape(source)[0], "limit": limit, "start": START, "end": END
        }

    def _greedy(self, source: tf.Tensor) -> tf.Tensor:
        arguments, options = self._begin(source)
        return greedy_search(*arguments, **options)

    def _beam(self, source: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        arguments, options = self._begin(source)
        return beam_search(*arguments, **options, beams=self.config.beams, alpha=self.config.alpha)

    def _best(self, source: tf.Tensor) -> tf.Tensor:
        return self._beam(source)[0][:, 0]

    def _explained(self, text: tf.Tensor, search: Callable[[tf.Tensor], tf.Tensor]) -> dict[str, tf.Tensor]:
        source = self._ids(text)
        written = search(source)
        told = tf.concat([tf.fill([tf.shape(source)[0], 1], START), written[:, :-1]], 1)
        _, weights = self.model.teach(self.model.read(source), told)
        return {
            "translation": self._text(written, text),
            "read": self.read_vocabulary.tokens_of(source),
            "written": self.written_vocabulary.tokens_of(written),
            "weights": tf.cast(weights, tf.float32),
        }

    def _align(self, text: str) -> np.ndarray:
        found = self._explained_text(tf.constant([text]))
        read, written = ([piece.decode() for piece in found[name][0].numpy()] for name in ("read", "written"))
        until = written.index("<end>") + 1 if "<end>" in written else len(written)
        return draw_alignment(read[:60], written[:until][:60], found["weights"][0].numpy()[:until][:60, :60])


def _joined(texts: tf.Tensor) -> tf.Tensor:
    """Puts marks back to their words, as French and English do with most of them."""
    for pattern, written in _SPACES:
        texts = tf.strings.regex_replace(texts, pattern, written)
    return texts


def _cross_entropy(logits, targets):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)


# Elementwise work over much memory: compiled, it takes a quarter of the time.
_fused = tf.function(_cross_entropy, jit_compile=True)
