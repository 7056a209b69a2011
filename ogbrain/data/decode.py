"""All the examples of a prepared split, decoded into columns."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.columns import Column, stack
from ogbrain.errors import UserError

_BLOCK = 1024


def flatten(example: Any, prefix: str = "") -> dict[str, Any]:
    """Returns nested features as one dict, its keys joined by `/`.

    Example:
        >>> flatten({"text": {"en": 1, "fr": 2}, "id": 3})
        {'text/en': 1, 'text/fr': 2, 'id': 3}
    """
    if not isinstance(example, dict):
        return {prefix or "value": example}
    flat: dict[str, Any] = {}
    for key, value in example.items():
        flat.update(flatten(value, f"{prefix}/{key}" if prefix else key))
    return flat


def decode(
    builder: tfds.core.DatasetBuilder,
    split: str,
    prepare: Sequence[Callable[[dict], dict]],
    features: Sequence[str] | None,
) -> dict[str, Column]:
    """Reads a split once.

    Args:
        builder: The prepared builder.
        split: The name of a prepared split.
        prepare: Functions of one example, `dict -> dict` of NumPy values, run in order.
        features: The features to keep, or None for all of them.

    Returns:
        The columns by feature name.

    Raises:
        UserError: If the shapes of a feature cannot be put into a column.
    """
    specs = flatten(builder.info.features.get_tensor_spec())
    for name, spec in specs.items():
        if isinstance(spec, tf.RaggedTensorSpec) or isinstance(spec, tf.data.DatasetSpec):
            raise UserError(f"feature {name!r} of {builder.info.full_name} is nested; a pipeline cannot batch it")
    if builder.info.file_format.value == "tfrecord" and not prepare:
        dataset = _dataset(builder, split)
        if all(spec.shape.is_fully_defined() for spec in specs.values()):
            return _decode_blocks(dataset, features)
    rows: dict[str, list[Any]] = {}
    for example in examples(builder, split):
        for step in prepare:
            example = step(example)
        for name, value in example.items():
            if features is None or name in features:
                rows.setdefault(name, []).append(value)
    return {name: _column(name, values, specs) for name, values in rows.items()}


def examples(builder: tfds.core.DatasetBuilder, split: str) -> Iterator[dict[str, Any]]:
    """Yields the examples of a split in their order on disk, flat, as NumPy values."""
    specs = flatten(builder.info.features.get_tensor_spec())
    if builder.info.file_format.value == "tfrecord":
        yield from (flatten(example) for example in tfds.as_numpy(_dataset(builder, split)))
        return
    source = builder.as_data_source(split)
    for index in range(len(source)):
        yield typed(flatten(source[index]), specs)


def typed(example: dict[str, Any], specs: dict[str, Any]) -> dict[str, Any]:
    """Returns the values with the declared dtypes; random-access sources give lists where tf.data gives arrays."""
    return {
        name: value if isinstance(value, bytes) else np.asarray(value, specs[name].dtype.as_numpy_dtype)
        for name, value in example.items()
    }


def _dataset(builder: tfds.core.DatasetBuilder, split: str) -> tf.data.Dataset:
    """Returns the split as a dataset in the order of the files."""
    config = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    return builder.as_dataset(split=split, shuffle_files=False, read_config=config)


def _decode_blocks(dataset: tf.data.Dataset, features: Sequence[str] | None) -> dict[str, Column]:
    """Decodes examples of fixed shape, many at a time."""
    blocks: dict[str, list[np.ndarray]] = {}
    for block in tfds.as_numpy(dataset.batch(_BLOCK).prefetch(2)):
        for name, values in flatten(block).items():
            if features is None or name in features:
                blocks.setdefault(name, []).append(values)
    return {name: Column(np.concatenate(pieces)) for name, pieces in blocks.items()}


def _column(name: str, values: list[Any], specs: dict[str, Any]) -> Column:
    """Makes a column, ragged where the feature is declared without a length."""
    first = np.asarray(values[0])
    dtype = object if first.dtype.kind in "OSU" else first.dtype
    spec = specs.get(name)
    declared = spec is not None and spec.shape.rank and spec.shape[0] is None and first.ndim == spec.shape.rank
    return stack(name, values, np.dtype(dtype), bool(declared))
