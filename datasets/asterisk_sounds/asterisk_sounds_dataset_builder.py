"""Spoken phrases of a telephone exchange with their transcripts, out of Debian packages."""

import re
import zlib

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, DebianPackage, decompress_gzip
from ogbrain.data.sources.keyed_split import SHARES, split_groups
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.text import comparable, decode_utf8, tidy

from .g722 import RATE, decode_g722

LANGUAGES = {"en": "English", "es": "Spanish", "fr": "French", "it": "Italian", "ru": "Russian"}
_CLIP = re.compile(r"usr/share/asterisk/sounds/(?P<speaker>[^/]+)/(?P<id>.+)\.g722")
_NO_SPEECH = re.compile(r"\[.*\]|\(.*\)|<.*>")


class Builder(PackageBuilder):
    """Builds `asterisk_sounds`: sound, transcript and duration, a config for each language and one for all."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Transcribed clips at 16 kHz in five languages, one speaker each."}
    BUILDER_CONFIGS = [
        *(tfds.core.BuilderConfig(name=name, description=f"{LANGUAGES[name]}.") for name in LANGUAGES),
        tfds.core.BuilderConfig(name="all", description="All five languages."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "audio": tfds.features.Audio(
                        shape=(None,),
                        dtype=np.int16,
                        sample_rate=RATE,
                        encoding=tfds.features.Encoding.ZLIB,
                        doc="Samples at 16 kHz, one channel.",
                    ),
                    "transcript": tfds.features.Text(doc="What is said, with punctuation."),
                    "duration": tfds.features.Scalar(np.float32, doc="Length in seconds."),
                    "speaker": tfds.features.Text(doc="Language, country, sex and name of the speaker."),
                    "id": tfds.features.Text(doc="Name of the clip in Asterisk."),
                }
            ),
            supervised_keys=("audio", "transcript"),
            homepage="https://www.asterisksounds.org",
            license="CC-BY-SA-3.0 (en, es, fr); CC-BY-3.0 (it, ru)",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the packages are fetched by apt-get
        chosen: dict[str, list[dict]] = {split: [] for split in SHARES}
        for language in LANGUAGES if self.builder_config.name == "all" else [self.builder_config.name]:
            for split, clips in self._split_clips(language).items():
                chosen[split] += clips
        return {split: self._generate_examples(clips) for split, clips in chosen.items()}

    def _split_clips(self, language: str) -> dict[str, list[dict]]:
        """Returns the clips of a language by split, the same whether or not other languages are read too."""
        base = DebianPackage(f"asterisk-core-sounds-{language}", alternative="librispeech")
        sounds = DebianPackage(f"asterisk-core-sounds-{language}-g722", alternative="librispeech")
        transcripts = self._transcripts(base, f"usr/share/doc/{base.name}/core-sounds-{language}.txt.gz")
        clips = self._clips(sounds, transcripts)
        if not clips:
            raise ArchiveError(f"{sounds.title}: holds no transcribed clips; another version of the package?")
        splits = split_groups(comparable(clip["transcript"]) for clip in clips)
        chosen: dict[str, list[dict]] = {split: [] for split in SHARES}
        for clip in clips:
            chosen[splits[comparable(clip["transcript"])]].append(clip)
        return chosen

    def _generate_examples(self, clips: list[dict]):
        # All of a split at once: clips of like length are decoded side by side.
        sounds = decode_g722([clip["g722"] for clip in clips])
        for clip, samples in zip(clips, sounds, strict=True):
            # Audio takes an array as it is, even where its encoding is ZLIB: so it is given the encoded bytes.
            encoded = np.array(zlib.compress(samples.astype("<i2").tobytes()), object)
            example = {key: clip[key] for key in ("transcript", "speaker", "id")}
            key = clip["id"]
            if self.builder_config.name == "all":
                key = f"{clip['speaker']}/{key}"  # the languages have clips of one name
            yield key, {"audio": encoded, "duration": np.float32(len(samples) / RATE), **example}

    def _transcripts(self, package: DebianPackage, name: str) -> dict[str, str]:
        """Returns what is said in each clip, by the clip's name."""
        files = dict(self.members(package, name.__eq__))
        if name not in files:
            raise ArchiveError(f"{package.title}: holds no {name}; another version of the package?")
        found = {}
        for number, line in enumerate(decode_utf8(decompress_gzip(files[name], name), name).splitlines(), 1):
            if not line.strip() or line.startswith(";"):
                continue
            clip, colon, text = line.partition(":")
            if not colon or not clip.strip() or not tidy(text):
                self.skip("malformed row", f"{name}:{number}: not 'clip: text': {line[:60]!r}")
            elif _NO_SPEECH.fullmatch(tidy(text)):
                self.skip("no speech", f"{clip}: {tidy(text)}")
            else:
                found[clip.strip()] = tidy(text)
        return found

    def _clips(self, package: DebianPackage, transcripts: dict[str, str]) -> list[dict]:
        """Returns the transcribed clips in the order of their names."""
        clips = []
        for name, data in self.members(package, lambda name: _CLIP.fullmatch(name) is not None):
            match = _CLIP.fullmatch(name)
            assert match is not None  # only such names are wanted
            if match["id"] not in transcripts:
                continue  # tones, and what was recorded without a script
            if not data:
                self.skip("zero length", f"{name}: the clip is empty")
                continue
            clips.append(
                {"id": match["id"], "speaker": match["speaker"], "transcript": transcripts[match["id"]], "g722": data}
            )
        return sorted(clips, key=lambda clip: clip["id"])
