"""From sound to characters."""

import collections
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.data.buckets import Buckets
from ogbrain.data.decode import decode
from ogbrain.data.fixed_shapes import FixedShapes
from ogbrain.data.log_mel import LogMel
from ogbrain.data.pipeline import Pipeline
from ogbrain.errors import UserError, unknown_name

from ..ctc.ctc_head import CTCHead
from ..ctc.prefix_beam import prefix_beam
from ..pipelines.sound_file import RATE, read_sound
from ..pipelines.sound_stream import read_pcm
from .alphabet import Alphabet, Transcribed
from .character_model import CharacterModel
from .edit_distance import edit_distance
from .speech_network import SpeechNetwork
from .speech_picture import draw_alignment

NOTHING = "(nothing heard)"


class Speech(ogbrain.SupervisedExperiment):
    """Transcribes clips, character by character; the metrics are error rates of characters and of words.

    `cer` and `wer` are of greedy decoding, `beam_cer` and `beam_wer` of prefix beam search, `fused_cer` and `fused_wer`
    of the beam with an n-gram model of the training transcripts; the edits of a split over its characters or words, as
    they are spoken (lower case, no punctuation). Characters that the training transcripts lack cannot be written, and
    count as errors. The beams, which take long, are left out on the validation split.
    """

    monitor, monitor_mode = "cer", "min"
    static_shapes = True

    def build_pipeline(self) -> Pipeline:
        """Returns the clips with their labels."""
        config = self.config
        splits = dict(zip(("train", "validation", "test"), config.splits, strict=True))
        builder = Pipeline(config.data.name, splits=splits, data_dir=config.data.data_dir).builder
        known = dict(builder.info.features)
        for feature in filter(None, (config.audio, config.transcript, config.group)):
            if feature not in known:
                raise unknown_name(f"feature of {builder.info.full_name}", feature, known)
        texts = [text.decode("utf-8", "replace") for text in decode(
            builder, config.splits[0], (), (config.transcript,))[config.transcript].values]
        self.alphabet = Alphabet.of(texts)
        if not self.alphabet.characters:
            raise UserError(f"data set {builder.info.full_name}: its transcripts hold no letters")
        self.language = CharacterModel(map(self.alphabet.encode, texts), len(self.alphabet.characters) + 1)
        described = (self.alphabet.characters, config.audio, config.transcript, config.group)
        frames = LogMel().frames(np.array([seconds * RATE for seconds in config.lengths], int))
        lengths = tuple((frames // config.stacked_frames * config.stacked_frames).tolist())
        most = int(LogMel().frames(int(config.batch_seconds * RATE)))
        characters = lengths[-1] // config.stacked_frames  # more do not fit
        self._training = Pipeline(
            builder, splits={"train": splits["train"]}, prepare=[Transcribed(*described, bands=config.bands)],
            features=["frames", "labels"], max_lengths={"frames": lengths[-1], "labels": characters}, over_long="drop",
            buckets=Buckets(("frames",), boundaries=lengths[:-1], max_tokens=most),
            preprocess=[FixedShapes(("labels",), (characters,), 0),
                        FixedShapes(("frames",), lengths, config.batch_size, most)])
        return Pipeline(builder, splits=splits, prepare=[Transcribed(*described)],
                        features=["audio", "labels", "text", "group"])

    def stage_pipeline(self, stage: int) -> Pipeline:
        """Returns the clips that are not too long to train on."""
        return self._training

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in an epoch."""
        return self.config.steps_per_epoch or self._training.steps_per_epoch("train", self.config.batch_size)

    def build_model(self) -> keras.Model:
        """Returns the network."""
        config = self.config
        model = SpeechNetwork(
            characters=len(self.alphabet.characters), bands=config.bands, stacked_frames=config.stacked_frames,
            cell=config.cell, bidirectional=config.bidirectional, layers=config.layers, units=config.units,
            dropout=config.dropout, augment=config.augment, name="speech")
        self._heard = tf.function(self._hear, reduce_retracing=True, input_signature=[
            tf.TensorSpec((None, None), tf.float32), tf.TensorSpec((None,), tf.int32)])
        self._hear_on = tf.function(model.step)
        self._measured = tf.function(self._measure, reduce_retracing=True)
        return model

    def loss(self, model, batch, training):
        """Returns the CTC loss in nats a character."""
        spectrogram = model.scaled(tf.cast(batch["frames"], tf.float32))
        scores, steps = model.hear(spectrogram, batch["frames_length"], training)
        losses = CTCHead.loss(batch["labels"], scores, batch["labels_length"], steps)
        characters = tf.cast(batch["labels_length"], tf.float32)
        return tf.reduce_sum(losses) / tf.maximum(tf.reduce_sum(characters), 1.0), {
            "loss": losses / tf.maximum(characters, 1.0)}

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the error rates of a split, whole and for each group, and the loss."""
        counts: dict[Any, float] = collections.defaultdict(float)
        data = self.pipeline.batches(split, batch_size=2 * self.config.batch_size, seed=self.config.seed)
        beams = [] if split == "validation" else ["beam_", "fused_"]  # searches take long: not after each epoch
        for batch in data.take(steps) if steps else data:
            losses, scores, frames, *found = self._measured(batch, bool(beams))
            if beams:
                found.append(self._fused(scores.numpy(), frames.numpy()))
            counts["loss"] += float(tf.reduce_sum(losses))
            counts["labels"] += int(tf.reduce_sum(batch["labels_length"]))
            rows = (batch["text"], batch["group"], *found)
            for wanted, group, *found in zip(*([text.decode() for text in np.array(row)] for row in rows), strict=True):
                for name in {"", group}:
                    counts["characters", name] += len(wanted)
                    counts["words", name] += len(wanted.split())
                    for kind, text in zip(("", *beams), found, strict=True):
                        counts[f"{kind}cer", name] += edit_distance(wanted, text)
                        counts[f"{kind}wer", name] += edit_distance(wanted.split(), text.split())
        results = {"loss": counts["loss"] / max(1, counts["labels"])}
        groups = sorted(key[1] for key in counts if key[0] == "characters")
        for name in groups if len(groups) > 2 else [""]:
            for kind in (f"{kind}{unit}" for kind in ("", *beams) for unit in ("cer", "wer")):
                total = counts["characters" if kind.endswith("cer") else "words", name]
                results[f"{kind}_{name}".removesuffix("_")] = counts[kind, name] / max(1, total)
        return results

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Transcribes files of sound, of any rate, depth and number of channels."""
        return [self._answer(wave) for wave in [read_sound(file) for file in inputs]]

    def stream(self, source: BinaryIO) -> Iterator[str]:
        """Transcribes 16-bit sound of one channel at 16 kHz while it comes in; the characters are those of `predict`.

        Raises:
            UserError: The model reads in both directions.
        """
        if self.config.bidirectional:
            raise UserError("--stream: the model of this run reads in both directions; train one with "
                            "--config.bidirectional=false, or --input=FILE")
        model = self.model
        state, last = model.recurrent.get_initial_state(1), 0
        held = np.zeros(0, np.float32)
        pieces = read_pcm(source)
        while True:
            piece = next(pieces, None)
            held = np.concatenate([held, np.zeros(0, np.float32) if piece is None else piece])
            while len(held) >= model.window or (piece is None and len(held)):
                window = np.pad(held[:model.window], (0, max(0, model.window - len(held))))
                scores, state = self._hear_on(tf.constant(window[None]), state)
                label = int(tf.argmax(scores[0]))
                if label not in (0, last):
                    yield self.alphabet.characters[label - 1]
                held, last = held[model.hop:], label
            if piece is None:
                return

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Returns a test clip with the alignment drawn."""
        batch = next(iter(self.pipeline.batches("test", batch_size=8, seed=self.config.seed)))
        lengths = batch["audio_length"].numpy()
        row = int(np.argsort(lengths)[len(lengths) // 2])
        wave = batch["audio"][row, :lengths[row]].numpy() / 32768.0
        picture = self._answer(wave.astype(np.float32), batch["text"].numpy()[row].decode()).picture
        return {} if picture is None else {"alignment": picture}

    def signatures(self) -> dict[str, Any]:
        """Returns the transcription of whole sounds and, of a model of one direction, one step."""
        model = self.model

        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, "wave"),
                                      tf.TensorSpec((None,), tf.int32, "samples")])
        def transcribe(wave, samples):
            _, _, greedy, beam = self._hear(wave, samples)
            return {"transcript": greedy, "beam": beam}

        if self.config.bidirectional:
            return {"serving_default": transcribe}
        sizes = model.recurrent.state_sizes

        # All parts of the state side by side in one tensor: zeros before the first step.
        @tf.function(input_signature=[tf.TensorSpec((None, model.window), tf.float32, "window"),
                                      tf.TensorSpec((None, sum(sizes)), tf.float32, "state")])
        def step(window, state):
            scores, new = model.step(window, tf.split(state, sizes, -1))
            return {"log_probabilities": scores, "state": tf.concat(new, -1)}

        return {"serving_default": transcribe, "step": step}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns a clip, noise and silence."""
        batch = next(iter(self.pipeline.batches("validation", batch_size=1, seed=self.config.seed)))
        clip = batch["audio"].numpy()[0, :2 * RATE].astype(np.float32) / 32768.0
        wave = np.stack([clip, np.random.default_rng(0).normal(0, 0.1, len(clip)), np.zeros(len(clip))])
        examples = {"serving_default": {"wave": wave, "samples": np.array([len(clip), len(clip) // 2, 0], np.int32)}}
        if not self.config.bidirectional:
            size = sum(self.model.recurrent.state_sizes)
            examples["step"] = {"window": np.resize(wave, (3, self.model.window)), "state": np.zeros((3, size))}
        return examples

    def _measure(self, batch, search):
        """Returns losses, log-probabilities, steps, greedy transcripts of a batch and, if asked for, the beam's."""
        scores, steps = self.model(batch["audio"], batch["audio_length"])
        losses = CTCHead.loss(batch["labels"], scores, batch["labels_length"], steps)
        greedy = self.alphabet.decode(CTCHead.decode(scores, steps)[0])
        beam = [self.alphabet.decode(self.model.beam(scores, steps, self.config.beam))] if search else []
        return losses, scores, steps, greedy, *beam

    def _fused(self, scores, steps):
        """Returns the transcripts that the beam finds together with the n-gram model."""
        config = self.config
        best = [prefix_beam(row[:count], width=config.beam, language_model=self.language, candidates=8,
                            weight=config.language_weight, bonus=config.language_bonus)[0][0]
                for row, count in zip(scores, steps, strict=True)]
        return ["".join(self.alphabet.characters[label - 1] for label in labels).encode() for labels in best]

    def _hear(self, wave, samples):
        """Returns log-probabilities, steps, greedy transcripts and those of the beam."""
        scores, steps = self.model(wave, samples)
        # The wave may be shorter than it is said to be.
        steps = tf.clip_by_value(steps, 0, tf.shape(scores)[1])
        labels, _ = CTCHead.decode(scores, steps)
        found = self.model.beam(scores, steps, self.config.beam)
        return scores, steps, self.alphabet.decode(labels), self.alphabet.decode(found)

    def _answer(self, wave, wanted=""):
        scores, steps, greedy, beam = self._heard(wave[None], tf.constant([len(wave)], tf.int32))
        text, searched = (part.numpy()[0].decode() for part in (greedy, beam))
        seconds = len(wave) / RATE
        picture = None
        if len(wave):
            spectrogram = self.model.spectrogram(tf.constant(wave[None]))[0].numpy()
            picture = draw_alignment(spectrogram, np.exp(scores[0, :int(steps[0])]), self.alphabet.characters, seconds,
                                     text or NOTHING, wanted)
        data = {"transcript": text, "beam": searched, "seconds": round(seconds, 3)}
        return ogbrain.Prediction(text or NOTHING, data, picture)
