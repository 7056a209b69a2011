"""Python code is clean by ruff's rules, as pyproject.toml chooses them."""

import subprocess
import sys

from absl.testing import absltest

from tools.lint import source_tree


class RuffTest(absltest.TestCase):
    def test_ruff_finds_nothing(self):
        command = [sys.executable, "-m", "ruff", "check", "--quiet", "--no-cache", "--output-format=concise", "."]
        result = subprocess.run(command, cwd=source_tree.root(), capture_output=True, text=True)
        if result.returncode:
            self.fail("bazel run //tools/lint:fix mends some of these:\n" + result.stdout + result.stderr)


if __name__ == "__main__":
    absltest.main()
