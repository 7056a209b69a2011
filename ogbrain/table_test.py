from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.table import table

_WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=9), max_size=20).map(" ".join)


class TableTest(absltest.TestCase):
    def test_columns(self):
        self.assertEqual(table([["a", "bb", "c"], ["aaa", "b", ""]], 80), "  a    bb  c\n  aaa  b")
        self.assertEqual(table([], 80), "")

    def test_the_widest_column_wraps(self):
        text = table([["name", "int", "one two three four five"]], 28, indent="")
        self.assertEqual(text, "name  int  one two three\n           four five")

    def test_limits(self):
        text = table([["name", "one two three", "x"], ["n", "1", "y"]], 80, indent="", limits=(10, 7))
        self.assertEqual(text, "name  one two  x\n      three\nn     1        y")

    @settings(deadline=None)
    @given(st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(_WORDS, min_size=n, max_size=n), max_size=5)))
    def test_fits_and_loses_nothing(self, rows):
        text = table(rows, 80, limits=(12, 90))
        self.assertLessEqual(max(map(len, text.splitlines()), default=0), 80)
        letters = sorted("".join("".join(row) for row in rows).replace(" ", ""))
        self.assertEqual(sorted("".join(text.split())), letters)


if __name__ == "__main__":
    absltest.main()
