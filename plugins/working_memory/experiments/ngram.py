"""An n-gram model: what a language model that has learnt something must be better than."""

import numpy as np


class NGram:
    """Interpolated Kneser-Ney with one discount (Chen and Goodman 1999), counted with sorted arrays.

    Args:
        tokens: The training text, `(tokens,)` ints.
        size: Number of different tokens.
        order: Longest n-gram.
        discount: Taken from each count and given to the shorter contexts.

    Raises:
        ValueError: The n-grams do not fit into 64 bits.

    Example:
        >>> model = NGram(train, size=100)
        >>> bits = -np.log2(model.probabilities(test)).mean()
    """

    def __init__(self, tokens: np.ndarray, size: int, *, order: int = 5, discount: float = 0.75):
        if size**order >= 2**63:
            raise ValueError(f"{order}-grams of {size} tokens do not fit into 64 bits")
        self.size, self.order, self.discount = size, order, discount
        self._levels = []
        grams, counts = np.unique(_codes(tokens, size, order), return_counts=True)
        longer = grams
        for n in range(order, 0, -1):
            if n < order:
                # Below the top, what counts is in how many different contexts an n-gram is seen.
                grams, counts = np.unique(longer % size**n, return_counts=True)
            contexts, first = np.unique(grams // size, return_index=True)
            totals = np.add.reduceat(counts, first)
            kinds = np.diff(np.append(first, len(grams)))
            self._levels.append((n, grams, counts, contexts, totals, kinds))
            longer = grams

    def probabilities(self, tokens: np.ndarray) -> np.ndarray:
        """Returns the probability of each token but the first, given those before it, `(tokens - 1,)`."""
        result = np.full(len(tokens) - 1, 1.0 / self.size)
        for n, grams, counts, contexts, totals, kinds in reversed(self._levels):
            codes = _codes(tokens, self.size, n)[max(0, 2 - n):]
            # The first tokens of a text have shorter contexts only.
            here = slice(max(0, n - 2), None)
            seen, place = _found(contexts, codes // self.size)
            known, spot = _found(grams, codes)
            count = np.where(known, counts[spot], 0)
            total = np.where(seen, totals[place], 1)
            own = np.maximum(count - self.discount, 0) / total
            rest = np.where(seen, self.discount * kinds[place] / total, 1.0)
            result[here] = np.where(seen, own, 0.0) + rest * result[here]
        return result


def _codes(tokens, size, n):
    """Numbers each n-gram of a text, `(tokens - n + 1,)`."""
    tokens = np.asarray(tokens, np.int64)
    codes = np.zeros(max(0, len(tokens) - n + 1), np.int64)
    for k in range(n):
        codes = codes * size + tokens[k:k + len(codes)]
    return codes


def _found(known, codes):
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return known[place] == codes, place
