"""TFDS split strings, resolved to ranges of the prepared splits."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.errors import UserError, unknown_name


@dataclasses.dataclass(frozen=True)
class SplitRange:
    """The examples `start` to `stop` of a prepared split."""

    base: str
    start: int
    stop: int


def resolve(builder: tfds.core.DatasetBuilder, name: str, spec: str) -> tuple[SplitRange, ...]:
    """Resolves a split string.

    Args:
        builder: The prepared builder.
        name: What the pipeline calls the split, for the errors.
        spec: A TFDS split string, such as `"train[:90%]+test"`.

    Returns:
        The ranges in the order of the string.

    Raises:
        UserError: If the string cannot be read, names a split that the data set lacks, or holds no example.
    """
    sizes = {base: info.num_examples for base, info in builder.info.splits.items()}
    for part in spec.split("+"):
        base = part.split("[")[0].strip()
        if base not in sizes and base != "all":
            raise unknown_name(f"split of {builder.info.full_name}", base, sizes)
    try:
        absolute = tfds.core.ReadInstruction.from_spec(spec).to_absolute(builder.info.splits)
    except (ValueError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"split {name!r}: cannot take {spec!r} of {builder.info.full_name}: {reason}") from None
    ranges = []
    for part in absolute:
        size = sizes[part.splitname]
        start, stop, _ = slice(part.from_, part.to).indices(size)
        if stop > start:
            ranges.append(SplitRange(part.splitname, start, stop))
    if not ranges:
        raise UserError(f"split {name!r}: {spec!r} of {builder.info.full_name} holds no example")
    return tuple(ranges)


def indices(ranges: tuple[SplitRange, ...], offsets: dict[str, int]) -> np.ndarray:
    """Returns where the examples of a split lie in the prepared splits put one after the other.

    Args:
        ranges: The ranges of the split.
        offsets: Where each prepared split begins.

    Returns:
        `(examples,)` int64.
    """
    pieces = [np.arange(part.start, part.stop, dtype=np.int64) + offsets[part.base] for part in ranges]
    return np.concatenate(pieces)
