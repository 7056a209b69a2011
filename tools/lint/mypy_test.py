"""Types agree, by mypy's rules, as pyproject.toml chooses them."""

import os
import subprocess
import sys

from absl.testing import absltest

from tools.lint import source_tree


class MypyTest(absltest.TestCase):
    def test_mypy_finds_nothing(self):
        # Tests hand things over loosely on purpose; what they call is checked.
        paths = [str(path) for path in source_tree.files(".py") if not path.name.endswith("_test.py")]
        # Its cache, in the repository's folder, makes the second run quick. It knows by itself what changed.
        environment = {**os.environ, "PYTHONPATH": ""}
        command = [sys.executable, "-m", "mypy", "--no-error-summary", *paths]
        result = subprocess.run(command, cwd=source_tree.root(), capture_output=True, text=True, env=environment)
        if result.returncode:
            self.fail("mypy:\n" + result.stdout + result.stderr)


if __name__ == "__main__":
    absltest.main()
