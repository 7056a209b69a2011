"""Splits that depend on nothing but the example itself."""

import hashlib
from collections.abc import Mapping

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
