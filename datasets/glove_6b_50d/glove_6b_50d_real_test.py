"""Tests of the word vectors on the real package."""

import numpy as np
from absl.testing import absltest

from ogbrain.data import resources


class Glove6b50dRealTest(absltest.TestCase):
    def test_vectors_mean_what_words_mean(self):
        words, vectors = resources.load("glove_6b_50d")
        self.assertLen(set(words), 400_000)
        self.assertEqual((vectors.shape, vectors.dtype, words[0]), ((400_000, 50), np.float32, "the"))
        index = {word: number for number, word in enumerate(words)}
        unit = vectors[:20_000] / np.linalg.norm(vectors[:20_000], axis=1, keepdims=True)
        wanted = vectors[index["king"]] - vectors[index["man"]] + vectors[index["woman"]]
        nearest = [words[number] for number in np.argsort(unit @ wanted)[::-1] if words[number] != "king"]
        self.assertEqual(nearest[0], "queen")
        self.assertEqual(resources.info("glove_6b_50d")["version"], "1.0.0")


if __name__ == "__main__":
    absltest.main()
