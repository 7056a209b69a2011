"""One process at a time, over a file."""

import contextlib
import fcntl
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def file_lock(path: Path, doing: str) -> Iterator[None]:
    """Holds a lock that ends with the process, however the process ends.

    Args:
        path: Lock file; it is made, and stays.
        doing: What the lock is for; said to whoever has to wait.

    Example:
        >>> with file_lock(Path("packages/.lock"), "fetching packages"): ...
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"waiting for another process that is {doing} ({path})", file=sys.stderr, flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
