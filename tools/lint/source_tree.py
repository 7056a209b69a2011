"""The files of the repository, found from this one.

Bazel gives a test links to the real files, so the lint tests see the whole tree as it stands, with no list of files to
be kept in each BUILD file. They are tagged "external" in return: Bazel runs them anew each time.
"""

import os
import pathlib
import re
from collections.abc import Iterator

# A file that git ignores, for settings of one machine.
_OWN = "user.bazelrc"

# Folders that hold what is made, not written.
_MADE = re.compile(r"bazel-.*|\.git|\..*_cache|\.hypothesis|__pycache__|.*\.egg-info|runs|exports|build|dist")


def root() -> pathlib.Path:
    """Returns the top folder of the repository."""
    return pathlib.Path(__file__).resolve().parents[2]


def files(*suffixes: str) -> Iterator[pathlib.Path]:
    """Gives the files of the repository.

    Args:
        *suffixes: What the names may end in, such as ".py". Without any, all files are given.

    Yields:
        Paths relative to `root()`, in order.
    """
    for folder, folders, names in os.walk(root()):
        folders[:] = sorted(name for name in folders if not _MADE.fullmatch(name))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if name.endswith(suffixes or "") and name != _OWN and not path.is_symlink():
                yield path.relative_to(root())
