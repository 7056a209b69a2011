"""Pieces of words: learnt by byte pair encoding, found again by longest match first."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping

import tensorflow as tf

CONTINUED = "##"
"""Marks a piece that does not begin a word."""

_LONGEST = 16


def learn(counts: Mapping[str, int], size: int) -> list[str]:
    """Learns pieces of words.

    Args:
        counts: How often each word is seen.
        size: The most pieces.

    Returns:
        The pieces: the characters, most frequent first, then the merges in the order they were learnt.
    """
    spelled = [[word[0], *(CONTINUED + letter for letter in word[1:])] for word in counts]
    weights = list(counts.values())
    letters: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    where: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, pieces in enumerate(spelled):
        for piece in pieces:
            letters[piece] += weights[number]
        for pair in zip(pieces[:-1], pieces[1:], strict=True):
            pairs[pair] += weights[number]
            where[pair].add(number)
    found = sorted(letters, key=lambda piece: (-letters[piece], piece))[:size]
    known = set(found)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap and len(found) < size:
        negative, pair = heapq.heappop(heap)
        if -negative != pairs[pair]:  # The count changed since; its new value is in the heap too.
            continue
        if -negative < 2:
            break
        merged = pair[0] + pair[1].removeprefix(CONTINUED)
        if len(merged.removeprefix(CONTINUED)) > _LONGEST:
            continue
        if merged not in known:
            found.append(merged)
            known.add(merged)
        changed: set[tuple[str, str]] = set()
        for number in where.pop(pair):
            old = spelled[number]
            new = _merge(old, pair, merged)
            for gone in zip(old[:-1], old[1:], strict=True):
                pairs[gone] -= weights[number]
                changed.add(gone)
            for come in zip(new[:-1], new[1:], strict=True):
                pairs[come] += weights[number]
                where[come].add(number)
                changed.add(come)
            spelled[number] = new
        for other in changed:
            if pairs[other] > 0:
                heapq.heappush(heap, (-pairs[other], other))
    return found


def split_word(word: str, ids: Mapping[str, int], longest: int, unknown: int) -> list[int]:
    """Splits a word, taking the longest known piece each time; a character without a piece is unknown."""
    pieces, place = [], 0
    while place < len(word):
        prefix = CONTINUED if place else ""
        for end in range(min(len(word), place + longest), place, -1):
            number = ids.get(prefix + word[place:end])
            if number is not None:
                break
        else:
            end, number = place + 1, unknown
        pieces.append(number)
        place = end
    return pieces


def split_in_graph(
    words: tf.RaggedTensor, table: tf.lookup.StaticHashTable, longest: int, unknown: int
) -> tf.RaggedTensor:
    """Does what `split_word` does for many words at once, with TensorFlow ops.

    Args:
        words: `(batch, None)` strings, no empty ones.
        table: From pieces to ids.
        longest: Characters of the longest piece.
        unknown: The id of what has no piece; the table's default.

    Returns:
        `(batch, None)` int64, the pieces of all the words of a text in a row.
    """
    flat = words.flat_values
    sizes = tf.strings.length(flat, unit="UTF8_CHAR")
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
        lengths = tf.broadcast_to(widths[tf.newaxis], shape)
        pieces = tf.strings.substr(tf.broadcast_to(padded[:, tf.newaxis], shape), starts, lengths, unit="UTF8_CHAR")
        pieces = tf.where(starts > 0, tf.strings.join([tf.fill(shape, CONTINUED), pieces]), pieces)
        found = table.lookup(pieces)
        fits = (found != unknown) & (starts + lengths <= sizes[:, tf.newaxis])
        best = tf.reduce_max(tf.where(fits, lengths, 0), axis=1)
        chosen = tf.gather(found, tf.maximum(best - 1, 0), batch_dims=1)
        active = places < sizes
        ids = ids.write(step, tf.where(active, tf.where(best > 0, chosen, unknown), -1))
        return step + 1, tf.where(active, places + tf.maximum(best, 1), places), ids

    ids = tf.TensorArray(tf.int64, size=0, dynamic_size=True, element_shape=[None])
    _, _, ids = tf.while_loop(more, advance, (0, tf.zeros_like(sizes), ids), parallel_iterations=1)
    # An all -1 row keeps the stack from being of unknown shape when there is no word at all.
    ids = ids.write(ids.size(), tf.fill([count], tf.constant(-1, tf.int64)))
    table_of_pieces = tf.transpose(ids.stack())
    pieces = tf.ragged.boolean_mask(table_of_pieces, table_of_pieces >= 0)
    return words.with_flat_values(pieces).merge_dims(1, 2)


def _merge(pieces: list[str], pair: tuple[str, str], merged: str) -> list[str]:
    """Returns the pieces with each occurrence of the pair made one."""
    result, place = [], 0
    while place < len(pieces):
        if place + 1 < len(pieces) and (pieces[place], pieces[place + 1]) == pair:
            result.append(merged)
            place += 2
        else:
            result.append(pieces[place])
            place += 1
    return result
