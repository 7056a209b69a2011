"""From texts to words, in TensorFlow ops."""

import numpy as np
import tensorflow as tf

LONGEST = 20_000
"""Bytes of a text that are looked at."""
_WIDTHS = (3, 4, 5)
"""Letters of the sub-words of a word."""


def split_words(texts: tf.Tensor, most: int) -> tf.RaggedTensor:
    """Splits texts as the GloVe vectors were made: lower case, punctuation apart, `n't` and `'s` on their own.

    Args:
        texts: `(batch,)` strings, in UTF-8; other bytes become a replacement character.
        most: Words to keep of each text.

    Returns:
        `(batch, words)` strings; a text without any has the one word `<none>`.

    Example:
        >>> split_words(tf.constant(["It isn't GOOD."]), 10)
        [[b"it", b"is", b"n't", b"good", b"."]]
    """
    texts = tf.strings.unicode_transcode(tf.strings.substr(texts, 0, LONGEST), "UTF-8", "UTF-8", errors="replace")
    texts = tf.strings.lower(texts, "utf-8")
    for pattern, to in (
        (r"[‘’`´]", "'"),
        (r"[“”]", '"'),
        (r"n't\b", " n't "),
        (r"'(s|re|ve|ll|d|m)\b", r" '\1 "),
        (r"(\.\.+)", r" ... "),
        (r"([!?\",;:()\[\]{}<>/\\*&%$#@+=|~^_-])", r" \1 "),
        (r"([^.\s])\.(\s|$)", r"\1 . \2"),
    ):
        texts = tf.strings.regex_replace(texts, pattern, to)
    words = tf.strings.split(texts)[:, :most]
    empty = tf.equal(words.row_lengths(), 0)
    filler = tf.RaggedTensor.from_row_lengths(
        tf.fill([tf.reduce_sum(tf.cast(empty, tf.int64))], "<none>"), tf.cast(empty, tf.int64)
    )
    return tf.concat([words, filler], 1)


class WordPieces:
    """Numbers the words of texts; an unknown word gets those of its sub-words.

    Number 0 is padding, 1 to `len(words)` are the words in order; then come `buckets` numbers that sub-words of three
    to five letters share by their hash, or, without buckets, one for all unknown words.

    Args:
        words: The known words.
        buckets: Numbers for sub-words; 0 gives all unknown words one number.
        pieces: Sub-words of an unknown word that are looked at.
        most: Words of a text that are looked at.

    Example:
        >>> WordPieces(["good"], buckets=0)(tf.constant(["Good!"]))
        [[[1], [2]]]

    Reference: Bojanowski et al. 2017, arXiv 1607.04606, for vectors of words from those of their sub-words.
    """

    def __init__(self, words: list[str], buckets: int = 2000, pieces: int = 12, most: int = 64):
        self.words, self.buckets, self.pieces, self.most = list(words), buckets, pieces if buckets else 1, most
        keys = tf.constant(self.words or ["<none>"])
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, tf.range(1, len(keys) + 1, dtype=tf.int32)), 0
        )

    @property
    def size(self) -> int:
        """How many numbers there are, 0 among them."""
        return 1 + len(self.words) + max(1, self.buckets)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns `(batch, words, pieces)` int32, padded with 0, for `(batch,)` texts."""
        words = split_words(texts, self.most)
        numbers = self.numbers(words.flat_values)
        return words.with_flat_values(numbers).to_tensor(shape=(None, None, self.pieces))

    def numbers(self, words: tf.Tensor) -> tf.Tensor:
        """Returns `(words, pieces)` int32 for `(words,)` strings."""
        known = self._table.lookup(words)[:, None]
        if not self.buckets:
            return tf.where(known > 0, known, len(self.words) + 1)
        hashed = tf.cast(self.hashes(words), tf.int32) + len(self.words) + 1
        hashed = hashed[:, : self.pieces].to_tensor(shape=(None, self.pieces))
        only = tf.pad(known, [[0, 0], [0, self.pieces - 1]])
        return tf.where(known > 0, only, hashed)

    def hashes(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Returns the hashes of each word's sub-words, its ends marked, `(words, sub-words)` int64 below `buckets`."""
        marked = tf.strings.join(["<", tf.strings.substr(words, 0, 60), ">"])
        marked = tf.strings.unicode_transcode(marked, "UTF-8", "UTF-8", errors="replace")
        letters = tf.strings.unicode_split(marked, "UTF-8")
        pieces = tf.strings.ngrams(letters, _WIDTHS, separator="")
        return pieces.with_flat_values(tf.strings.to_hash_bucket_fast(pieces.flat_values, self.buckets))

    def vectors(self, known: dict[str, np.ndarray], depth: int, seed: int) -> np.ndarray:
        """Returns first vectors of all the numbers.

        Args:
            known: Vectors of words; a bucket gets the mean of the words that have a sub-word in it, a word that is
                not among them the mean of its sub-words' buckets.
            depth: Length of a vector.
            seed: Seed of vectors that nothing is known of.

        Returns:
            `(size, depth)` float32; that of padding is 0.
        """
        random = np.random.default_rng(seed)
        scale = float(np.std(list(known.values()))) if known else 0.25
        table = random.normal(0.0, scale * 0.1 if known else scale, (self.size, depth)).astype(np.float32)
        table[0] = 0
        has = np.array([word in known for word in self.words], bool)
        if not known:
            return table
        found = np.array([known[word] for word, yes in zip(self.words, has, strict=True) if yes], np.float32)
        rows = np.arange(1, len(self.words) + 1)
        table[rows[has]] = found.reshape(-1, depth)
        mean = found.mean(0) if len(found) else np.zeros(depth, np.float32)
        if not self.buckets:
            table[-1] = mean
            table[rows[~has]] = mean + table[rows[~has]]
            return table
        hashed = self.hashes(tf.constant(self.words))
        flat, owner = hashed.flat_values.numpy(), hashed.value_rowids().numpy()
        first = 1 + len(self.words)
        sums, counts = np.zeros((self.buckets, depth)), np.zeros(self.buckets)
        mine = has[owner]
        np.add.at(sums, flat[mine], table[rows[owner[mine]]])
        np.add.at(counts, flat[mine], 1)
        table[first:] = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], mean)
        totals, pieces = np.zeros((len(self.words), depth)), np.zeros(len(self.words))
        np.add.at(totals, owner, table[first + flat])
        np.add.at(pieces, owner, 1)
        table[rows[~has]] = (totals / np.maximum(pieces, 1)[:, None])[~has]
        return table
