"""Greedy and beam search as graph operations, which export with a model."""

from collections.abc import Callable, Sequence

import tensorflow as tf

Step = Callable[[Sequence[tf.Tensor], Sequence[tf.Tensor], tf.Tensor], tuple[tf.Tensor, Sequence[tf.Tensor]]]
"""`step(constants, state, tokens)` gives logits, `(rows, size)`, and the new state; all tensors begin with the rows."""


def greedy_search(
    step: Step,
    constants: Sequence[tf.Tensor],
    state: Sequence[tf.Tensor],
    *,
    rows: tf.Tensor,
    limit: tf.Tensor,
    start: int,
    end: int,
) -> tf.Tensor:
    """Takes the likeliest token at every step, until all rows have ended.

    Args:
        step: Reads one token of each row.
        constants: What stays the same for a row, such as a memory and its keys.
        state: The state before the first token.
        rows: Number of rows, `()` int32.
        limit: The most tokens, `()` or `(rows,)` int32.
        start: The first token read.
        end: The token after which a row has ended.

    Returns:
        `(rows, time)` int32; rows that ended sooner repeat the end.

    Example:
        >>> ids = greedy_search(decoder_step, [memory], state, rows=2, limit=50, start=START, end=END)
    """
    limit, most = _limits(limit, rows)

    def more(place, tokens, ended, *_):
        return (place < most) & ~tf.reduce_all(ended)

    def advance(place, tokens, ended, taken, state):
        logits, state = step(constants, state, tokens)
        tokens = tf.where(ended, end, tf.argmax(logits, -1, tf.int32))
        ended |= (tokens == end) | (place + 1 >= limit)
        return place + 1, tokens, ended, taken.write(place, tokens), state

    taken = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=(None,), clear_after_read=False)
    first = 0, tf.fill([rows], start), tf.fill([rows], False), taken, list(state)
    taken = tf.while_loop(more, advance, first, parallel_iterations=1)[3]
    # A last row keeps the stack from being of unknown shape where there is nothing to do.
    taken = taken.write(taken.size(), tf.fill([rows], end))
    return tf.transpose(taken.stack())


def beam_search(
    step: Step,
    constants: Sequence[tf.Tensor],
    state: Sequence[tf.Tensor],
    *,
    rows: tf.Tensor,
    beams: int,
    limit: tf.Tensor,
    start: int,
    end: int,
    alpha: float = 0.6,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Keeps the best few hypotheses of each row at every step.

    Hypotheses are ranked by log-probability over `((5 + length) / 6) ** alpha`, where the length counts the end. One
    that has ended stays as it is as long as it is among the best; the search ends when all of them have.

    Args:
        step: Reads one token of each of `rows * beams` rows.
        constants: What stays the same for a row; repeated for its hypotheses here.
        state: The state before the first token.
        rows: Number of rows, `()` int32.
        beams: Hypotheses a row.
        limit: The most tokens, `()` or `(rows,)` int32.
        start: The first token read.
        end: The token that ends a hypothesis.
        alpha: 0 takes no account of the length; more favours longer ones.

    Returns:
        The hypotheses, `(rows, beams, largest limit)` int32, best first, filled up with the end; and their scores,
        `(rows, beams)` float32.

    Example:
        >>> ids, scores = beam_search(decoder_step, [memory], state, rows=2, beams=5, limit=50, start=START, end=END)

    Reference: Wu et al. 2016, arXiv 1609.08144, equation 14.
    """
    constants = [tf.repeat(constant, beams, 0) for constant in constants]
    state = [tf.repeat(part, beams, 0) for part in state]
    limit, most = _limits(limit, rows)
    places = tf.range(most)
    first_of_row = tf.range(rows)[:, None] * beams

    def penalty(lengths):
        return ((5.0 + tf.cast(lengths, tf.float32)) / 6.0) ** alpha

    def more(place, tokens, ended, *_):
        return (place < most) & ~tf.reduce_all(ended)

    def advance(place, tokens, ended, lengths, sums, taken, state):
        logits, state = step(constants, state, tf.reshape(tokens, [-1]))
        logits = tf.cast(logits, tf.float32)
        # The best of each hypothesis are enough to find the best of all.
        few = min(beams, logits.shape[-1])
        best, found = tf.math.top_k(logits, few)
        best -= tf.reduce_logsumexp(logits, -1, keepdims=True)
        best, found = (tf.reshape(part, [rows, beams, few]) for part in (best, found))
        only_one = tf.concat([tf.zeros([1]), tf.fill([few - 1], -float("inf"))], 0)
        best = tf.where(ended[..., None], only_one, best)
        found = tf.where(ended[..., None], end, found)
        lengths += tf.cast(~ended, tf.int32)
        totals = sums[..., None] + best
        ranked = tf.reshape(totals / penalty(lengths)[..., None], [rows, beams * few])
        _, chosen = tf.math.top_k(ranked, beams)
        parents = chosen // few
        tokens, sums = (tf.gather(tf.reshape(p, [rows, beams * few]), chosen, batch_dims=1) for p in (found, totals))
        ended, lengths, taken = (tf.gather(part, parents, batch_dims=1) for part in (ended, lengths, taken))
        taken = tf.where(places == place, tokens[..., None], taken)
        state = [tf.gather(part, tf.reshape(first_of_row + parents, [-1])) for part in state]
        ended |= (tokens == end) | (place + 1 >= limit)[:, None]
        return place + 1, tokens, ended, lengths, sums, taken, state

    shape = tf.stack([rows, beams])
    # All hypotheses begin alike: only the first one counts.
    sums = tf.tile(tf.concat([tf.zeros([1]), tf.fill([beams - 1], -float("inf"))], 0)[None], [rows, 1])
    first = (0, tf.fill(shape, start), tf.fill(shape, False), tf.zeros(shape, tf.int32), sums,
             tf.fill(tf.stack([rows, beams, most]), end), state)
    _, _, _, lengths, sums, taken, _ = tf.while_loop(more, advance, first, parallel_iterations=1)
    scores, order = tf.math.top_k(sums / penalty(tf.maximum(lengths, 1)), beams)
    return tf.gather(taken, order, batch_dims=1), scores


def _limits(limit: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the limit of each row, `(rows,)`, and the largest, 0 where there are no rows."""
    limits = tf.broadcast_to(limit, [rows])
    return limits, tf.reduce_max(tf.concat([limits, [0]], 0))
