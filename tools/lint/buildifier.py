"""Runs buildifier, which formats and checks Bazel's files."""

import pathlib
import subprocess

from tools.lint import source_tree

# With Bazel 4 the rules for Python and C++ are native: there is nothing to load them from.
_NATIVE = ("py", *(f"cc-{kind}" for kind in ("binary", "import", "library", "objc-library", "proto", "test")))
_NATIVE += ("cc-toolchain", "cc-toolchain-suite")
_WARNINGS = "-warnings=" + ",".join(f"-native-{kind}" for kind in _NATIVE)

# Among the files Bazel gives to the program, in their folder of its own repository.
_PROGRAM = pathlib.Path(__file__).absolute().parents[3] / "buildifier" / "buildifier"

# What the stand-in for the program exits with where npm, which it comes from, is missing.
MISSING = 77


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """Runs buildifier on the repository's BUILD, WORKSPACE and .bzl files.

    Args:
        *options: Such as "-mode=check".

    Returns:
        What it said. Its return code is `MISSING` if there is no buildifier on this machine.
    """
    paths = [str(path) for path in source_tree.files("BUILD", "WORKSPACE", ".bzl")]
    command = [str(_PROGRAM), *options, _WARNINGS, *paths]
    return subprocess.run(command, cwd=source_tree.root(), capture_output=True, text=True)
