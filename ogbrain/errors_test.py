from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.errors import RunError, UserError, nearest, one_line, unknown_name


class ErrorsTest(absltest.TestCase):
    def test_unknown_name(self):
        error = unknown_name("plugin", "atention", ["transfer", "attention"], "List them")
        self.assertEqual(
            str(error), "unknown plugin 'atention'; did you mean 'attention'? Known: attention, transfer. List them"
        )
        self.assertEqual(str(unknown_name("plugin", "xyz", [])), "unknown plugin 'xyz'. Known: none")

    def test_nearest(self):
        self.assertEqual(nearest("glimps", ["glimpse", "translate"]), "glimpse")
        self.assertIsNone(nearest("zzz", ["glimpse", "translate"]))

    def test_exit_codes(self):
        self.assertEqual((UserError("a").exit_code, RunError("a").exit_code), (2, 1))

    def test_one_line(self):
        self.assertEqual(one_line(ValueError("a\n b")), "ValueError: a b")
        self.assertEqual(one_line(ValueError()), "ValueError")
        self.assertEqual(one_line(UserError("seed: 'x'")), "seed: 'x'")
        self.assertLess(len(one_line(ValueError("x" * 10_000))), 500)

    def test_one_line_of_an_error_that_cannot_be_printed(self):
        class Sulky(Exception):
            def __str__(self):
                raise RuntimeError

        self.assertEqual(one_line(Sulky()), "Sulky")

    @settings(deadline=None)
    @given(st.text())
    def test_is_always_one_printable_line(self, text):
        for error in (ValueError(text), UserError(text), unknown_name("thing", text, [text])):
            self.assertLessEqual(len(one_line(error).splitlines()), 1)
            self.assertTrue(one_line(error).isprintable())


if __name__ == "__main__":
    absltest.main()
