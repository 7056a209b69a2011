"""Pieces of words: learnt and found by the package `tokenizers`, and found in the graph in the same way."""

from collections import Counter
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tokenizers

CONTINUED = "##"
"""Marks a piece that does not begin a word."""

_LONGEST_PIECE = 16
_LONGEST_WORD = 100


def learn(counts: Mapping[str, int], size: int) -> list[str]:
    """Learns pieces of words by byte pair encoding.

    Args:
        counts: How often each word is seen.
        size: The most pieces.

    Returns:
        The pieces: the characters, most frequent first, then the merges in the order they were learnt.
    """
    seen: Counter[str] = Counter()
    for word, count in counts.items():
        for place, letter in enumerate(word):
            seen[CONTINUED * (place > 0) + letter] += count
    letters = sorted(seen, key=lambda piece: (-seen[piece], piece))
    if len(letters) >= size:
        return letters[:size]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    # Given in an order of their own, characters have the same ids in every run, by which ties between pairs are broken.
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, min_frequency=2, show_progress=False, special_tokens=letters,
        continuing_subword_prefix=CONTINUED, max_token_length=_LONGEST_PIECE,
    )
    tokenizer.train_from_iterator((f"{word} " * count for word, count in counts.items()), trainer)
    ids = tokenizer.get_vocab()
    return sorted(ids, key=ids.__getitem__)


class Pieces:
    """Splits words by longest match first; a word of a character without a piece, or a very long one, is unknown.

    Example:
        >>> Pieces(["<unknown>", "low", "##er"], unknown=0).split("lower")
        [1, 2]
    """

    def __init__(self, tokens: Sequence[str], unknown: int):
        """Takes all tokens, each at its id.

        Args:
            tokens: The tokens.
            unknown: The id of the unknown one.
        """
        self._model = tokenizers.models.WordPiece(
            {token: number for number, token in enumerate(tokens)}, unk_token=tokens[unknown],
            max_input_chars_per_word=_LONGEST_WORD, continuing_subword_prefix=CONTINUED,
        )

    def split(self, word: str) -> list[int]:
        """Returns the ids of a word."""
        return [token.id for token in self._model.tokenize(word)]


def split_in_graph(
    words: tf.RaggedTensor, table: tf.lookup.StaticHashTable, longest: int, unknown: int
) -> tf.RaggedTensor:
    """Does what `Pieces.split` does for many words at once, with TensorFlow ops.

    Args:
        words: `(batch, None)` strings, no empty ones.
        table: From pieces to ids.
        longest: Characters of the longest piece.
        unknown: The id of what has no piece; the table's default.

    Returns:
        `(batch, None)` int64, the pieces of all the words of a text in a row.
    """
    flat = words.flat_values
    lengths = tf.strings.length(flat, unit="UTF8_CHAR")
    sizes = tf.where(lengths > _LONGEST_WORD, 0, lengths)
    # A place must not lie past the end of the string, also for words that are done.
    padded = tf.strings.join([flat, tf.fill(tf.shape(flat), " ")])
    widths = tf.range(1, longest + 1)
    count = tf.size(flat)

    def more(step, places, ids):
        del step, ids
        return tf.reduce_any(places < sizes)

    def advance(step, places, ids):
        shape = tf.stack([count, longest])
        starts = tf.broadcast_to(places[:, tf.newaxis], shape)
        wide = tf.broadcast_to(widths[tf.newaxis], shape)
        pieces = tf.strings.substr(tf.broadcast_to(padded[:, tf.newaxis], shape), starts, wide, unit="UTF8_CHAR")
        pieces = tf.where(starts > 0, tf.strings.join([tf.fill(shape, CONTINUED), pieces]), pieces)
        found = table.lookup(pieces)
        fits = (found != unknown) & (starts + wide <= sizes[:, tf.newaxis])
        best = tf.reduce_max(tf.where(fits, wide, 0), axis=1)
        chosen = tf.gather(found, tf.maximum(best - 1, 0), batch_dims=1)
        active = places < sizes
        ids = ids.write(step, tf.where(active, tf.where(best > 0, chosen, unknown), -1))
        return step + 1, tf.where(active, places + tf.maximum(best, 1), places), ids

    ids = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=[None])
    _, _, ids = tf.while_loop(more, advance, (0, tf.zeros_like(sizes), ids), parallel_iterations=1)
    # An all -1 row keeps the stack from being of unknown shape when there is no word at all.
    ids = ids.write(ids.size(), tf.fill([count], tf.constant(-1, tf.int64)))
    table_of_pieces = tf.transpose(ids.stack())
    broken = tf.reduce_any(table_of_pieces == unknown, 1) | (lengths > _LONGEST_WORD)
    one = tf.where(tf.range(tf.shape(table_of_pieces)[1]) == 0, tf.constant(unknown, tf.int64), -1)
    table_of_pieces = tf.where(broken[:, tf.newaxis], one, table_of_pieces)
    pieces = tf.ragged.boolean_mask(table_of_pieces, table_of_pieces >= 0)
    return words.with_flat_values(pieces).merge_dims(1, 2)
