"""Examples a second of each kind of pipeline, beside plain TFDS and tf.data on the same data.

The peer is what one writes without this project: `tfds.load(...).cache().shuffle().map().batch().prefetch()`, and for
data larger than memory the same without `cache()`.
"""

import os
import pathlib
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import tensorflow_datasets as tfds
from absl import app, flags

from benchmarks.report import Report
from ogbrain.data.buckets import Buckets
from ogbrain.data.builders import builder
from ogbrain.data.encode import Encode
from ogbrain.data.pipeline import Pipeline
from ogbrain.data.vocabulary import Vocabulary

_ONLY = flags.DEFINE_list("only", [], "Kinds to measure, such as images or text; all if empty.")

_SHUFFLE = 10_000
Row = tuple[str, tf.data.Dataset, tf.data.Dataset, int, str]


def main(argv: list[str]) -> None:
    """Measures every kind and writes the report."""
    if len(argv) > 1:
        raise app.UsageError(f"unknown argument {argv[1]!r}")
    report = Report("pipelines")
    kinds: dict[str, Callable[[], Row]] = {
        "images": images,
        "evaluation": evaluation,
        "records": records,
        "text": text,
        "audio": audio,
        "audio_buckets": audio_buckets,
    }
    unknown = sorted(set(_ONLY.value) - set(kinds))
    if unknown:
        raise app.UsageError(f"unknown kind {unknown[0]!r}; known: {', '.join(kinds)}")
    seconds, rounds = (0.5, 2) if flags.FLAGS.quick else (2.0, 4)
    for name, make in kinds.items():
        if not _ONLY.value or name in _ONLY.value:
            work, ours, peer, cached, note = make()
            report.add(work, *compare(ours, peer, cached, seconds, rounds), unit="examples/s", note=note)
    report.finish(flags.FLAGS)


def compare(
    ours: tf.data.Dataset, peer: tf.data.Dataset, cached: int, seconds: float, rounds: int
) -> tuple[float, float]:
    """Measures both in turns, so that what else the machine does meets both, and returns the best of each.

    Args:
        ours: This project's batches.
        peer: The other's.
        cached: Examples to take beforehand, so that the peer's cache is full; and its shuffle buffer at least.
        seconds: How long a turn is.
        rounds: How many turns each has.

    Returns:
        Examples a second: ours, the peer's.
    """
    iterators = [iter(ours), iter(peer)]
    best = [0.0, 0.0]
    for iterator in iterators:
        taken = 0
        while taken < cached + _SHUFFLE:
            taken += _size(next(iterator))
    for _ in range(rounds):
        for which, iterator in enumerate(iterators):
            best[which] = max(best[which], _rate(iterator, seconds))
    return best[0], best[1]


def _rate(iterator, seconds: float) -> float:
    """Returns the examples a second that an iterator gives."""
    examples, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        examples += _size(next(iterator))
    return examples / elapsed


def _size(batch: dict[str, tf.Tensor]) -> int:
    """Returns the number of examples in a batch."""
    return next(iter(batch.values())).shape[0]


def images() -> Row:
    """Training batches of images held in memory."""
    data = builder("fashion_mnist")
    ours = Pipeline(data, splits={"train": "train"}).batches("train", batch_size=128, training=True)
    peer = data.as_dataset(split="train").cache().shuffle(_SHUFFLE).repeat().batch(128).prefetch(tf.data.AUTOTUNE)
    return "fashion_mnist in memory, batch 128", ours, peer, 60_000, "tfds cache, shuffle 10,000, batch, prefetch"


def evaluation() -> Row:
    """Passes in order over images held in memory."""
    data = builder("fashion_mnist")
    ours = Pipeline(data, splits={"test": "test"}).batches("test", batch_size=500).repeat()
    peer = data.as_dataset(split="test").cache().batch(500).repeat().prefetch(tf.data.AUTOTUNE)
    return "fashion_mnist evaluation passes, batch 500", ours, peer, 10_000, "tfds cache, batch, prefetch"


def records() -> Row:
    """Training batches read by index from ArrayRecord files, nothing cached."""
    prepared = builder("fashion_mnist")
    folder = pathlib.Path(prepared.data_path).parent.parent.parent / "benchmarks"
    by_index = type(prepared)(data_dir=str(folder), file_format="array_record")
    if hasattr(prepared, "packages_root"):
        by_index.packages_root = prepared.packages_root
    by_index.download_and_prepare()
    pipeline = Pipeline(by_index, splits={"train": "train"}, storage="records")
    ours = pipeline.batches("train", batch_size=128, training=True)
    config = tfds.ReadConfig(try_autocache=False)
    plain = prepared.as_dataset(split="train", shuffle_files=True, read_config=config)
    peer = plain.shuffle(_SHUFFLE).repeat().batch(128).prefetch(tf.data.AUTOTUNE)
    return "fashion_mnist from files, batch 128", ours, peer, 0, "tfds shuffle 10,000, batch, prefetch; not cached"


def text() -> Row:
    """Sentences in batches of one length, in subwords."""
    data = builder("libreoffice_help/en_fr")
    feature = _text_feature(data)
    vocabulary = Vocabulary.of_dataset(data, "train", feature, kind="subwords", size=8000)
    pipeline = Pipeline(
        data,
        splits={"train": "train"},
        prepare=[Encode(vocabulary, feature, "ids", end=True)],
        features=["ids"],
        buckets=Buckets(("ids",), boundaries=(8, 16, 24, 32)),
    )
    ours = pipeline.batches("train", batch_size=64, training=True)

    def ids(example: dict) -> dict[str, tf.Tensor]:
        for part in feature.split("/"):
            example = example[part]
        return {"ids": vocabulary.encode(example[tf.newaxis], end=True)[0]}

    plain = data.as_dataset(split="train").map(ids, num_parallel_calls=tf.data.AUTOTUNE).cache()
    peer = (
        plain.shuffle(_SHUFFLE)
        .repeat()
        .bucket_by_sequence_length(
            lambda example: tf.size(example["ids"]), bucket_boundaries=[9, 17, 25, 33], bucket_batch_sizes=[64] * 5
        )
    )
    note = "tfds map, cache, shuffle 10,000, bucket_by_sequence_length, prefetch"
    return (
        "libreoffice_help in buckets, batch 64",
        ours,
        peer.prefetch(tf.data.AUTOTUNE),
        data.info.splits["train"].num_examples,
        note,
    )


def audio() -> Row:
    """Padded batches of sound; almost all of the work is to write the padding, which both do."""
    data = builder("asterisk_sounds/en")
    ours = Pipeline(data, splits={"train": "train"}, features=["audio"]).batches("train", batch_size=16, training=True)
    peer = _sounds(data).padded_batch(16).prefetch(tf.data.AUTOTUNE)
    return "asterisk_sounds padded, batch 16", ours, peer, 1000, "tfds cache, shuffle 10,000, padded_batch, prefetch"


def audio_buckets() -> Row:
    """Batches of sounds of about one length."""
    data = builder("asterisk_sounds/en")
    boundaries = [8000, 16_000, 32_000, 64_000, 128_000]
    buckets = Buckets(("audio",), boundaries=tuple(boundaries))
    pipeline = Pipeline(data, splits={"train": "train"}, features=["audio"], buckets=buckets)
    ours = pipeline.batches("train", batch_size=16, training=True)
    peer = _sounds(data).bucket_by_sequence_length(
        lambda example: tf.size(example["audio"]),
        bucket_boundaries=[boundary + 1 for boundary in boundaries],
        bucket_batch_sizes=[16] * (len(boundaries) + 1),
    )
    note = "tfds cache, shuffle 10,000, bucket_by_sequence_length, prefetch"
    return "asterisk_sounds in buckets, batch 16", ours, peer.prefetch(tf.data.AUTOTUNE), 1000, note


def _sounds(data: tfds.core.DatasetBuilder) -> tf.data.Dataset:
    """Returns the sounds as plain TFDS gives them, shuffled."""
    return data.as_dataset(split="train").map(lambda e: {"audio": e["audio"]}).cache().shuffle(_SHUFFLE).repeat()


def _text_feature(data: tfds.core.DatasetBuilder) -> str:
    """Returns the flat name of the English text."""
    features = data.info.features
    for name in features:
        if name == "en":
            return name
        if hasattr(features[name], "keys") and "en" in features[name]:
            return f"{name}/en"
    raise ValueError(f"{data.info.full_name} has no English text")


if __name__ == "__main__":
    app.run(main)
