"""Finds texts that are nearly the same, by MinHash.

Broder, "On the resemblance and containment of documents", 1997: the share of equal
minima of random hashes of two texts' shingles estimates the Jaccard similarity of
the shingles. Texts that agree in a whole band of minima are compared in full.
"""

import re
import zlib
from collections.abc import Iterator, Sequence

import numpy as np

_WORD = re.compile(r"[^\W\d_]+")  # letters alone: numbers, addresses and dates are what near-duplicates differ in
_HASHES = 64
_BAND = 4  # 16 bands of 4: a pair of similarity 0.5 shares a band with 64%, one of 0.8 with 99.98%
_PRIME = (1 << 61) - 1


def shingles(text: str, words: int = 5) -> np.ndarray:
    """Returns the hashes of all runs of so many words, sorted, each once; of the whole text if it is shorter.

    Returns:
        `(n,)`, uint32, n at least 1.
    """
    found = [word.lower().encode() for word in _WORD.findall(text)]
    count = max(1, len(found) - words + 1)
    return np.unique(np.fromiter((zlib.crc32(b" ".join(found[i : i + words])) for i in range(count)), np.uint32, count))


def near_duplicates(texts: Sequence[str], similarity: float = 0.5) -> Iterator[tuple[int, int]]:
    """Yields pairs of indices of texts whose shingles have at least that Jaccard similarity.

    Args:
        texts: The texts.
        similarity: Least Jaccard similarity, 0-1.
    """
    sets = [shingles(text) for text in texts]
    rng = np.random.default_rng(0)  # fixed: the same texts give the same pairs
    # Products stay below 2**64: a 32-bit hash times a 31-bit factor.
    factors = rng.integers(1, 1 << 31, (_HASHES, 1), np.uint64)
    offsets = rng.integers(0, 1 << 31, (_HASHES, 1), np.uint64)
    buckets: dict[tuple[int, bytes], list[int]] = {}
    for index, hashes in enumerate(sets):
        minima = ((factors * hashes.astype(np.uint64) + offsets) % np.uint64(_PRIME)).min(axis=1)
        earlier: set[int] = set()
        for band in range(0, _HASHES, _BAND):
            bucket = buckets.setdefault((band, minima[band : band + _BAND].tobytes()), [])
            earlier.update(bucket)
            bucket.append(index)
        for other in sorted(earlier):
            if _jaccard(hashes, sets[other]) >= similarity:
                yield other, index


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    common = len(np.intersect1d(a, b, assume_unique=True))
    return common / (len(a) + len(b) - common)
