"""Sequences of the user's own, and answers in words."""

import json
import os
from pathlib import Path

import numpy as np

from ogbrain.errors import UserError
from ogbrain.paths import user_path

SYMBOLS = {"reber": "BTPSXVE", "temporal_order": "EBabcdXY"}
"""The symbols of the channels, of the tasks that have symbols."""
_EXAMPLES = {"adding": "[[0.3, 1], [-0.2, 0], [0.5, 1]]", "temporal_order": "EabXcaYdB", "reber": "BTBTXSE"}


def read_sequence(given: str | Path, task: str, width: int) -> np.ndarray:
    """Reads one sequence.

    Args:
        given: A string of the task's symbols; JSON, a list of steps of `width` numbers each; or a file that holds one.
        task: The task.
        width: Channels of the input.

    Returns:
        `(time, width)` float32.

    Raises:
        UserError: It is neither.

    Example:
        >>> read_sequence("BTBTX", "reber", 7).shape
        (5, 7)
    """
    text = str(given).strip()
    if not text.startswith("[") and os.path.isfile(user_path(text)):
        try:
            text = user_path(text).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{str(given)!r}: cannot be read: {error}") from None
    symbols = SYMBOLS.get(task)
    if symbols and text and set(text) <= set(symbols):
        return np.eye(len(symbols), dtype=np.float32)[[symbols.index(symbol) for symbol in text]]
    try:
        array = np.asarray(json.loads(text), np.float32)
    except (ValueError, TypeError, OverflowError):
        array = np.zeros(0, np.float32)
    if array.ndim != 2 or array.shape[1] != width or not len(array) or not np.isfinite(array).all():
        wanted = f"symbols of {symbols}, or " if symbols else ""
        shown = _EXAMPLES.get(task, f"[[{', '.join(['0'] * width)}], ...]")
        raise UserError(f"input {text[:60]!r}: is no sequence of {task!r}; {wanted}JSON, a list of steps of {width} "
                        f"numbers each, inline or in a file, such as {shown}")
    return array


def answer_text(task: str, sequence: np.ndarray, outputs: np.ndarray) -> str:
    """Says what the outputs mean, in a line.

    Args:
        task: The task.
        sequence: `(time, width)`.
        outputs: `(time, classes)`: a value, or probabilities.
    """
    last = outputs[-1]
    if task == "adding":
        return f"sum {4 * (last[0] - 0.5):.3f}"
    if task == "temporal_order":
        return f"{('XX', 'XY', 'YX', 'YY')[int(last.argmax())]} {last.max():.2f}"
    if task == "reber":
        following = [symbol for symbol, p in zip(SYMBOLS["reber"], last, strict=True) if p > 0.5]
        return f"next: {' or '.join(following) or 'nothing'}"
    ends = np.flatnonzero(sequence[:, -1])
    rows = outputs[int(ends[-1]) + 1 if len(ends) else 0:]
    return " ".join("".join(str(int(p > 0.5)) for p in row) for row in rows) or "nothing"
