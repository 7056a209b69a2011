"""Vocabularies of characters, words and pieces of words, as lookup tables in the graph."""

import functools
import os
import pathlib
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable

import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.decode import decode
from ogbrain.data.subwords import CONTINUED, Pieces, learn, split_in_graph
from ogbrain.errors import UserError, unknown_name

PAD, UNKNOWN, START, END = range(4)
SPECIAL = ("<pad>", "<unknown>", "<start>", "<end>")
KINDS = ("characters", "words", "subwords")
_SPACE = "\t\n\v\f\r"


class Vocabulary(tf.Module):
    """Turns text into ids and back with plain TensorFlow ops, so a model exports with its text processing.

    Text is lower-cased and its white space made single; words and marks are told apart. Characters keep the spaces
    between words. Subwords are pieces learnt by byte pair encoding and found again by longest match first, both by the
    package `tokenizers` outside of the graph; a word with a character that was never seen is unknown. The file holds
    one token a line, at its id, and is an asset of an exported model. The ids 0 to 3 are padding, unknown, start and
    end.

    Example:
        >>> path = Vocabulary.build(["one two", "two three"], folder / "words.txt", kind="words")
        >>> vocabulary = Vocabulary(path, "words")
        >>> vocabulary.encode(["two four"]).to_list()
        [[4, 1]]

    Reference: Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units, arXiv 1508.07909; the
        search is that of WordPiece.
    """

    def __init__(self, path: str | os.PathLike[str], kind: str):
        """Reads a vocabulary.

        Args:
            path: The file, as `build` wrote it.
            kind: `"characters"`, `"words"` or `"subwords"`.

        Raises:
            UserError: If there is no such kind, or the file is not a vocabulary.
        """
        super().__init__()
        _check_kind(kind)
        self.path, self.kind = pathlib.Path(path), kind
        try:
            # Not splitlines(): a token may be a line separator of Unicode.
            self.tokens = self.path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"vocabulary {str(path)!r}: cannot be read: {error}") from None
        if tuple(self.tokens[:4]) != SPECIAL or len(set(self.tokens)) != len(self.tokens):
            raise UserError(f"vocabulary {str(path)!r}: does not begin with {', '.join(SPECIAL)}, or repeats a token")
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        self._longest = max((len(token.removeprefix(CONTINUED)) for token in self.tokens[4:]), default=1)
        # A few thousand words make up most of any text.
        self._split = functools.lru_cache(100_000)(Pieces(self.tokens, UNKNOWN).split)
        line, token = tf.lookup.TextFileIndex.LINE_NUMBER, tf.lookup.TextFileIndex.WHOLE_LINE
        asset = str(self.path)
        with tf.init_scope():
            self._to_id = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(asset, tf.string, token, tf.int64, line), UNKNOWN
            )
            self._to_token = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(asset, tf.int64, line, tf.string, token), SPECIAL[UNKNOWN]
            )

    @property
    def size(self) -> int:
        """The number of ids."""
        return len(self.tokens)

    @classmethod
    def build(
        cls,
        texts: Iterable[str | bytes],
        path: str | os.PathLike[str],
        *,
        kind: str,
        size: int = 8000,
        min_count: int = 1,
    ) -> pathlib.Path:
        """Builds a vocabulary and writes it, whole or not at all.

        Args:
            texts: The texts it shall cover; those of the training split.
            path: The file to write.
            kind: `"characters"`, `"words"` or `"subwords"`.
            size: The most tokens, the four special ones among them.
            min_count: How often a token (of subwords: a word) must be seen to be counted.

        Returns:
            The path.
        """
        _check_kind(kind)
        if size <= len(SPECIAL):
            raise UserError(f"vocabulary size: {size} is not allowed; a whole number from {len(SPECIAL) + 1} on")
        counts: Counter[str] = Counter()
        for text in texts:
            text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
            counts.update(normalized(text) if kind == "characters" else words(text))
        kept = {token: count for token, count in counts.items() if count >= min_count and token not in SPECIAL}
        if kind == "subwords":
            tokens = learn(kept, size - len(SPECIAL))
        else:
            tokens = sorted(kept, key=lambda token: (-kept[token], token))[: size - len(SPECIAL)]
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".vocabulary-")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join((*SPECIAL, *tokens)) + "\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        return path

    @classmethod
    def of_dataset(
        cls, builder: tfds.core.DatasetBuilder, split: str, feature: str, *, kind: str, size: int = 8000
    ) -> "Vocabulary":
        """Returns the vocabulary of a feature, built the first time and kept beside the prepared data.

        Args:
            builder: The prepared builder; its version names the vocabulary's.
            split: The TFDS split string to build it from; that of the training data.
            feature: A text feature, flat: `"text/en"` for a nested one.
            kind: `"characters"`, `"words"` or `"subwords"`.
            size: The most tokens.
        """
        _check_kind(kind)
        named = f"{feature}-{split}-{kind}-{size}".replace("/", ".")
        safe = "".join(letter if letter.isalnum() or letter in "-._" else f"%{ord(letter):x}" for letter in named)
        folder = pathlib.Path(builder.data_path) / "vocabularies"
        path = folder / f"{safe}.txt"
        if not path.exists():
            columns = decode(builder, split, (), (feature,))
            if feature not in columns:
                raise unknown_name(f"feature of {builder.info.full_name}", feature, decode(builder, split, (), None))
            if not os.access(folder if folder.exists() else folder.parent, os.W_OK):
                path = pathlib.Path(tempfile.mkdtemp(prefix="vocabulary-")) / path.name
            cls.build(columns[feature].values, path, kind=kind, size=size)
        return cls(path, kind)

    def encode(self, texts: tf.Tensor, *, start: bool = False, end: bool = False) -> tf.RaggedTensor:
        """Encodes texts inside the graph.

        Args:
            texts: `(batch,)` strings, UTF-8.
            start: Puts the start id before each text.
            end: Puts the end id after each text.

        Returns:
            `(batch, None)` int64.
        """
        texts = tf.strings.lower(tf.convert_to_tensor(texts, tf.string), encoding="utf-8")
        if self.kind == "characters":
            texts = tf.strings.strip(tf.strings.regex_replace(texts, r"[\t\n\v\f\r\p{Z}]+", " "))
            ids = self._to_id.lookup(tf.strings.unicode_split(texts, "UTF-8"))
        else:
            texts = tf.strings.regex_replace(texts, r"([\p{P}\p{S}])", r" \1 ")
            tokens = tf.strings.split(tf.strings.regex_replace(texts, r"[\t\n\v\f\r\p{Z}]+", " "), " ")
            tokens = tf.ragged.boolean_mask(tokens, tokens != "")
            if self.kind == "words":
                ids = self._to_id.lookup(tokens)
            else:
                ids = split_in_graph(tokens, self._to_id, self._longest, UNKNOWN)
        edge = tf.ones([tf.shape(texts)[0], 1], tf.int64)
        parts = [edge * START] * start + [ids] + [edge * END] * end
        return tf.concat(parts, axis=1) if len(parts) > 1 else ids

    def tokens_of(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the token of each id, strings of the same shape."""
        return self._to_token.lookup(tf.cast(ids, tf.int64))

    def encode_text(self, text: str | bytes) -> list[int]:
        """Encodes one text outside the graph; the same ids as `encode` gives, faster for a single text."""
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        if self.kind == "characters":
            return [self._ids.get(character, UNKNOWN) for character in normalized(text)]
        if self.kind == "words":
            return [self._ids.get(word, UNKNOWN) for word in words(text)]
        return [number for word in words(text) for number in self._split(word)]

    def decode(self, ids: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
        """Turns ids into texts inside the graph; stops at the end id and leaves out padding and start.

        Args:
            ids: `(batch, time)`, of any integer dtype.

        Returns:
            `(batch,)` strings. Marks stand apart from words, as encoding puts them.
        """
        ids = ids if isinstance(ids, tf.RaggedTensor) else tf.RaggedTensor.from_tensor(ids)
        dense = tf.cast(ids.to_tensor(PAD), tf.int64)
        before_end = tf.cumsum(tf.cast(dense == END, tf.int32), axis=1) == 0
        keep = before_end & (dense != PAD) & (dense != START)
        tokens = tf.ragged.boolean_mask(self._to_token.lookup(dense), keep)
        if self.kind == "characters":
            return tf.strings.reduce_join(tokens, axis=1)
        joined = tf.strings.reduce_join(tokens, axis=1, separator=" ")
        return tf.strings.regex_replace(joined, f"(^| ){CONTINUED}", "") if self.kind == "subwords" else joined


def normalized(text: str) -> str:
    """Returns the text in lower case, each run of white space a single space."""
    lowered = text.lower()
    spaced = "".join(" " if c in _SPACE or unicodedata.category(c)[0] == "Z" else c for c in lowered)
    return " ".join(part for part in spaced.split(" ") if part)


def words(text: str) -> list[str]:
    """Returns the words and marks of a text, in lower case."""
    lowered = text.lower()
    apart = "".join(f" {c} " if unicodedata.category(c)[0] in "PS" else c for c in lowered)
    return [word for word in normalized(apart).split(" ") if word]


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise unknown_name("kind of vocabulary", kind, KINDS)
