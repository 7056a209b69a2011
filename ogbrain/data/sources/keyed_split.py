"""Splits that depend on nothing but the example itself."""

import bisect
import collections
import hashlib
import itertools
from collections.abc import Iterable, Mapping

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_of(key: str, shares: Mapping[str, float] = SHARES) -> str:
    """Returns the split that a key belongs to.

    The key alone decides, by its hash: examples of one key are always together, and
    an example keeps its split when others come and go in a later version of the data.

    Args:
        key: What must not be in two splits, such as a sentence.
        shares: Share of each split; they add up to 1.

    Example:
        >>> split_of("The quick brown fox")
        'train'
    """
    point = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
    total = 0.0
    for name, share in shares.items():
        total += share
        if point < total:
            return name
    return name  # the shares add up to a hair less than 1


def split_groups(groups: Iterable[str], shares: Mapping[str, float] = SHARES) -> dict[str, str]:
    """Returns the split of each group, so that the splits have their shares of the examples.

    Where groups are few or of unequal size, their hashes alone would leave the splits
    far from their shares; here the groups are put in the order of their hashes and cut
    where the shares are reached.

    Args:
        groups: The group of each example.
        shares: Share of each split; they add up to 1.

    Example:
        >>> split_groups(["a", "a", "b", "c", "d"], {"train": 0.8, "test": 0.2})
        {'c': 'train', 'd': 'train', 'a': 'train', 'b': 'test'}
    """
    sizes = collections.Counter(groups)
    total = sum(sizes.values())
    ends = list(itertools.accumulate(shares.values()))[:-1]
    names = list(shares)
    found, before = {}, 0
    for group in sorted(sizes, key=lambda group: hashlib.sha256(group.encode()).digest()):
        middle = (before + sizes[group] / 2) / total
        found[group] = names[bisect.bisect_right(ends, middle)]
        before += sizes[group]
    return found
