"""Paths as the user means them."""

import os
from pathlib import Path


def working_directory() -> Path:
    """Returns the folder the user stands in; under `bazel run` that is not the process's own."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY") or Path.cwd())


def user_path(path: str | Path) -> Path:
    """Returns a path that the user gave as an absolute one: `~` expanded, relative to where the user stands.

    Example:
        >>> user_path("runs/first")
        PosixPath('/home/ada/brain/runs/first')
    """
    # Not Path.expanduser(), which raises where there is no such user.
    return working_directory() / os.path.expanduser(path)
