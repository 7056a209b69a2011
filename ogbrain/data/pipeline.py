"""The Pipeline: from a prepared dataset to batches, each a pure function of (seed, step)."""

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data import splits as split_strings
from ogbrain.data.buckets import BucketedOrder, Buckets
from ogbrain.data.order import Order, SequentialOrder, UniformOrder
from ogbrain.data.padding import Padding
from ogbrain.data.source import STORAGE, Source, open_source
from ogbrain.errors import UserError, unknown_name

Batch = dict[str, tf.Tensor]
_OVER_LONG = ("truncate", "drop")


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
        buckets: Buckets | None = None,
        max_lengths: Mapping[str, int] | None = None,
        over_long: str = "truncate",
        pad_values: Mapping[str, Any] | None = None,
        pad_multiple: int = 1,
        shuffle: bool = True,
        epochs: int = 0,
        storage: str = "auto",
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
            buckets: Makes training batches of examples of about one length; see `Buckets`.
            max_lengths: The greatest length of an example, by feature.
            over_long: `"truncate"` cuts what is longer; `"drop"` leaves the example out, in training and evaluation.
            pad_values: What padding holds, by feature, if not 0 or the empty string.
            pad_multiple: Padded lengths are rounded up to a multiple of this, which keeps the number of shapes small.
            shuffle: False leaves the training examples in the order of the split.
            epochs: Training ends after so many permutations of the split; 0: never.
            storage: `"memory"` decodes everything once; `"records"` reads each example from ArrayRecord files when it
                is asked for, with the same batches; `"auto"` takes memory for all that fits a quarter of it.
            cache: Keeps the decoded arrays beside the prepared data for the next start.
            prefetch: Batches made ahead.
            data_dir: The folder of data; the default is `OGBRAIN_DATA_DIR`, or `~/.cache/ogbrain`.
        """
        if not splits:
            raise UserError("a pipeline needs at least one split, for example splits={'train': 'train'}")
        if pad_multiple < 1:
            raise UserError(f"pad_multiple: {pad_multiple} is not allowed; a whole number from 1 on")
        if over_long not in _OVER_LONG:
            raise unknown_name("over_long rule", over_long, _OVER_LONG)
        if storage not in STORAGE:
            raise unknown_name("storage", storage, STORAGE)
        self._dataset = dataset
        self._data_dir = data_dir
        self._splits = dict(splits)
        self._preprocess = tuple(preprocess)
        self._prepare = tuple(prepare)
        self._features = None if features is None else tuple(features)
        self._buckets = buckets
        self._padding = Padding(dict(max_lengths or {}), dict(pad_values or {}), pad_multiple)
        self._drop = over_long == "drop"
        self._shuffle = shuffle
        self._epochs = epochs
        self._storage = storage
        self._cache = cache
        self._prefetch = prefetch

    @functools.cached_property
    def builder(self) -> tfds.core.DatasetBuilder:
        """The TFDS builder, prepared."""
        if isinstance(self._dataset, str):
            from ogbrain.data import builders

            return builders.builder(self._dataset, self._data_dir)
        if not self._dataset.is_prepared():
            raise UserError(f"{self._dataset.info.full_name} is not prepared in {self._dataset.data_path}")
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
        """Returns the number of examples of a split, without those that `over_long="drop"` leaves out.

        Args:
            split: One of the names the pipeline was given.

        Raises:
            UserError: If there is no such split.
        """
        return len(self._indices(split))

    def steps_per_epoch(self, split: str, batch_size: int, *, training: bool = True, shards: int = 1) -> int:
        """Returns the number of batches of an epoch, the same on every shard.

        Args:
            split: One of the names the pipeline was given.
            batch_size: Examples in a batch over all shards.
            training: Counts whole batches; otherwise those of an evaluation pass, the last of which may be smaller.
            shards: The number of workers.

        Raises:
            UserError: If the split is unknown or holds less than one training batch.
        """
        return self._order(split, batch_size, 0, training, (0, shards)).steps_per_epoch

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
            batch_size: Examples in a batch over all shards; with buckets, the most of them.
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
        source = self._source
        stream = zlib.crc32(f"{split}/{training}/{shard[0]}".encode()) & 0x7FFFFFFF

        plans, numbers = self._plans(
            split, batch_size=batch_size, seed=seed, start_step=start_step, training=training, shard=shard
        )

        def batch(step: tf.Tensor, plan: Any) -> Batch:
            examples = source.gather(numbers(plan), self._padding)
            if self._preprocess:
                step_seed = tf.random.experimental.stateless_fold_in(tf.constant([seed, stream], tf.int32), step)
            for number, function in enumerate(self._preprocess):
                examples = function(examples, tf.random.experimental.stateless_fold_in(step_seed, number))
            return examples

        options = tf.data.Options()
        options.deterministic = True
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        dataset = plans.map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        return dataset.prefetch(self._prefetch).with_options(options)

    def example_numbers(
        self,
        split: str,
        *,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        training: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        """Returns which examples the batches hold; the arguments are those of `batches`.

        Returns:
            A dataset of `(step, numbers)`: `()` int64, and `(rows,)` int64, which tell examples apart within and across
            the splits of this pipeline.
        """
        plans, numbers = self._plans(
            split, batch_size=batch_size, seed=seed, start_step=start_step, training=training, shard=shard
        )
        return plans.map(lambda step, plan: (step, numbers(plan)))

    def _plans(
        self, split: str, *, batch_size: int, seed: int, start_step: int, training: bool, shard: tuple[int, int]
    ) -> tuple[tf.data.Dataset, Callable[[Any], tf.Tensor]]:
        """Returns `(step, plan)` of each step, and the function from a plan to the numbers of its examples."""
        if not 0 <= seed < 2**31:
            raise UserError(f"seed: {seed} is not allowed; a whole number from 0 to {2**31 - 1}")
        if start_step < 0:
            raise UserError(f"start_step: {start_step} is not allowed; a whole number from 0 on")
        order = self._order(split, batch_size, seed, training, shard)
        base = tf.constant(self._indices(split))
        stop = order.steps_per_epoch
        if training:
            stop = order.steps(self._epochs) if self._epochs else np.iinfo(np.int64).max
        return order.plans(start_step, max(start_step, stop)), lambda plan: tf.gather(base, order.rows(plan))

    def _order(
        self, split: str, batch_size: int, seed: int, training: bool, shard: tuple[int, int]
    ) -> Order:
        """Returns the order of a split's examples."""
        count = self.num_examples(split)
        index, number = shard
        if not 0 <= index < number:
            raise UserError(f"shard: {shard} is not allowed; (index, number) with 0 <= index < number")
        if batch_size < 1 or batch_size % number:
            raise UserError(f"batch_size: {batch_size} is not allowed; a multiple of the {number} shard(s), from 1 on")
        if not training:
            return SequentialOrder(count, batch_size, shard=shard)
        if batch_size > count:
            raise UserError(f"batch_size: {batch_size} is more than the {count} examples of split {split!r}")
        if self._buckets is None:
            return UniformOrder(count, batch_size, seed=seed, shuffle=self._shuffle, shard=shard)
        lengths = np.max([self._lengths(split, name) for name in self._buckets.features], axis=0)
        return BucketedOrder(
            lengths,
            self._buckets,
            batch_size,
            multiple=self._padding.multiple,
            seed=seed,
            shuffle=self._shuffle,
            shard=shard,
        )

    def _lengths(self, split: str, feature: str) -> np.ndarray:
        """Returns the length of a feature, after cutting, in each example of a split."""
        return self._padding.cut(feature, self._source.lengths(feature)[self._indices(split)])

    @functools.cached_property
    def _bases(self) -> dict[str, int]:
        """Where each prepared split begins when those in use are put one after the other."""
        names = sorted({part.base for name in self._splits for part in self._ranges(name)})
        sizes = [self.info.splits[name].num_examples for name in names]
        return dict(zip(names, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    @functools.cached_property
    def _source(self) -> Source:
        """The examples of all the prepared splits in use."""
        return open_source(
            self.builder,
            self._bases,
            prepare=self._prepare,
            features=self._features,
            storage=self._storage,
            cache=self._cache,
        )

    def _ranges(self, split: str) -> tuple[split_strings.SplitRange, ...]:
        """Returns the ranges of a split."""
        if split not in self._splits:
            raise unknown_name("split", split, self._splits)
        return split_strings.resolve(self.builder, split, self._splits[split])

    def _indices(self, split: str) -> np.ndarray:
        """Returns where the examples of a split lie in the source, `(examples,)` int64."""
        indices = split_strings.indices(self._ranges(split), self._bases)
        if not self._drop:
            return indices
        for name, limit in self._padding.max_lengths.items():
            indices = indices[self._source.lengths(name)[indices] <= limit]
        if not len(indices):
            raise UserError(f"split {split!r}: every example is longer than {dict(self._padding.max_lengths)}")
        return indices
