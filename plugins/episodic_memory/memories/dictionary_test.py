"""Tests of the episodic dictionary and its search."""

import faiss
import numpy as np
from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.episodic_memory.memories.episodic_dictionary import EpisodicDictionary
from plugins.episodic_memory.memories.nearest_keys import NearestKeys


def clustered(rng: np.random.Generator, count: int, depth: int = 16) -> np.ndarray:
    """Keys in clouds, as encoders make them."""
    centers = np.random.default_rng(9).normal(size=(50, depth)) * 3
    return (centers[rng.integers(50, size=count)] + rng.normal(size=(count, depth))).astype(np.float32)


def brute_force(keys: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    return np.sort(((queries[:, None] - keys) ** 2).sum(-1), 1)[:, :k]


class NearestKeysTest(absltest.TestCase):
    def test_exact(self):
        rng = np.random.default_rng(0)
        nearest = NearestKeys(100, 16)
        self.assertEqual(nearest.search(clustered(rng, 3), 5)[1].shape, (3, 0))
        keys = clustered(rng, 60)
        nearest.set(np.arange(60), keys)
        keys[7] = nearest.keys[7] + 5
        nearest.set(np.array([7]), keys[7:8])
        queries = clustered(rng, 30)
        distances, slots = nearest.search(queries, 5)
        np.testing.assert_allclose(distances, brute_force(keys, queries, 5), rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(((queries[:, None] - keys[slots]) ** 2).sum(-1), distances, rtol=1e-4, atol=1e-3)
        self.assertEqual(nearest.search(queries, 99)[1].shape, (30, 60))

    def test_beyond_exact_search(self):
        rng = np.random.default_rng(1)
        nearest = NearestKeys(6000, 16, exact_up_to=1000)
        for start in range(0, 6000, 500):
            nearest.set(np.arange(start, start + 500), clustered(rng, 500))
        for _ in range(20):
            nearest.set(rng.choice(6000, 300, replace=False), clustered(rng, 300))
        self.assertIsInstance(nearest._index, faiss.IndexIVFFlat)
        self.assertEqual(nearest._index.ntotal, 6000)
        queries = clustered(rng, 200)
        distances, slots = nearest.search(queries, 50)
        true = faiss.knn(queries, nearest.keys, 50)[1]
        recall = np.mean([np.isin(a, b).mean() for a, b in zip(true, slots, strict=True)])
        self.assertGreaterEqual(recall, 0.95)
        self.assertLess(nearest._index.nprobe, nearest._index.nlist / 2, "searches nearly all lists: no gain")
        np.testing.assert_allclose(
            ((queries[:, None] - nearest.keys[slots]) ** 2).sum(-1), distances, rtol=1e-3, atol=1e-3
        )
        again = NearestKeys(6000, 16, exact_up_to=1000)
        again.restore({name: np.array(value) for name, value in nearest.state().items()})
        for _ in range(3):
            for one in (nearest, again):
                one.set(np.arange(2000, 2400), clustered(np.random.default_rng(2), 400))
            for first, second in zip(nearest.search(queries, 50), again.search(queries, 50), strict=True):
                np.testing.assert_array_equal(first, second)


class EpisodicDictionaryTest(absltest.TestCase):
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 10**6), st.integers(3, 12), st.integers(1, 30))
    def test_beside_a_plain_dict(self, seed, capacity, turns):
        """Keys of a small grid, so that many match: the same contents as a dict with the same rule."""
        rng = np.random.default_rng(seed)
        dictionary = EpisodicDictionary(capacity, 2)
        plain: dict[tuple, float] = {}
        used: dict[tuple, int] = {}
        for turn in range(turns):
            keys = rng.integers(0, 4, size=(1, 2)).astype(np.float32)
            value, key = float(rng.integers(10)), tuple(keys[0])
            dictionary.write(keys, np.array([value]), np.maximum)
            if key not in plain and len(plain) == capacity:
                oldest = min(used, key=used.__getitem__)
                del plain[oldest], used[oldest]
            plain[key], used[key] = max(plain.get(key, -1), value), turn
        found = {tuple(key): value for key, value in zip(dictionary.keys, dictionary.values, strict=True)}
        self.assertEqual(found, plain)

    def test_a_key_twice_in_a_batch(self):
        dictionary = EpisodicDictionary(5, 2)
        keys = np.array([[1, 1], [2, 2], [1, 1], [1, 1]])
        dictionary.write(keys, np.array([1.0, 5, 3, 4]), lambda old, new: old + 0.5 * (new - old))
        self.assertLen(dictionary, 2)
        np.testing.assert_allclose(dictionary.values, [3, 5])  # 1, then 2, then 3

    def test_more_than_the_capacity_at_once(self):
        dictionary = EpisodicDictionary(5, 1)
        dictionary.write(np.arange(12)[:, None], np.arange(12), np.maximum)
        np.testing.assert_array_equal(np.sort(dictionary.values), [7, 8, 9, 10, 11])

    def test_neighbors_are_not_forgotten(self):
        dictionary = EpisodicDictionary(4, 1)
        dictionary.write(np.arange(4)[:, None] * 10, np.arange(4), np.maximum)
        dictionary.search(np.array([[1.0], [21.0]]), 1)
        dictionary.search(np.array([[11.0]]), 1, use=False)
        dictionary.write(np.array([[50.0], [60.0]]), np.array([8, 9]), np.maximum)
        np.testing.assert_array_equal(np.sort(dictionary.values), [0, 2, 8, 9])

    def test_moved_keys_are_found_where_they_are(self):
        dictionary = EpisodicDictionary(3, 1)
        dictionary.write(np.array([[0.0], [10], [20]]), np.array([1.0, 2, 3]), np.maximum)
        dictionary.move(np.array([0, 2, 0]), np.array([[1.0], [5], [2]]), np.array([0.5, 0, 0.25]))
        np.testing.assert_array_equal(dictionary.keys, [[3], [10], [25]])
        np.testing.assert_array_equal(dictionary.values, [1.75, 2, 3])
        np.testing.assert_array_equal(dictionary.search(np.array([[3.0]]), 1)[0], [[0]])

    def test_tickets_find_what_was_written(self):
        dictionary = EpisodicDictionary(3, 1)
        tickets = dictionary.write(np.array([[0.0], [10], [0]]), np.array([1.0, 2, 3]), np.maximum)
        slots, held = dictionary.held(tickets)
        np.testing.assert_array_equal(slots, [0, 1, 0])
        self.assertTrue(held.all())
        dictionary.replace_keys(np.array([1, 1]), np.array([[12.0], [13]]))
        np.testing.assert_array_equal(dictionary.keys, [[0], [12]])
        self.assertTrue(dictionary.held(tickets)[1].all())
        newer = dictionary.write(np.array([[20.0], [30], [40]]), np.zeros(3), np.maximum)
        self.assertFalse(dictionary.held(tickets)[1].any(), "forgotten, though something else is there now")
        self.assertTrue(dictionary.held(newer)[1].all())

    def test_resumed_goes_on_alike(self):
        rng = np.random.default_rng(0)
        dictionary = EpisodicDictionary(300, 4, exact_up_to=200, note_shape=(2,))
        notes = rng.integers(256, size=(250, 2))
        tickets = dictionary.write(rng.normal(size=(250, 4)), rng.normal(size=250), np.maximum, notes)
        again = EpisodicDictionary(300, 4, exact_up_to=200, note_shape=(2,))
        again.restore({name: np.array(value) for name, value in dictionary.state().items()})
        for one in (dictionary, again):
            turn = np.random.default_rng(1)
            for _ in range(5):
                one.search(turn.normal(size=(8, 4)), 3)
                one.write(turn.normal(size=(30, 4)), turn.normal(size=30), np.maximum)
        np.testing.assert_array_equal(dictionary.keys, again.keys)
        np.testing.assert_array_equal(dictionary.values, again.values)
        np.testing.assert_array_equal(dictionary.notes, again.notes)
        np.testing.assert_array_equal(dictionary.held(tickets)[1], again.held(tickets)[1])
        self.assertEqual((again.notes.sum(1) == 0).sum(), 150)

    def test_not_finite(self):
        with self.assertRaisesRegex(ValueError, "not finite; a lower learning rate"):
            EpisodicDictionary(3, 1).write(np.array([[np.nan]]), np.array([1.0]), np.maximum)


if __name__ == "__main__":
    absltest.main()
