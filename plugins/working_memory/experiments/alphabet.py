"""Transcripts as characters."""

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.data.log_mel import LogMel

_NOT_SPOKEN = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>")


def spoken(text: str) -> str:
    """Returns what is said of a transcript: lower case, letters, digits and apostrophes, single spaces.

    Example:
        >>> spoken("dot [.]  You're welcome!")
        "dot you're welcome"
    """
    text = _NOT_SPOKEN.sub(" ", text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text).split())


@dataclasses.dataclass(frozen=True)
class Alphabet:
    """The characters that a model can write; 0 is CTC's blank, 1 the first character.

    Example:
        >>> alphabet = Alphabet.of(["tea", "ate"])
        >>> alphabet.encode("Eat!")
        array([2, 1, 3], dtype=int32)
    """

    characters: str
    """All characters, in order."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Alphabet":
        """Returns the characters of transcripts."""
        return cls("".join(sorted(set("".join(map(spoken, texts))))))

    def encode(self, text: str) -> np.ndarray:
        """Returns the labels of a transcript, `(characters,)` int32; characters outside the alphabet are left out."""
        return np.array([self.characters.index(c) + 1 for c in spoken(text) if c in self.characters], np.int32)

    def decode(self, labels: tf.Tensor) -> tf.Tensor:
        """Returns the texts, `(batch,)`, of labels, `(batch, length)`, in the graph; zeros are nothing."""
        return tf.strings.reduce_join(tf.gather(tf.constant(["", *self.characters]), labels), axis=-1)


@dataclasses.dataclass(frozen=True)
class Transcribed:
    """Prepares an example of sound and transcript: `audio`, `labels`, `text` as it is spoken, `group`.

    With `bands`, `frames` too, the log-mel spectrogram, `(frames, bands)` float16.

    Example:
        >>> Transcribed("abc", "audio", "transcript", "speaker")(example)["labels"]
    """

    characters: str
    """Of the alphabet."""
    audio: str
    """Feature of the sound."""
    transcript: str
    """Feature of the transcript."""
    group: str
    """Feature whose beginning, up to the first `_`, tells groups of examples apart; empty for one group."""
    bands: int = 0
    """Mel bands of the spectrogram; 0 for none."""

    def __call__(self, example: dict[str, Any]) -> dict[str, Any]:
        """Returns the prepared example."""
        text = _text(example[self.transcript])
        group = _text(example[self.group]).partition("_")[0] if self.group else ""
        audio = np.asarray(example[self.audio], np.int16)
        more = {"frames": _spectrogram(self.bands)(audio[None])[0].numpy().astype(np.float16)} if self.bands else {}
        return {"audio": audio, "labels": Alphabet(self.characters).encode(text), "text": spoken(text).encode(),
                "group": group.encode(), **more}


@functools.cache
def _spectrogram(bands: int) -> Any:
    signature = [tf.TensorSpec((1, None), tf.int16)]
    return tf.function(LogMel(bands=bands).__call__, input_signature=signature, autograph=False)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
