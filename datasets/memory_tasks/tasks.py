"""Sequence tasks that need memory, after their published definitions.

Each function makes one example of a given length from a generator of random numbers
and returns float32 arrays: `inputs` `(time, width)`, `targets` `(time, classes)` and
`mask` `(time,)`, 1 where a target counts. NTM: Graves, Wayne and Danihelka, "Neural
Turing Machines", 2014 (arXiv 1410.5401). LSTM: Hochreiter and Schmidhuber, "Long
Short-Term Memory", 1997, whose experiments the numbers are.
"""

from collections.abc import Callable

import numpy as np

Example = dict[str, np.ndarray]


def _example(inputs: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> Example:
    return {name: value.astype(np.float32) for name, value in
            (("inputs", inputs), ("targets", targets), ("mask", mask))}  # fmt: skip


def copy(length: int, rng: np.random.Generator) -> Example:
    """NTM 4.1: `length` vectors of 8 random bits, an end mark on a ninth channel, then silence to repeat them in."""
    bits = rng.integers(0, 2, (length, 8))
    inputs, targets, mask = np.zeros((2 * length + 1, 9)), np.zeros((2 * length + 1, 8)), np.zeros(2 * length + 1)
    inputs[:length, :8], inputs[length, 8] = bits, 1
    targets[length + 1 :], mask[length + 1 :] = bits, 1
    return _example(inputs, targets, mask)


def repeat_copy(length: int, rng: np.random.Generator) -> Example:
    """NTM 4.2: as `copy`, up to 10 times over; the number, scaled to mean 0 and variance 1, on its own channel.

    A last step wants an end mark on a ninth target channel.
    """
    repeats = int(rng.integers(1, 11))
    bits = rng.integers(0, 2, (length, 8))
    steps = length + 1 + length * repeats + 1
    inputs, targets, mask = np.zeros((steps, 9)), np.zeros((steps, 9)), np.zeros(steps)
    inputs[:length, :8] = bits
    inputs[length, 8] = (repeats - 5.5) / np.sqrt(99 / 12)  # of the uniform distribution on 1-10
    targets[length + 1 : -1, :8], targets[-1, 8], mask[length + 1 :] = np.tile(bits, (repeats, 1)), 1, 1
    return _example(inputs, targets, mask)


def associative_recall(length: int, rng: np.random.Generator) -> Example:
    """NTM 4.3: `length` items of three vectors of 6 bits, a mark before each; then one of them, and the next is wanted.

    `length` is at least 2. Channel 7 marks the items, channel 8 the query before and after.
    """
    # Numbers of 18 bits without repetition: an item that is there twice would have two answers.
    numbers = rng.choice(1 << 18, length, replace=False)
    items = (numbers[:, None] >> np.arange(18) & 1).reshape(length, 3, 6)
    query = int(rng.integers(0, length - 1))
    asked = 4 * length
    steps = asked + 5 + 3
    inputs, targets, mask = np.zeros((steps, 8)), np.zeros((steps, 6)), np.zeros(steps)
    for index, item in enumerate(items):
        inputs[4 * index, 6] = 1
        inputs[4 * index + 1 : 4 * index + 4, :6] = item
    inputs[[asked, asked + 4], 7] = 1
    inputs[asked + 1 : asked + 4, :6] = items[query]
    targets[-3:], mask[-3:] = items[query + 1], 1
    return _example(inputs, targets, mask)


def adding(length: int, rng: np.random.Generator) -> Example:
    """LSTM 5.4: numbers in [-1, 1] and marks; wanted at the end is 0.5 + (X1 + X2) / 4 of the two marked with 1.

    The first marked number is among the first ten, the second in the first half; the first and the last step are
    marked with -1, but for a first step that is one of the two, whose value then counts as 0. `length` is at least 5.
    """
    values = rng.uniform(-1, 1, length)
    first = int(rng.integers(0, min(10, length // 2)))
    others = [index for index in range(max(2, length // 2 - 1)) if index != first]
    second = int(rng.choice(others))
    marks = np.zeros(length)
    marks[[0, -1]] = -1
    marks[[first, second]] = 1
    total = sum(values[index] for index in (first, second) if index != 0)
    if 0 in (first, second):
        values[0] = 0.0
    targets, mask = np.zeros((length, 1)), np.zeros(length)
    targets[-1], mask[-1] = 0.5 + total / 4, 1
    return _example(np.stack([values, marks], 1), targets, mask)


def temporal_order(length: int, rng: np.random.Generator) -> Example:
    """LSTM 5.6, task 6a: X or Y at two places among distractors; wanted at the end is which of XX, XY, YX, YY it was.

    Symbols are E (start), B (end), a, b, c, d, X, Y. The places are at 10-20% and at 50-60% of the length, at least 10.
    """
    symbols = rng.integers(2, 6, length)
    symbols[0], symbols[-1] = 0, 1
    first = int(rng.integers(max(1, length // 10), length // 5 + 1))
    second = int(rng.integers(length // 2, 6 * length // 10 + 1))
    kinds = rng.integers(0, 2, 2)
    symbols[[first, second]] = 6 + kinds
    targets, mask = np.zeros((length, 4)), np.zeros(length)
    targets[-1, 2 * kinds[0] + kinds[1]], mask[-1] = 1, 1
    return _example(np.eye(8)[symbols], targets, mask)


REBER_SYMBOLS = "BTPSXVE"
# State -> the two ways on: symbol and next state. Reber, "Implicit learning of artificial grammars", 1967.
REBER_GRAPH: dict[int, tuple[tuple[str, int], ...]] = {
    0: (("B", 1),),
    1: (("T", 2), ("P", 3)),
    2: (("S", 2), ("X", 4)),
    3: (("T", 3), ("V", 5)),
    4: (("X", 3), ("S", 6)),
    5: (("P", 4), ("V", 6)),
    6: (("E", 7),),
}


def reber(length: int, rng: np.random.Generator) -> Example:
    """LSTM 5.1: a string of the embedded Reber grammar; wanted at each step are the symbols that may come next.

    B, then T or P, then a string of the Reber grammar of at least `length` symbols, then the same T or P, then E: that
    one symbol must be remembered all along. `length` is at least 5. The shortest string has 9 symbols.
    """
    symbols, following = _reber_string(length, rng)
    outer = "TP"[int(rng.integers(2))]
    string = ["B", outer, *symbols, outer, "E"]
    legal = [{"T", "P"}, {"B"}, *following, {outer}, {"E"}]
    inputs = np.eye(7)[[REBER_SYMBOLS.index(symbol) for symbol in string[:-1]]]
    targets = np.array([[symbol in allowed for symbol in REBER_SYMBOLS] for allowed in legal[: len(string) - 1]], float)
    return _example(inputs, targets, np.ones(len(string) - 1))


def _reber_string(length: int, rng: np.random.Generator) -> tuple[list[str], list[set[str]]]:
    """Returns a string of the grammar and, after each of its symbols but the last, what may follow."""
    state = 0
    symbols: list[str] = []
    following: list[set[str]] = []
    while state != 7:
        ways = REBER_GRAPH[state]
        if len(symbols) + 2 < length:  # not to the end yet, as far as there is a way round
            ways = tuple(way for way in ways if way[1] != 6) or ways
        symbol, state = ways[int(rng.integers(len(ways)))]
        symbols.append(symbol)
        if state != 7:
            following.append({way[0] for way in REBER_GRAPH[state]})
    return symbols, following


TASKS: dict[str, Callable[[int, np.random.Generator], Example]] = {
    task.__name__: task for task in (copy, repeat_copy, associative_recall, adding, temporal_order, reber)
}
WIDTHS = {
    "copy": (9, 8),
    "repeat_copy": (9, 9),
    "associative_recall": (8, 6),
    "adding": (2, 1),
    "temporal_order": (8, 4),
    "reber": (7, 7),
}
"""Channels of the inputs and of the targets."""
SHORTEST = {"copy": 1, "repeat_copy": 1, "associative_recall": 2, "adding": 5, "temporal_order": 10, "reber": 5}
"""Least length of each task."""
