"""The conformance kit for pipelines."""

import unittest

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.data.pipeline import Pipeline

Batch = dict[str, np.ndarray]


class PipelineTestCase(absltest.TestCase):
    """Checks that a pipeline keeps the contract: a batch is a pure function of (seed, step).

    Subclass it and say how the pipeline is made; the tests are inherited.

    Attributes:
        training_split: The split that is trained on.
        evaluation_splits: The splits that must share no example with it or with one another.
        batch_size: An even number; small, so that an epoch ends within `steps`.
        steps: How many training steps the tests look at; more than an epoch where the data is small.
        spec: What a batch must hold, by feature: its shape, None for the batch, and its dtype.

    Example:
        >>> class ClutteredImagesTest(PipelineTestCase):
        ...     spec = {"image": ((None, 60, 60, 1), tf.float32), "label": ((None,), tf.int64)}
        ...
        ...     def make_pipeline(self):
        ...         return ClutteredImages("fashion_mnist")
    """

    training_split = "train"
    evaluation_splits: tuple[str, ...] = ("validation", "test")
    batch_size = 4
    steps = 12
    spec: dict[str, tuple[tuple[int | None, ...], tf.DType]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        """Leaves out this class itself, which a test module that imports it holds too."""
        super().setUpClass()
        if cls is PipelineTestCase:
            raise unittest.SkipTest("the base class")

    def make_pipeline(self) -> Pipeline:
        """Returns a new pipeline; to be given by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} must define make_pipeline()")

    def test_spec(self) -> None:
        """Batches are what the element spec says, and what the test says."""
        pipeline = self.make_pipeline()
        for training in (True, False):
            dataset = pipeline.batches(self.training_split, batch_size=self.batch_size, training=training)
            spec = dataset.element_spec
            batch = next(iter(dataset))
            self.assertIsInstance(spec, dict)
            for name, value in batch.items():
                self.assertTrue(spec[name].is_compatible_with(value), f"{name}: {spec[name]} but {value.shape}")
                self.assertEqual(value.shape[0], next(iter(batch.values())).shape[0], f"{name}: examples in a batch")
            for name, (shape, dtype) in self.spec.items():
                self.assertIn(name, spec)
                self.assertEqual(spec[name].dtype, dtype, name)
                self.assertTrue(spec[name].shape.is_compatible_with(shape), f"{name}: {spec[name].shape}, not {shape}")

    def test_splits_are_disjoint(self) -> None:
        """No example is in two splits, and an evaluation pass has each example once."""
        pipeline = self.make_pipeline()
        seen: dict[int, str] = {}
        for split in (self.training_split, *self.evaluation_splits):
            numbers = self._numbers(pipeline, split)
            self.assertLen(numbers, pipeline.num_examples(split))
            for number in numbers:
                self.assertNotIn(number, seen, f"example {number} is in {split!r} and in {seen.get(number)!r}")
                seen[number] = split

    def test_evaluation_is_repeatable(self) -> None:
        """Two passes over a split hold the same batches."""
        first, second = self.make_pipeline(), self.make_pipeline()
        for split in self.evaluation_splits:
            passes = [
                self._take(pipeline.batches(split, batch_size=self.batch_size, seed=3), self.steps)
                for pipeline in (first, second)
            ]
            self._assert_same(*passes)

    def test_seed_decides(self) -> None:
        """The same seed gives the same batches, another seed others."""
        first, again = self._training(seed=5), self._training(seed=5)
        self._assert_same(first, again)
        other = self._training(seed=6)
        self.assertTrue(
            any(not _equal(a[name], b[name]) for a, b in zip(first, other, strict=True) for name in a),
            "seeds 5 and 6 give the same batches",
        )

    def test_resume(self) -> None:
        """The batches after a resume are those of the unbroken run, in and across epochs."""
        unbroken = self._training(seed=7)
        for start in {1, self.steps // 3, self.steps - 1}:
            self._assert_same(self._training(seed=7, start_step=start), unbroken[start:])

    def test_epoch_is_a_permutation(self) -> None:
        """The first epoch holds no example twice; a whole one holds each once."""
        pipeline = self.make_pipeline()
        count = pipeline.num_examples(self.training_split)
        dataset = pipeline.example_numbers(self.training_split, batch_size=self.batch_size, training=True)
        steps = min(-(-count // self.batch_size) + self.steps, 1000)
        numbers = [number for _, wanted in dataset.take(steps) for number in wanted.numpy().tolist()][:count]
        self.assertLen(set(numbers), len(numbers))
        self.assertContainsSubset(set(numbers), set(self._numbers(pipeline, self.training_split)))

    def test_shards(self) -> None:
        """Two workers have the same number of steps, share no row and lose none."""
        pipeline = self.make_pipeline()
        for split in self.evaluation_splits:
            parts = [self._numbers(pipeline, split, (index, 2)) for index in range(2)]
            self.assertCountEqual(parts[0] + parts[1], self._numbers(pipeline, split), split)
        count = pipeline.num_examples(self.training_split)
        first, second = (
            [
                wanted.numpy().tolist()
                for _, wanted in pipeline.example_numbers(
                    self.training_split, batch_size=self.batch_size, training=True, shard=(index, 2)
                ).take(max(1, min(count // self.batch_size, 1000)))
            ]
            for index in range(2)
        )
        for step, (a, b) in enumerate(zip(first, second, strict=True)):
            self.assertTrue(a and b, f"a shard has no row in training step {step}")
        rows = [number for batch in first + second for number in batch]
        self.assertLen(set(rows), len(rows), "a training example is in both shards of an epoch")

    def _training(self, seed: int, start_step: int = 0) -> list[Batch]:
        """Returns the training batches up to `steps`, from a new pipeline."""
        dataset = self.make_pipeline().batches(
            self.training_split, batch_size=self.batch_size, seed=seed, start_step=start_step, training=True
        )
        return self._take(dataset, self.steps - start_step)

    def _numbers(self, pipeline: Pipeline, split: str, shard: tuple[int, int] = (0, 1)) -> list[int]:
        """Returns the numbers of the examples of an evaluation pass."""
        dataset = pipeline.example_numbers(split, batch_size=self.batch_size, shard=shard)
        return [number for _, wanted in dataset for number in wanted.numpy().tolist()]

    def _take(self, dataset: tf.data.Dataset, count: int) -> list[Batch]:
        """Returns the first batches as NumPy arrays."""
        return [{name: value.numpy() for name, value in batch.items()} for batch in dataset.take(count)]

    def _assert_same(self, first: list[Batch], second: list[Batch]) -> None:
        """Fails unless the batches are equal bit for bit."""
        self.assertEqual(len(first), len(second))
        for step, (a, b) in enumerate(zip(first, second, strict=True)):
            self.assertEqual(sorted(a), sorted(b))
            for name in a:
                self.assertTrue(_equal(a[name], b[name]), f"{name!r} differs in batch {step}")


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Returns whether two arrays are equal; NaN equals itself."""
    if first.dtype.kind == "f":
        return np.array_equal(first, second, equal_nan=True)
    return np.array_equal(first, second)
