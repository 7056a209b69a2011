"""No file is overlong or names what it must not, and the check that says so finds what it should."""

from absl.testing import absltest, parameterized

from tools.lint import source_tree, sources

_ROOT_HOME = "/" + "root/"


class SourcesTest(parameterized.TestCase):
    @parameterized.parameters(
        ("a.md", "see https://" + "py" + "pi.org/simple", "names the host"),
        ("a.txt", "registry." + "npm" + "js.org", "names the host"),
        ("a.sh", f"cd {_ROOT_HOME}x", "path of one machine"),
        ("a.py", f"path = '{_ROOT_HOME}.cache'", "path of one machine"),
        ("a.md", "in /" + "home/bob/data", "path of one machine"),
    )
    def test_a_breach_is_found(self, path, text, words):
        (line,) = sources.violations(path, text)
        self.assertIn(words, line)

    @parameterized.parameters(
        ("a.md", "PyPI, npm and Debian's packages"),
        ("a.py", "path = '~/.cache/ogbrain' or tree/root/leaf"),
    )
    def test_the_rest_passes(self, path, text):
        self.assertEmpty(sources.violations(path, text))

    def test_python_files_are_at_most_400_lines(self):
        self.assertEmpty(sources.violations("a.py", "x = 1\n" * 400))
        self.assertEqual(sources.violations("a.py", "x = 1\n" * 401), ["a.py: 401 lines: more than 400"])
        self.assertEmpty(sources.violations("a.lock", "x = 1\n" * 401))

    def test_the_tree_is_clean(self):
        found = []
        for path in source_tree.files():
            data = (source_tree.root() / path).read_bytes()
            if b"\0" not in data[:8192]:  # else it is no text
                found += sources.violations(path.as_posix(), data.decode("utf-8", errors="replace"))
        self.assertEmpty(found, "\n".join(found))

    def test_the_tree_is_seen(self):
        seen = {path.as_posix() for path in source_tree.files()}
        self.assertContainsSubset({"WORKSPACE", ".bazelrc", "tools/lint/sources.py", "requirements_lock.txt"}, seen)


if __name__ == "__main__":
    absltest.main()
