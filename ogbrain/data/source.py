"""Where a pipeline's examples are read from: memory, or files by index."""

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.columns import Column
from ogbrain.data.decode import decode, flatten
from ogbrain.data.decoded_cache import DecodedCache
from ogbrain.data.fingerprint import fingerprint
from ogbrain.data.memory_source import MemorySource
from ogbrain.data.padding import Padding
from ogbrain.data.record_source import RecordSource

STORAGE = ("auto", "memory", "records")

# How much larger examples of no fixed shape are in memory than in their files, to be on the safe side.
_GROWTH = 4


class Source(Protocol):
    """The examples of some prepared splits, one after the other, taken by index."""

    def lengths(self, name: str) -> np.ndarray:
        """Returns the length of a feature in each example, `(examples,)` int64."""
        ...

    def gather(self, indices: tf.Tensor, padding: Padding) -> dict[str, tf.Tensor]:
        """Takes the examples `indices`, `(batch,)` int64."""
        ...


def open_source(
    builder: tfds.core.DatasetBuilder,
    bases: Mapping[str, int],
    *,
    prepare: Sequence[Callable[[dict], dict]],
    features: Sequence[str] | None,
    storage: str,
    cache: bool,
) -> Source:
    """Opens the examples of some prepared splits.

    Args:
        builder: The prepared builder.
        bases: The prepared splits in order, and where each begins.
        prepare: Functions of one example, `dict -> dict` of NumPy values.
        features: The features to keep, or None for all of them.
        storage: `"memory"`, `"records"`, or `"auto"`: memory for what fits a quarter of it or can be read in no
            other way.
        cache: Keeps decoded arrays beside the prepared data.

    Returns:
        The source.
    """

    def cached(split: str, purpose: str) -> DecodedCache | None:
        if not cache:
            return None
        key = {
            "dataset": builder.info.full_name,
            "metadata": zlib.crc32(builder.info.as_json.encode()),
            "split": split,
            "purpose": purpose,
            "features": features,
            "prepare": [fingerprint(step) for step in prepare],
        }
        return DecodedCache(builder.data_path / "decoded", key)

    if storage == "records" or (storage == "auto" and _is_large(builder, bases)):
        return RecordSource(builder, bases, prepare, features, cached)

    parts = []
    for base in bases:

        def make(base: str = base) -> dict[str, Column]:
            return decode(builder, base, prepare, features)

        kept = cached(base, "columns")
        parts.append(kept.get(make) if kept else make())
    return MemorySource({name: Column.concatenate([part[name] for part in parts]) for name in parts[0]})


def _is_large(builder: tfds.core.DatasetBuilder, bases: Mapping[str, int]) -> bool:
    """Returns whether the splits are too large for memory and can be read by index."""
    if builder.info.file_format.value != "array_record":
        return False
    specs = flatten(builder.info.features.get_tensor_spec())
    count = sum(builder.info.splits[base].num_examples for base in bases)
    fixed = sum(spec.shape.num_elements() * spec.dtype.size for spec in specs.values() if spec.shape.is_fully_defined())
    stored = sum(builder.info.splits[base].num_bytes for base in bases)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(count * fixed, stored * _GROWTH) > memory / 4
