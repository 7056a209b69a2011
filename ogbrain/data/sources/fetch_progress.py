"""Shows how far a download is that another program does."""

import sys
import threading
import time
from pathlib import Path
from types import TracebackType


class FetchProgress:
    """Watches a folder grow and says so on stderr while the block runs.

    The registries' own clients do the downloading and each has its own idea of
    progress; the bytes on disk are what they have in common.

    Args:
        title: What is being fetched.
        folder: Where the client writes.
        total: Bytes expected, 0 if not known.
        every: Seconds between two reports where stderr is not a terminal.
    """

    def __init__(self, title: str, folder: Path, total: int = 0, every: float = 5.0):
        self._title = title
        self._folder = folder
        self._total = total
        self._terminal = sys.stderr.isatty()
        self._every = 0.2 if self._terminal else every
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "FetchProgress":
        """Says what is fetched and begins to watch."""
        size = f" ({self._total / 1e6:.1f} MB)" if self._total else ""
        print(f"fetching {self._title}{size}", file=sys.stderr, flush=True)
        self._started = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Ends the watch with a last line."""
        self._done.set()
        self._thread.join()
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr)
        if kind is None:
            size, seconds = self._bytes() / 1e6, time.monotonic() - self._started
            print(f"fetched {self._title}: {size:.1f} MB in {seconds:.1f} s", file=sys.stderr, flush=True)

    def _watch(self) -> None:
        while not self._done.wait(self._every):
            size = self._bytes()
            of = f" of {self._total / 1e6:.1f} MB, {min(100, 100 * size // self._total)}%" if self._total else " MB"
            start, end = ("\r\033[K", "") if self._terminal else ("", "\n")
            print(f"{start}  {self._title}: {size / 1e6:.1f}{of}", end=end, file=sys.stderr, flush=True)

    def _bytes(self) -> int:
        total = 0
        for path in self._folder.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except OSError:  # the client renames and deletes while we look
                continue
        return total
