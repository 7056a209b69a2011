"""How likely a label is after others, for shallow fusion."""

from collections.abc import Iterable

import numpy as np

from .ngram import NGram


class CharacterModel:
    """An n-gram model of transcripts, one label at a time; label 0, CTC's blank, stands for where a text ends.

    Args:
        texts: Labels of the transcripts, each `(labels,)` ints from 1 on.
        size: Number of classes, with the blank.
        order: Longest n-gram.

    Example:
        >>> model = CharacterModel([alphabet.encode("tea")], 4)
        >>> labels, score = prefix_beam(log_probabilities, language_model=model)[0]
    """

    def __init__(self, texts: Iterable[np.ndarray], size: int, *, order: int = 6):
        self._context, self._labels = order - 1, np.arange(size)
        gap = np.zeros(self._context, int)
        self._ngram = NGram(np.concatenate([gap, *(part for text in texts for part in (text, gap))]), size, order=order)
        self._known: dict[tuple[int, ...], np.ndarray] = {}

    def __call__(self, prefix: tuple[int, ...], label: int) -> float:
        """Returns the natural logarithm of the probability of a label after a prefix."""
        context = ((0,) * self._context + prefix)[-self._context:]
        if context not in self._known:
            # All labels at once: each row is the context and one of them.
            rows = np.concatenate([np.tile(context, (len(self._labels), 1)), self._labels[:, None]], 1)
            found = self._ngram.probabilities(rows.reshape(-1))[self._context - 1::self._context + 1]
            self._known[context] = np.log(found)
        return float(self._known[context][label])
