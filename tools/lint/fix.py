"""Mends what can be mended: `bazel run //tools/lint:fix`."""

import subprocess
import sys

from tools.lint import buildifier, source_tree


def main() -> None:
    """Lets ruff and buildifier mend the repository's files and prints what is left."""
    ruff = subprocess.run([sys.executable, "-m", "ruff", "check", "--fix", "--quiet", "."], cwd=source_tree.root())
    result = buildifier.run("-mode=fix", "-lint=fix")
    print(result.stdout + result.stderr, end="")
    sys.exit(ruff.returncode or result.returncode)


if __name__ == "__main__":
    main()
