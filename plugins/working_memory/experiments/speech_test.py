import dataclasses
import io
import unittest
import wave

import numpy as np
import soundfile
import tensorflow as tf
import tensorflow_datasets as tfds
from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig
from ogbrain.errors import UserError
from plugins.working_memory.experiments.alphabet import Alphabet, spoken
from plugins.working_memory.experiments.character_model import CharacterModel
from plugins.working_memory.experiments.edit_distance import edit_distance
from plugins.working_memory.experiments.ngram import NGram
from plugins.working_memory.experiments.speech import NOTHING, Speech
from plugins.working_memory.experiments.speech_config import SpeechConfig
from plugins.working_memory.pipelines.sound_file import RATE, read_sound, resample
from plugins.working_memory.pipelines.sound_stream import read_pcm

TONES = {"a": 500.0, "b": 2200.0}


def sound(text, seconds=0.15):
    """A tone for each letter, with silence between."""
    time = np.arange(int(RATE * seconds)) / RATE
    parts = [np.append(np.sin(2 * np.pi * TONES[c] * time), np.zeros(800)) for c in text]
    return (np.concatenate(parts) * 12000).astype(np.int16)


class TinySounds(tfds.core.GeneratorBasedBuilder):
    """Tones; the last word of each is of a letter that the training texts lack."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({
            "audio": tfds.features.Tensor(shape=(None,), dtype=np.int16), "transcript": tfds.features.Text(),
            "speaker": tfds.features.Text()}))

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(name) for name in ("train", "validation", "test")}

    def _generate_examples(self, split):
        for number, text in enumerate(("a", "b", "ab", "ba", "aab", "bb", "aba", "bab")):
            end = "" if split == "train" else " Z"
            yield number, {"audio": sound(text), "transcript": f"{text.upper()}!{end}", "speaker": f"x{number % 2}_1"}


TINY = SpeechConfig(
    epochs=3, steps_per_epoch=2, batch_size=4, lengths=(1.0,), units=12, layers=1, bands=16,
    data=DataConfig(name="tiny_sounds"), log_every=2, precision="float32", augment=False,
    optimizer=OptimizerConfig(learning_rate=1e-2))


def setUpModule():
    unittest.enterModuleContext(testing.use_data(TinySounds))


class SpeechTest(testing.ExperimentTestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.create_tempdir().full_path

    def file(self, name, samples, rate=RATE, **arguments):
        path = f"{self.folder}/{name}"
        soundfile.write(path, samples, rate, **arguments)
        return path

    def ready(self, steps=0, **changes):
        return self.set_up(Speech(dataclasses.replace(TINY, **changes)), steps)

    def test_conformance(self):
        self.check_experiment(Speech, dataclasses.replace(TINY, bidirectional=False), inputs=[
            self.file("tone.wav", sound("ab")), self.file("none.wav", np.zeros(0, np.int16))])

    def test_both_directions_can_be_exported(self):
        self.check_exports(self.ready())

    @parameterized.parameters({"cell": "gru", "precision": "mixed_bfloat16"},
                              {"cell": "min_lstm", "layers": 2, "augment": True})
    def test_learns_the_tones(self, **changes):
        experiment = self.check_learns(Speech(dataclasses.replace(TINY, **changes)), steps=25)
        names = {"cer", "wer", "cer_x0", "wer_x1"}
        self.assertContainsSubset(names, experiment.evaluate("validation"))
        searched = {f"{kind}_{name}" for kind in ("beam", "fused") for name in names}
        self.assertContainsSubset(names | searched, experiment.evaluate("test"))

    def test_all_that_can_be_heard_is(self):
        experiment = self.ready()
        samples = sound("ab", 0.3) / 32768.0
        stereo = np.stack([samples, samples], 1)
        plain = experiment.predict([self.file("a.wav", samples, subtype="FLOAT")])[0]
        for path in (self.file("b.flac", stereo, subtype="PCM_24"), self.file("c.wav", stereo, subtype="PCM_24"),
                     self.file("d.wav", resample(samples, RATE, 44100), 44100),
                     self.file("e.ogg", samples), self.file("f.wav", resample(samples, RATE, 8000), 8000)):
            # OGG loses some everywhere, and 8 kHz what is sharp where a tone begins.
            self.assertLess(np.abs(read_sound(path) - samples)[2000:-2000].mean(), 0.01)
            self.assertAlmostEqual(experiment.predict([path])[0].data["seconds"], plain.data["seconds"], places=2)

    def test_silence_and_nothing(self):
        experiment = self.ready(steps=25)
        silence, empty, short = experiment.predict([
            self.file("silence.wav", np.zeros(RATE)), self.file("empty.wav", np.zeros(0)),
            self.file("short.wav", np.zeros(1))])
        for answer in (silence, empty, short):
            self.assertEqual((answer.text, answer.data["transcript"]), (NOTHING, ""))
        self.assertIsNone(empty.picture)
        # Said to be longer than it is, or shorter than nothing.
        scores, steps, *_ = experiment._hear(tf.zeros((2, RATE)), tf.constant([10 * RATE, -5]))
        self.assertTrue(np.isfinite(scores).all())
        np.testing.assert_array_equal(steps, [scores.shape[1], 0])

    def test_long_clips_are_evaluated_but_not_trained_on(self):
        experiment = self.ready(lengths=(0.3, 0.5))
        self.assertEqual([pipeline.num_examples("train") for pipeline in (
            experiment.stage_pipeline(0), experiment.pipeline)], [5, 8])

    def test_bad_files(self):
        path = f"{self.folder}/text.wav"
        with open(path, "w") as file:
            file.write("no sound")
        experiment = self.ready()
        for given in (path, f"{self.folder}/missing.wav", self.folder):
            with self.assertRaisesRegex(UserError, "WAV, FLAC or OGG"):
                experiment.predict([given])
        for name in ("audio", "transcript", "group"):
            with self.assertRaisesRegex(UserError, "feature"):
                self.ready(**{name: "speker"})
        for changes in ({"cell": "lstn"}, {"beam": 0}, {"batch_seconds": 0.5}, {"lengths": (2.0, 1.0)},
                        {"splits": ("train",)}):
            with self.assertRaises(UserError):
                dataclasses.replace(TINY, **changes)

    def test_stream_is_predict(self):
        experiment = self.ready(steps=30, bidirectional=False)
        for length in (0, 100, 479, 480, 720, 12345):
            samples = np.resize(sound("abba"), length)
            header = io.BytesIO()
            with wave.open(header, "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(samples.tobytes())
            whole = experiment.predict([self.file("s.wav", samples)])[0].data["transcript"]
            for data in (samples.tobytes(), header.getvalue()):
                self.assertEqual("".join(experiment.stream(io.BytesIO(data))), whole)
        with self.assertRaisesRegex(UserError, "both directions"):
            next(self.ready().stream(io.BytesIO(b"")))

    def test_step_is_the_whole(self):
        experiment = self.ready(bidirectional=False)
        model = experiment.model
        samples = tf.constant(sound("ab")[None] / 32768.0, tf.float32)
        whole, steps = model(samples, tf.constant([samples.shape[1]]))
        padded = tf.pad(samples, [[0, 0], [0, model.window]])
        state = model.recurrent.get_initial_state(1)
        for number in range(int(steps[0])):
            scores, state = model.step(padded[:, number * model.hop:number * model.hop + model.window], state)
            np.testing.assert_allclose(scores[0], whole[0, number], atol=1e-4)


class PartsTest(parameterized.TestCase):
    def test_transcripts(self):
        self.assertEqual(spoken("dot [.]  You\N{RIGHT SINGLE QUOTATION MARK}re (beep) WELCOME..."),
                         "dot you're welcome")
        alphabet = Alphabet.of(["tea", "ate"])
        np.testing.assert_array_equal(alphabet.encode("Eat, Zoë!"), [2, 1, 3])
        self.assertEqual(alphabet.decode(tf.constant([[2, 0, 3], [0, 0, 0]])).numpy().tolist(), [b"et", b""])

    def test_character_model_is_that_of_the_ngrams(self):
        texts = [np.array([1, 2, 3]), np.array([2, 1, 2])]
        model = CharacterModel(texts, 4, order=3)
        for prefix in ((), (1,), (3, 1, 2)):
            self.assertAlmostEqual(sum(np.exp(model(prefix, label)) for label in range(4)), 1.0)
        stream = np.array([0, 0, 1, 2, 3, 0, 0, 2, 1, 2, 0, 0])
        expected = NGram(stream, 4, order=3).probabilities(np.array([2, 1, 2]))[-1]
        self.assertAlmostEqual(model((3, 2, 1), 2), np.log(expected))

    @parameterized.parameters(("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0),
                              ("abcd", "acbd", 2))
    def test_edit_distance(self, wanted, given, expected):
        self.assertEqual(edit_distance(wanted, given), expected)

    @parameterized.parameters(8000, 22050, 44100, 48000, 16001)
    def test_a_tone_keeps_its_pitch(self, rate):
        time = np.arange(rate) / rate
        new = resample(np.sin(2 * np.pi * 440 * time), rate)
        self.assertLen(new, RATE)
        np.testing.assert_allclose(new[500:-500], np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[500:-500], atol=0.01)

    def test_wav_of_another_kind_from_a_pipe(self):
        for channels, rate in ((2, RATE), (1, 8000)):
            data = io.BytesIO()
            with wave.open(data, "wb") as file:
                file.setparams((channels, 2, rate, 0, "NONE", ""))
                file.writeframes(b"\0" * 8)
            with self.assertRaisesRegex(UserError, f"{channels} channel.*{rate} Hz"):
                list(read_pcm(io.BytesIO(data.getvalue())))
        with self.assertRaisesRegex(UserError, "without samples"):
            list(read_pcm(io.BytesIO(b"RIFF\0\0\0\0WAVE")))
        for head in (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0\1\0\1\0", b"RIFF\0\0\0\0WAVEdata\4\0\0\0\0\0\0\0"):
            with self.assertRaisesRegex(UserError, "without samples"):
                list(read_pcm(io.BytesIO(head)))
        for head in (b"fLaC\0\0\0", b"OggS\0\0\0"):
            with self.assertRaisesRegex(UserError, "--input=FILE"):
                list(read_pcm(io.BytesIO(head)))
        self.assertEqual([len(piece) for piece in read_pcm(io.BytesIO(b"\0\0\0"))], [1])

    def test_what_follows_the_samples_of_a_wav_is_no_sound(self):
        data = io.BytesIO()
        with wave.open(data, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(b"\1\0" * 5000)
        whole = data.getvalue() + b"LIST\4\0\0\0INFO"
        self.assertEqual(sum(map(len, read_pcm(io.BytesIO(whole)))), 5000)
        # The header of what was written to a pipe does not know how long it is.
        for size in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
            piped = data.getvalue()[:40] + size + data.getvalue()[44:]
            self.assertEqual(sum(map(len, read_pcm(io.BytesIO(piped)))), 5000)


if __name__ == "__main__":
    absltest.main()
