"""Examples read by index out of ArrayRecord files, for sets that are larger than memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.columns import Column
from ogbrain.data.decode import flatten, typed
from ogbrain.data.decoded_cache import DecodedCache
from ogbrain.data.padding import Padding
from ogbrain.errors import UserError, unknown_name

# Examples looked at to learn the shapes that prepare steps give.
_SAMPLE = 16


class RecordSource:
    """The examples of prepared splits, read from disk as they are asked for.

    Where every feature has a fixed shape and there is no prepare step, the records are parsed and decoded by
    TensorFlow's threads; otherwise example by example in Python.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        bases: Mapping[str, int],
        prepare: Sequence[Callable[[dict], dict]],
        features: Sequence[str] | None,
        cache: Callable[[str, str], DecodedCache | None],
    ):
        """Opens the files.

        Args:
            builder: The prepared builder.
            bases: The prepared splits in order, and where each begins.
            prepare: Functions of one example, run on each that is read.
            features: The features to keep, or None for all of them.
            cache: Gives the cache of what is kept of a split for a purpose, or None where nothing shall be kept.

        Raises:
            UserError: If the files cannot be read by index.
        """
        try:
            self._sources = [builder.as_data_source(name) for name in bases]
        except NotImplementedError:
            raise UserError(
                f"{builder.info.full_name} in {builder.data_path} is in {builder.info.file_format.value} files, which "
                "cannot be read by index; prepare it with file_format='array_record', or use storage='memory'"
            ) from None
        self._builder, self._bases, self._prepare, self._features = builder, dict(bases), tuple(prepare), features
        self._cache = cache
        self._starts = np.array(list(bases.values()), np.int64)
        self._specs = flatten(builder.info.features.get_tensor_spec())
        fixed = all(isinstance(spec, tf.TensorSpec) and spec.shape.is_fully_defined() for spec in self._specs.values())
        self._in_graph = fixed and not self._prepare
        self._shapes: dict[str, tuple[np.dtype, tuple[int | None, ...]]] | None = None

    def lengths(self, name: str) -> np.ndarray:
        """Returns the length of a feature in each example, `(examples,)` int64; reads the set once if need be.

        Raises:
            UserError: If there is no feature of this name whose lengths differ.
        """
        ragged = [key for key, (_, shape) in self._output_shapes().items() if shape[:1] == (None,)]
        if name not in ragged:
            raise unknown_name("feature of differing lengths", name, ragged)
        parts = []
        for number, base in enumerate(self._bases):

            def read(number: int = number) -> dict[str, Column]:
                count = len(self._sources[number])
                found = [len(self._example(number, index)[name]) for index in range(count)]
                return {name: Column(np.array(found, np.int64))}

            cache = self._cache(base, f"lengths/{name}")
            parts.append((cache.get(read) if cache else read())[name].values)
        return np.concatenate(parts)

    def gather(self, indices: tf.Tensor, padding: Padding) -> dict[str, tf.Tensor]:
        """Takes some examples; see `MemorySource.gather`."""
        if self._in_graph:
            return self._gather_in_graph(indices)
        shapes = self._output_shapes()

        def read(wanted: np.ndarray) -> list[np.ndarray]:
            examples = [self._example(*self._locate(index)) for index in wanted]
            outputs = []
            for name, (dtype, shape) in shapes.items():
                arrays = [np.asarray(example[name], dtype) for example in examples]
                for array in arrays:
                    self._check(name, array, shape)
                if shape[:1] == (None,):
                    tail = tuple(size for size in shape[1:] if size is not None)
                    outputs.append(padding.stack(name, arrays, dtype, tail))
                    outputs.append(np.array([padding.cut(name, len(array)) for array in arrays], np.int32))
                else:
                    outputs.append(np.stack(arrays) if arrays else np.zeros((0, *(size or 0 for size in shape)), dtype))
            return outputs

        names, types, sizes = [], [], []
        for name, (dtype, shape) in shapes.items():
            names.append(name)
            types.append(tf.string if dtype.kind == "O" else tf.as_dtype(dtype))
            sizes.append((indices.shape[0], *shape))
            if shape[:1] == (None,):
                names.append(f"{name}_length")
                types.append(tf.int32)
                sizes.append((indices.shape[0],))
        outputs = tf.numpy_function(read, [indices], types, stateful=False)
        return {name: tf.ensure_shape(value, size) for name, value, size in zip(names, outputs, sizes, strict=True)}

    def _gather_in_graph(self, indices: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes examples of fixed shape."""

        def read(wanted: np.ndarray) -> np.ndarray:
            records = np.empty(len(wanted), object)
            where = np.searchsorted(self._starts, wanted, side="right") - 1
            for number in np.unique(where):
                rows = np.flatnonzero(where == number)
                found = self._sources[number].data_source.__getitems__((wanted[rows] - self._starts[number]).tolist())
                records[rows] = found
            return records

        records = tf.ensure_shape(tf.numpy_function(read, [indices], tf.string, stateful=False), indices.shape)
        features = self._builder.info.features
        names = [name for name in self._specs if self._features is None or name in self._features]

        def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
            example = flatten(features.deserialize_example(record))
            return {name: example[name] for name in names}

        signature = {name: self._specs[name] for name in names}
        return tf.map_fn(parse, records, fn_output_signature=signature, parallel_iterations=32)

    def _locate(self, index: int) -> tuple[int, int]:
        """Returns which split an example is in, and where."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return number, int(index - self._starts[number])

    def _example(self, number: int, index: int) -> dict[str, Any]:
        """Returns an example, prepared."""
        example = typed(flatten(self._sources[number][index]), self._specs)
        for step in self._prepare:
            example = step(example)
        return {name: value for name, value in example.items() if self._features is None or name in self._features}

    def _output_shapes(self) -> dict[str, tuple[np.dtype, tuple[int | None, ...]]]:
        """Returns dtype and shape of each feature; None first where the lengths differ."""
        if self._shapes is None:
            sample = [self._example(0, index) for index in range(min(_SAMPLE, len(self._sources[0])))]
            self._shapes = {}
            for name, value in sample[0].items():
                first = np.asarray(value)
                dtype = np.dtype(object) if first.dtype.kind in "OSU" else first.dtype
                shape: tuple[int | None, ...] = first.shape
                spec = self._specs.get(name)
                declared = spec is not None and spec.shape.rank == len(shape) and spec.shape[:1] == [None]
                if shape and (declared or len({np.shape(example[name])[:1] for example in sample}) > 1):
                    longest = max((np.asarray(example[name]) for example in sample), key=len)
                    shape = (None, *longest.shape[1:])
                self._shapes[name] = (dtype, shape)
        return self._shapes

    def _check(self, name: str, array: np.ndarray, shape: tuple[int | None, ...]) -> None:
        """Raises a UserError if an example does not have the shape of the others."""
        fits = len(array.shape) == len(shape) and all(
            want is None or have == want for have, want in zip(array.shape, shape, strict=True)
        )
        if not fits and not (len(array) == 0 and shape[:1] == (None,)):
            raise UserError(
                f"feature {name!r} of {self._builder.info.full_name} has the shape {array.shape} in one example where "
                f"others have {shape}; give the pipeline a `prepare` step that makes them equal"
            )
