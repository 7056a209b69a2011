"""Tests of greedy and beam search against the best of all hypotheses."""

import itertools
import tempfile

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from plugins.attention.layers.search import beam_search, greedy_search

SIZE, START, END = 4, 0, 1
TABLE = np.random.default_rng(0).normal(size=(2, SIZE, SIZE)).astype("float32") * 2


def step(constants, state, tokens):
    """Logits of a token and the one before it, from a table of the row's own."""
    table, = constants
    before, = state
    logits = tf.gather(table, tokens, batch_dims=1) + 0.5 * tf.gather(table, before, batch_dims=1)[..., ::-1]
    return logits, [tokens]


def search(function, rows=2, **options):
    return function(step, [tf.constant(TABLE[:rows])], [tf.zeros([rows], tf.int32)], rows=rows, start=START, end=END,
                    **options)


def score(row, tokens, alpha):
    """The normalized log-probability of a hypothesis."""
    total, previous, before = 0.0, START, 0
    for token in tokens:
        logits = TABLE[row, previous] + 0.5 * TABLE[row, before][::-1]
        total += logits[token] - np.log(np.exp(logits).sum())
        previous, before = token, previous
    return total / ((5 + len(tokens)) / 6) ** alpha


def hypotheses(limit):
    """All that a search may find."""
    for length in range(1, limit + 1):
        for tokens in itertools.product(range(SIZE), repeat=length):
            if END not in tokens[:-1] and (tokens[-1] == END or length == limit):
                yield tokens


class SearchTest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.6, 1.5)
    def test_wide_beam_finds_the_best_of_all(self, alpha):
        ids, scores = search(beam_search, beams=200, limit=4, alpha=alpha)
        for row in range(2):
            ranked = sorted(((score(row, tokens, alpha), tokens) for tokens in hypotheses(4)), reverse=True)
            for place in range(5):
                np.testing.assert_allclose(scores[row, place], ranked[place][0], rtol=1e-4)
                found = tuple(ids[row, place].numpy())
                self.assertEqual(found[: len(ranked[place][1])], ranked[place][1])

    def test_beam_of_one_is_greedy(self):
        ids, _ = search(beam_search, beams=1, limit=6)
        greedy = search(greedy_search, limit=6).numpy()[:, :6]
        np.testing.assert_array_equal(ids[:, 0, : greedy.shape[1]], greedy)
        for row in range(2):
            previous, before = START, 0
            for token in greedy[row][: list(greedy[row]).index(END) + 1 if END in greedy[row] else None]:
                self.assertEqual(token, np.argmax(TABLE[row, previous] + 0.5 * TABLE[row, before][::-1]))
                previous, before = token, previous

    def test_rows_do_not_matter_to_each_other(self):
        both, one = search(beam_search, beams=3, limit=5), search(beam_search, rows=1, beams=3, limit=5)
        np.testing.assert_array_equal(both[0][:1], one[0])
        np.testing.assert_allclose(both[1][:1], one[1], rtol=1e-6)

    def test_each_row_has_a_limit_of_its_own(self):
        for function, options in ((greedy_search, {}), (beam_search, {"beams": 3})):
            ids = search(function, limit=tf.constant([2, 5]), **options)
            ids = (ids if function is greedy_search else ids[0][:, 0]).numpy()
            for row, limit in enumerate((2, 5)):
                alone = search(function, limit=limit, **options)
                alone = (alone if function is greedy_search else alone[0][:, 0]).numpy()[row, :limit]
                shared = min(len(alone), ids.shape[1])
                np.testing.assert_array_equal(ids[row, :shared], alone[:shared])
                self.assertTrue((alone[shared:] == END).all())
                self.assertTrue((ids[row, limit:] == END).all())

    def test_no_tokens_and_no_rows(self):
        self.assertEqual(search(beam_search, beams=2, limit=0)[0].shape, (2, 2, 0))
        self.assertEqual(search(greedy_search, rows=0, limit=3).shape[0], 0)

    def test_exports(self):
        module = tf.Module()
        module.search = tf.function(lambda limit: {"ids": search(beam_search, beams=3, limit=limit)[0]},
                                    input_signature=[tf.TensorSpec((), tf.int32)])
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder)
            loaded = tf.saved_model.load(folder)
        np.testing.assert_array_equal(loaded.search(5)["ids"], search(beam_search, beams=3, limit=5)[0])


if __name__ == "__main__":
    absltest.main()
