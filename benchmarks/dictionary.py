"""The episodic dictionary beside bare faiss: `bazel run //benchmarks:dictionary -- --quick`.

Keys are what a small random network makes of points of a few dimensions, so that they lie as an agent's do: on a curved
surface within their space.
"""

import resource
import time
from collections.abc import Callable

import faiss
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from plugins.episodic_memory.layers.kernels import inverse_distance_value
from plugins.episodic_memory.memories.episodic_dictionary import EpisodicDictionary
from plugins.episodic_memory.memories.nearest_keys import NearestKeys

DEPTH, NEIGHBORS, BATCH = 64, 50, 32


def make_keys(count: int, seed: int) -> np.ndarray:
    """Returns keys, float32 `(count, 64)`."""
    layers = np.random.default_rng(0)
    first = layers.normal(size=(12, DEPTH)).astype(np.float32) / 3
    second = layers.normal(size=(DEPTH, DEPTH)).astype(np.float32) / 8
    points = np.random.default_rng(seed).normal(size=(count, 12)).astype(np.float32)
    return np.tanh(points @ first) @ second


@tf.function
def gradients(queries, keys, values, goals):
    """Returns the steps of keys and values that a squared error asks for."""
    with tf.GradientTape() as tape:
        tape.watch([keys, values])
        errors = inverse_distance_value(queries, keys, values, 1e-3) - goals
        loss = tf.reduce_sum(tf.square(errors)) / 2
    key_gradients, value_gradients = tape.gradient(loss, [keys, values])
    return -0.1 * key_gradients, -0.1 * value_gradients


def learn(dictionary: EpisodicDictionary, queries: np.ndarray) -> None:
    """Looks a batch up, takes the kernel's gradient and moves keys and values by it."""
    _, slots = dictionary.search(queries, NEIGHBORS)
    keys, values = dictionary.keys[slots], dictionary.values[slots]
    steps = gradients(*map(tf.convert_to_tensor, (queries, keys, values, queries[:, 1])))
    dictionary.move(slots.reshape(-1), steps[0].numpy().reshape(-1, DEPTH), steps[1].numpy().reshape(-1))


def rates(functions: dict[str, Callable[[np.ndarray], object]], rounds: int) -> dict[str, float]:
    """Returns queries a second of each, the median of rounds in which they take turns.

    Each calls several times in its turn and the first is not counted: keys that another has left in the processor's
    cache would be a gift, and keys that it has thrown out a burden.
    """
    queries = make_keys(BATCH * rounds, 7).reshape(rounds, BATCH, DEPTH)
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(0, rounds, 5):
        for name, function in functions.items():
            for place in range(number, number + 5):
                start = time.perf_counter()
                function(queries[place])
                if place > number:
                    times[name].append(time.perf_counter() - start)
    return {name: BATCH / float(np.median(values)) for name, values in times.items()}


def main(arguments: list[str]) -> None:
    """Measures exact search with all that a dictionary does besides, then search beyond 100,000 keys."""
    if len(arguments) > 1:
        raise app.UsageError(f"unknown argument {arguments[1]!r}")
    quick = flags.FLAGS.quick
    faiss.omp_set_num_threads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    report = Report("dictionary")
    dictionary = EpisodicDictionary(100_000, DEPTH)
    for start in range(0, 100_000, 10_000):
        keys = make_keys(10_000, start + 1)
        dictionary.write(keys, keys[:, 0], np.maximum)
    bare = faiss.IndexFlatL2(DEPTH)
    bare.add(dictionary.keys)
    figures = rates(
        {
            "bare": lambda queries: bare.search(queries, NEIGHBORS),
            "search": lambda queries: dictionary.search(queries, NEIGHBORS),
            "learn": lambda queries: learn(dictionary, queries),
            "write": lambda queries: dictionary.write(queries, queries[:, 0], np.maximum),
        },
        rounds=30 if quick else 100,
    )
    what = {
        "search": "100,000 keys: look-up", "learn": "100,000 keys: look-up, kernel, gradient, update",
        "write": "100,000 keys: insert or merge, oldest forgotten",
    }  # fmt: skip
    for name, text in what.items():
        report.add(text, figures[name], figures["bare"], "queries/s", "peer: IndexFlatL2, one thread")
    count = 200_000 if quick else 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = NearestKeys(count, DEPTH)
    for start in range(0, count, 10_000):
        large.set(np.arange(start, start + 10_000), make_keys(10_000, start + 1))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    queries = make_keys(10 * BATCH, 99)
    true = faiss.knn(queries, large.keys, NEIGHBORS)[1]
    found = large.search(queries, NEIGHBORS)[1]
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)])
    report.add(f"{count:,} keys: recall of {NEIGHBORS} neighbours", float(recall), None, "share")
    report.add(f"{count:,} keys: memory", grown / 1e9, None, "GB", "most while filling it")
    figures = rates(
        {
            "exact": lambda batch: faiss.knn(batch, large.keys, NEIGHBORS),
            "ours": lambda batch: large.search(batch, NEIGHBORS),
        },
        rounds=5 if quick else 20,
    )
    report.add(f"{count:,} keys: look-up", figures["ours"], figures["exact"], "queries/s", "peer: exact, one thread")
    report.finish()


if __name__ == "__main__":
    app.run(main)
