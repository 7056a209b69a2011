"""Tests of the pipeline: every kind keeps the contract, and says clearly what it is not given right."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.data.buckets import Buckets
from ogbrain.data.per_example import per_example
from ogbrain.data.pipeline import Pipeline
from ogbrain.errors import UserError
from ogbrain.testing.pipeline_test_case import PipelineTestCase
from ogbrain.testing.tiny_sequences import TinySequences

SPLITS = {"train": "train[:80%]", "validation": "train[80%:]", "test": "test"}
_prepared: dict[str, TinySequences] = {}


def prepared(file_format="tfrecord"):
    if file_format not in _prepared:
        folder = absltest.get_default_test_tmpdir() + f"/{file_format}"
        builder = TinySequences(data_dir=folder, file_format=file_format)
        builder.download_and_prepare()
        _prepared[file_format] = builder
    return _prepared[file_format]


def noise(batch, seed):
    shape = tf.shape(batch["image"])
    return {**batch, "image": tf.cast(batch["image"], tf.float32) + tf.random.stateless_uniform(shape, seed)}


def one_noise(example, seed):
    return {"id": example["id"], "noise": tf.random.stateless_uniform([3], seed)}


@dataclasses.dataclass(frozen=True)
class Repeat:
    times: int

    def __call__(self, example):
        return {**example, "tokens": np.repeat(example["tokens"], self.times)}


class MemoryTest(PipelineTestCase):
    spec = {
        "image": ((None, 2, 3, 1), tf.uint8),
        "label": ((None,), tf.int64),
        "text/en": ((None,), tf.string),
        "tokens": ((None, None), tf.int32),
        "tokens_length": ((None,), tf.int32),
        "frames": ((None, None, 2), tf.float32),
        "words": ((None, None), tf.string),
    }

    def make_pipeline(self):
        return Pipeline(prepared(), splits=SPLITS)


class RecordsTest(MemoryTest):
    def make_pipeline(self):
        return Pipeline(prepared("array_record"), splits=SPLITS, storage="records")

    def test_same_batches_as_in_memory(self):
        in_memory = Pipeline(prepared("array_record"), splits=SPLITS, storage="memory")
        batches = in_memory.batches("train", batch_size=self.batch_size, seed=7, training=True)
        self._assert_same(self._training(seed=7), self._take(batches, self.steps))


class FixedRecordsTest(PipelineTestCase):
    spec = {"image": ((None, 2, 3, 1), tf.float32)}

    def make_pipeline(self):
        return Pipeline(
            prepared("array_record"), splits=SPLITS, storage="records", features=("id", "image"), preprocess=[noise]
        )


class PreprocessedTest(PipelineTestCase):
    spec = {"image": ((None, 2, 3, 1), tf.float32)}

    def make_pipeline(self):
        return Pipeline(prepared(), splits=SPLITS, preprocess=[noise, noise])


class PerExampleTest(PipelineTestCase):
    spec = {"id": ((None,), tf.int64), "noise": ((None, 3), tf.float32)}

    def make_pipeline(self):
        return Pipeline(prepared(), splits=SPLITS, preprocess=[per_example(one_noise)])

    def test_examples_differ(self):
        for batch in self._training(seed=1):
            self.assertLen({row.tobytes() for row in batch["noise"]}, self.batch_size)


class BucketedTest(PipelineTestCase):
    steps = 20

    def make_pipeline(self):
        return Pipeline(prepared(), splits=SPLITS, buckets=Buckets(("tokens",), count=3, max_tokens=40))


class PreparedRecordsTest(PipelineTestCase):
    def make_pipeline(self):
        return Pipeline(
            prepared("array_record"),
            splits=SPLITS,
            storage="records",
            prepare=[Repeat(2)],
            max_lengths={"tokens": 10},
            over_long="drop",
            buckets=Buckets(("tokens",), boundaries=(3, 6)),
        )

    def test_long_examples_are_dropped(self):
        pipeline = self.make_pipeline()
        kept = [number for number in range(37, 48) if 2 * TinySequences.length(number) <= 10]
        rows = np.concatenate([batch["id"] for batch in pipeline.batches("test", batch_size=4).as_numpy_iterator()])
        self.assertCountEqual(rows.tolist(), kept)


class ContentTest(parameterized.TestCase):
    """What is in the batches is what is in the data."""

    @parameterized.parameters("memory", "records")
    def test_padding(self, storage):
        pipeline = Pipeline(
            prepared("array_record"),
            splits=SPLITS,
            storage=storage,
            max_lengths={"tokens": 9},
            pad_values={"tokens": -1, "words": b"<pad>"},
            pad_multiple=4,
        )
        for batch in pipeline.batches("train", batch_size=5, seed=2, training=True).take(12).as_numpy_iterator():
            for row, number in enumerate(batch["id"]):
                full = TinySequences.length(number)
                length = min(full, 9)
                self.assertEqual(batch["tokens_length"][row], length)
                np.testing.assert_array_equal(batch["tokens"][row, :length], number)
                np.testing.assert_array_equal(batch["tokens"][row, length:], -1)
                np.testing.assert_array_equal(batch["words"][row, :full], f"w{number}".encode())
                np.testing.assert_array_equal(batch["words"][row, full:], b"<pad>")
                np.testing.assert_array_equal(batch["frames"][row, :full], number)
                np.testing.assert_array_equal(batch["frames"][row, full:], 0)
                np.testing.assert_array_equal(batch["image"][row], number)
                self.assertEqual(batch["text/en"][row].decode(), f"number {number} é")
            self.assertEqual(batch["tokens"].shape[1], -(-max(batch["tokens_length"]) // 4) * 4)

    @parameterized.parameters("memory", "records")
    def test_empty_last_shard(self, storage):
        pipeline = Pipeline(prepared("array_record"), splits={"test": "test[:5]"}, storage=storage)
        shards = [list(pipeline.batches("test", batch_size=4, shard=(index, 4))) for index in range(4)]
        self.assertEqual([[len(batch["id"]) for batch in shard] for shard in shards], [[1, 1], [1, 0], [1, 0], [1, 0]])

    def test_bucketed_batches_are_of_one_length(self):
        buckets = Buckets(("tokens",), boundaries=(3, 6, 9))
        pipeline = Pipeline(prepared(), splits=SPLITS, buckets=buckets)
        steps = pipeline.steps_per_epoch("train", 6)
        for batch in pipeline.batches("train", batch_size=6, training=True).take(steps):
            places = np.searchsorted((3, 6, 9), batch["tokens_length"])
            self.assertLen(set(places.tolist()), 1)

    def test_epochs_end_the_training(self):
        pipeline = Pipeline(prepared(), splits={"train": "test"}, epochs=3)
        ids = np.concatenate([b["id"] for b in pipeline.batches("train", batch_size=3, training=True)])
        self.assertEqual(np.unique(ids, return_counts=True)[1].tolist(), [3] * 11)
        self.assertNotEqual(ids[:11].tolist(), ids[11:22].tolist())

    def test_without_shuffling(self):
        pipeline = Pipeline(prepared(), splits={"train": "test[:4]"}, shuffle=False)
        evaluated = [b["id"].numpy().tolist() for b in pipeline.batches("train", batch_size=4)]
        trained = [b["id"].numpy().tolist() for b in pipeline.batches("train", batch_size=4, training=True).take(2)]
        self.assertEqual(trained, evaluated * 2)

    def test_splits_draw_different_noise(self):
        pipeline = Pipeline(prepared(), splits={"a": "test", "b": "test"}, preprocess=[noise])
        first, second = (next(iter(pipeline.batches(name, batch_size=4)))["image"] for name in "ab")
        self.assertNotAllEqual(first, second)

    def assertNotAllEqual(self, first, second):
        self.assertFalse(np.array_equal(first, second))


class CacheTest(absltest.TestCase):
    """The decoded arrays are kept, found again, and left when what they depend on changes."""

    def setUp(self):
        super().setUp()
        self.builder = TinySequences(data_dir=self.create_tempdir().full_path)
        self.builder.download_and_prepare()
        self.folder = pathlib.Path(self.builder.data_path) / "decoded"

    def ids(self, **arguments):
        pipeline = Pipeline(self.builder, splits={"test": "test"}, **arguments)
        return [b["tokens"].numpy().tolist() for b in pipeline.batches("test", batch_size=11)]

    def test_second_start_reads_the_arrays(self):
        first = self.ids()
        (kept,) = self.folder.iterdir()
        for file in pathlib.Path(self.builder.data_path).glob("*.tfrecord*"):
            file.unlink()
        self.assertEqual(self.ids(), first)
        self.assertEqual([kept], list(self.folder.iterdir()))

    def test_damaged_arrays_are_made_again(self):
        first = self.ids()
        (kept,) = self.folder.iterdir()
        (kept / "columns.json").write_text("{")
        self.assertEqual(self.ids(), first)
        self.assertEqual(self.ids(), first)
        self.assertEqual([kept], list(self.folder.iterdir()))

    def test_other_prepare_steps_other_arrays(self):
        self.assertNotEqual(self.ids(prepare=[Repeat(2)]), self.ids(prepare=[Repeat(3)]))

    def test_cache_can_be_turned_off(self):
        self.ids(cache=False)
        self.assertFalse(self.folder.exists())

    def test_closures_have_no_fingerprint(self):
        times = 2
        with self.assertRaisesRegex(UserError, "fingerprint"):
            self.ids(prepare=[lambda example: {"tokens": np.repeat(example["tokens"], times)}])


class BadInputTest(parameterized.TestCase):
    """What is wrong is named in one line."""

    @parameterized.parameters(
        ({"splits": {}}, "at least one split"),
        ({"splits": {"train": "trian"}}, "did you mean 'train'"),
        ({"splits": {"train": "train[:0]"}}, "holds no example"),
        ({"splits": {"train": "train[:x"}}, "cannot take"),
        ({"splits": {"train": "train"}, "storage": "memry"}, "did you mean 'memory'"),
        ({"splits": {"train": "train"}, "over_long": "cut"}, "Known: drop, truncate"),
        ({"splits": {"train": "train"}, "storage": "records"}, "array_record"),
        ({"splits": {"train": "train"}, "pad_multiple": 0}, "pad_multiple"),
        ({"splits": {"train": "train"}, "buckets": Buckets(("token",))}, "did you mean 'tokens'"),
        ({"splits": {"train": "train"}, "buckets": Buckets(("tokens",), max_tokens=11)}, "max_tokens 11"),
        ({"splits": {"train": "train"}, "max_lengths": {"tokens": -1}, "over_long": "drop"}, "every example"),
    )
    def test_declaration(self, arguments, message):
        with self.assertRaisesRegex(UserError, message) as caught:
            Pipeline(prepared(), **arguments).batches("train", batch_size=2, training=True)
        self.assertNotIn("\n", str(caught.exception))

    @parameterized.parameters(
        ({"split": "tran"}, "did you mean 'train'"),
        ({"batch_size": 0}, "batch_size: 0"),
        ({"batch_size": 100}, "more than the 37"),
        ({"seed": -1}, "seed: -1"),
        ({"start_step": -1}, "start_step: -1"),
        ({"shard": (2, 2)}, "shard: "),
        ({"shard": (0, 3)}, "multiple of the 3"),
    )
    def test_call(self, arguments, message):
        arguments = {"split": "train", "batch_size": 2, "training": True, **arguments}
        with self.assertRaisesRegex(UserError, message):
            Pipeline(prepared(), splits={"train": "train"}).batches(**arguments)

    def test_unprepared_builder(self):
        builder = TinySequences(data_dir=self.create_tempdir().full_path)
        with self.assertRaisesRegex(UserError, "not prepared"):
            Pipeline(builder, splits={"train": "train"}).num_examples("train")


if __name__ == "__main__":
    absltest.main()
