"""The kit for pipelines fails with just the test that a broken pipeline breaks, and passes a right one."""

import unittest

import tensorflow as tf
from absl.testing import absltest, parameterized

import ogbrain
from ogbrain import testing

SPLITS = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}


def setUpModule():
    unittest.enterModuleContext(testing.use_data(testing.TinyImages))


def scale(batch, seed):
    return {**batch, "image": tf.cast(batch["image"], tf.float32) / 255.0}


def twice_as_exact(batch, seed):
    return {**batch, "image": tf.cast(batch["image"], tf.float64) / 255.0}


class Right(ogbrain.Pipeline):
    """Keeps the contract; the specimens below each break it once."""

    def __init__(self, splits=SPLITS, preprocess=scale):
        super().__init__("tiny_images", splits=splits, features=["image", "label"], preprocess=[preprocess])


class WrongDtype(Right):
    def __init__(self):
        super().__init__(preprocess=twice_as_exact)


class NoLabels(Right):
    def __init__(self):
        super().__init__(preprocess=lambda batch, seed: {"image": scale(batch, seed)["image"]})


class SplitsOverlap(Right):
    def __init__(self):
        super().__init__({**SPLITS, "validation": "train[80%:]"})


class LosesTheLast(Right):
    """An evaluation pass leaves out a smaller last batch."""

    def example_numbers(self, split, *, training=False, **options):
        dataset = super().example_numbers(split, training=training, **options)
        return dataset.take(dataset.cardinality() - 1) if split == "validation" else dataset


class DrawsInEvaluation(Right):
    def batches(self, split, *, training=False, **options):
        dataset = super().batches(split, training=training, **options)
        return dataset if training else dataset.map(_noisy)


class IgnoresSeed(Right):
    def batches(self, split, *, seed=0, **options):
        return super().batches(split, seed=0, **options)


class Unseeded(Right):
    def batches(self, split, *, training=False, **options):
        dataset = super().batches(split, training=training, **options)
        return dataset.map(_noisy) if training else dataset


class ResumesTooEarly(Right):
    def batches(self, split, *, start_step=0, **options):
        return super().batches(split, start_step=max(start_step - 1, 0), **options)


class DrawsWithReplacement(Right):
    def example_numbers(self, split, *, training=False, shard=(0, 1), **options):
        dataset = super().example_numbers(split, training=training, shard=shard, **options)
        doubled = training and shard == (0, 1)
        return dataset.map(lambda step, numbers: (step, numbers // 2 * 2)) if doubled else dataset


class IgnoresShards(Right):
    def example_numbers(self, split, *, shard=(0, 1), **options):
        return super().example_numbers(split, **options)


class SharesTrainingRows(Right):
    """Every worker evaluates its part, and trains on all of it."""

    def example_numbers(self, split, *, training=False, shard=(0, 1), **options):
        return super().example_numbers(split, training=training, shard=(0, 1) if training else shard, **options)


def _noisy(batch):
    return {**batch, "image": batch["image"] + tf.random.uniform(tf.shape(batch["image"]))}


class PipelineTestCaseTest(parameterized.TestCase):
    def failed(self, pipeline_class):
        """Returns the names of the tests that fail, and how many there are."""

        class Case(testing.PipelineTestCase):
            spec = {"image": ((None, 8, 8, 1), tf.float32), "label": ((None,), tf.int64)}

            def make_pipeline(self):
                return pipeline_class()

        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(Case).run(result)
        self.assertEmpty(result.errors)
        return {test.id().rpartition(".test_")[2] for test, _ in result.failures}, result.testsRun

    def test_a_right_pipeline_passes(self):
        self.assertEqual(self.failed(Right), (set(), 7))

    @parameterized.parameters(
        (WrongDtype, "spec"),
        (NoLabels, "spec"),
        (SplitsOverlap, "splits_are_disjoint"),
        (LosesTheLast, "splits_are_disjoint"),
        (DrawsInEvaluation, "evaluation_is_repeatable"),
        (IgnoresSeed, "seed_decides"),
        (ResumesTooEarly, "resume"),
        (DrawsWithReplacement, "epoch_is_a_permutation"),
        (IgnoresShards, "shards"),
        (SharesTrainingRows, "shards"),
        # A batch that no seed decides cannot be had again after a resume.
        (Unseeded, "seed_decides", "resume"),
    )
    def test_a_wrong_pipeline_fails_just_that_test(self, pipeline_class, *tests):
        self.assertEqual(self.failed(pipeline_class)[0], set(tests))


if __name__ == "__main__":
    absltest.main()
