"""The Pipeline: from a prepared dataset to batches, each a pure function of (seed, step)."""

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data import splits as split_strings
from ogbrain.data.columns import Column, ColumnTensors
from ogbrain.data.decode import decode
from ogbrain.data.decoded_cache import DecodedCache
from ogbrain.data.fingerprint import fingerprint
from ogbrain.data.order import SequentialOrder, UniformOrder
from ogbrain.errors import UserError, unknown_name

Batch = dict[str, tf.Tensor]


class Pipeline:
    """Batches of a prepared TFDS dataset, declared rather than programmed.

    A batch depends on the seed and the step alone, so a run is resumed in the middle of an epoch by its step number:
    there is no iterator to save. In training the examples are an endless row of permutations, a new one for each epoch,
    cut into batches of one size; a batch may begin in one epoch and end in the next, so nothing is left out. In
    evaluation they are one pass in the order of the split, and the last batch may be smaller.

    Features are keys of a flat dict (`"text/en"` for a nested one). A feature whose examples differ in length is padded
    to the longest of the batch, and a `(batch,)` int32 tensor under its name with `_length` added holds the lengths.

    Example:
        >>> pipeline = Pipeline("fashion_mnist", splits={"train": "train[:90%]", "validation": "train[90%:]"})
        >>> for batch in pipeline.batches("train", batch_size=128, seed=1, training=True):
        ...     train_step(batch["image"], batch["label"])
    """

    def __init__(
        self,
        dataset: str | tfds.core.DatasetBuilder,
        *,
        splits: Mapping[str, str],
        preprocess: Sequence[Callable[[Batch, tf.Tensor], Batch]] = (),
        prepare: Sequence[Callable[[dict], dict]] = (),
        features: Sequence[str] | None = None,
        max_lengths: Mapping[str, int] | None = None,
        pad_values: Mapping[str, Any] | None = None,
        pad_multiple: int = 1,
        shuffle: bool = True,
        cache: bool = True,
        prefetch: int = tf.data.AUTOTUNE,
        data_dir: str = "",
    ):
        """Declares the pipeline; nothing is read before the first batch.

        Args:
            dataset: The name of a registered or TFDS dataset, or a builder that is prepared.
            splits: TFDS split strings by the names the project uses: train, validation, test.
            preprocess: Functions of a whole batch, `(batch, seed) -> batch`, in TensorFlow ops. The seed, `(2,)` int32,
                is for stateless random ops and is another one for each seed, step, split, shard and function.
            prepare: Functions of one example, `example -> example`, of NumPy values, run once before the first batch
                and kept: tokenizing, resampling, resizing. Frozen dataclasses with a `__call__`, or plain functions.
            features: The features to keep after `prepare`; None keeps all.
            max_lengths: Longer examples are cut to this length, by feature.
            pad_values: What padding holds, by feature, if not 0 or the empty string.
            pad_multiple: Padded lengths are rounded up to a multiple of this, which keeps the number of shapes small.
            shuffle: False leaves the training examples in the order of the split.
            cache: Keeps the decoded arrays beside the prepared data for the next start.
            prefetch: Batches made ahead.
            data_dir: The folder of data; the default is `OGBRAIN_DATA_DIR`, or `~/.cache/ogbrain`.
        """
        if not splits:
            raise UserError("a pipeline needs at least one split, for example splits={'train': 'train'}")
        if pad_multiple < 1:
            raise UserError(f"pad_multiple: {pad_multiple} is not allowed; a whole number from 1 on")
        self._dataset = dataset
        self._data_dir = data_dir
        self._splits = dict(splits)
        self._preprocess = tuple(preprocess)
        self._prepare = tuple(prepare)
        self._features = None if features is None else tuple(features)
        self._max_lengths = dict(max_lengths or {})
        self._pad_values = dict(pad_values or {})
        self._pad_multiple = pad_multiple
        self._shuffle = shuffle
        self._cache = cache
        self._prefetch = prefetch

    @functools.cached_property
    def builder(self) -> tfds.core.DatasetBuilder:
        """The TFDS builder, prepared."""
        if isinstance(self._dataset, str):
            from ogbrain.data import builders

            return builders.builder(self._dataset, self._data_dir)
        return self._dataset

    @property
    def info(self) -> tfds.core.DatasetInfo:
        """What TFDS knows of the dataset: features, label names, citation."""
        return self.builder.info

    @property
    def splits(self) -> dict[str, str]:
        """The TFDS split strings by name."""
        return dict(self._splits)

    def num_examples(self, split: str) -> int:
        """Returns the number of examples of a split.

        Args:
            split: One of the names the pipeline was given.

        Raises:
            UserError: If there is no such split.
        """
        return len(self._indices(split))

    def steps_per_epoch(self, split: str, batch_size: int, *, training: bool = True) -> int:
        """Returns the number of batches of an epoch.

        Args:
            split: One of the names the pipeline was given.
            batch_size: Examples in a batch over all shards.
            training: Counts whole batches; otherwise those of an evaluation pass, the last of them smaller.

        Raises:
            UserError: If the split is unknown or holds less than one training batch.
        """
        return self._order(split, batch_size, 0, training, (0, 1)).steps_per_epoch

    def batches(
        self,
        split: str,
        *,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        training: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        """Returns batches from a step on.

        Args:
            split: One of the names the pipeline was given.
            batch_size: Examples in a batch over all shards.
            seed: The run's seed, from 0 on.
            start_step: The first step; the batches are the same as those of a run that began at step 0.
            training: Endless, reshuffled each epoch, every batch of the same size; otherwise one pass in order.
            shard: `(index, number)`: the worker's part, the rows `index::number` of every batch. All shards have the
                same number of steps; in evaluation the last batch of a shard may be empty.

        Returns:
            A dataset of dicts of tensors, `(batch_size / number, ...)`.

        Raises:
            UserError: If an argument is out of range or the split is smaller than a training batch.
        """
        if not 0 <= seed < 2**31:
            raise UserError(f"seed: {seed} is not allowed; a whole number from 0 to {2**31 - 1}")
        if start_step < 0:
            raise UserError(f"start_step: {start_step} is not allowed; a whole number from 0 on")
        order = self._order(split, batch_size, seed, training, shard)
        columns, base = self._columns, tf.constant(self._indices(split))
        stream = zlib.crc32(f"{split}/{training}/{shard[0]}".encode()) & 0x7FFFFFFF

        def batch(step: tf.Tensor) -> Batch:
            examples = columns.gather(
                tf.gather(base, order.indices(step)),
                multiple=self._pad_multiple,
                pad_values=self._pad_values,
                max_lengths=self._max_lengths,
            )
            step_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, stream], tf.int32), step)
            for number, function in enumerate(self._preprocess):
                examples = function(examples, tf.random.experimental.stateless_fold_in(step_seed, number))
            return examples

        steps = tf.data.Dataset.range(start_step, np.iinfo(np.int64).max if training else order.steps_per_epoch)
        options = tf.data.Options()
        options.deterministic = True
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        dataset = steps.map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.prefetch(self._prefetch).with_options(options)

    def _order(
        self, split: str, batch_size: int, seed: int, training: bool, shard: tuple[int, int]
    ) -> UniformOrder | SequentialOrder:
        """Returns the order of a split's examples."""
        count = self.num_examples(split)
        index, number = shard
        if not 0 <= index < number:
            raise UserError(f"shard: {shard} is not allowed; (index, number) with 0 <= index < number")
        if batch_size < 1 or batch_size % number:
            raise UserError(f"batch_size: {batch_size} is not allowed; a multiple of the {number} shards, from 1 on")
        if not training:
            return SequentialOrder(count, batch_size, shard=shard)
        if batch_size > count:
            raise UserError(f"batch_size: {batch_size} is more than the {count} examples of split {split!r}")
        return UniformOrder(count, batch_size, seed=seed, shuffle=self._shuffle, shard=shard)

    @functools.cached_property
    def _bases(self) -> dict[str, int]:
        """Where each prepared split begins when those in use are put one after the other."""
        names = sorted({part.base for name in self._splits for part in self._ranges(name)})
        sizes = [self.info.splits[name].num_examples for name in names]
        return dict(zip(names, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    @functools.cached_property
    def _columns(self) -> ColumnTensors:
        """The decoded examples of all the prepared splits in use."""
        parts = [self._decoded(base) for base in self._bases]
        columns = {}
        for name in parts[0]:
            columns[name] = Column.concatenate([part[name] for part in parts])
        return ColumnTensors(columns)

    def _decoded(self, base: str) -> dict[str, Column]:
        """Returns the decoded examples of a prepared split."""
        make = functools.partial(decode, self.builder, base, self._prepare, self._features)
        if not self._cache:
            return make()
        info = self.info
        key = {
            "dataset": info.full_name,
            "metadata": zlib.crc32(info.as_json.encode()),
            "split": base,
            "features": self._features,
            "prepare": [fingerprint(step) for step in self._prepare],
        }
        return DecodedCache(self.builder.data_path / "decoded", key).get(make)

    def _ranges(self, split: str) -> tuple[split_strings.SplitRange, ...]:
        """Returns the ranges of a split."""
        if split not in self._splits:
            raise unknown_name("split", split, self._splits)
        return split_strings.resolve(self.builder, split, self._splits[split])

    def _indices(self, split: str) -> np.ndarray:
        """Returns where the examples of a split lie, `(examples,)` int64."""
        return split_strings.indices(self._ranges(split), self._bases)
