"""Frames in a file, for memories beyond RAM."""

import re
from pathlib import Path
from typing import IO

import numpy as np

KEPT = 3
"""How many of the last marks can be gone back to; a run keeps its last two checkpoints."""


class FrameFile:
    """An array in a file, mapped into memory, that can be set back to how it was at a mark.

    Whatever is overwritten is first appended to a log. So a run that was killed finds the frames as they were at its
    last checkpoint, and a checkpoint holds none of them.

    Args:
        folder: Folder of the array and its logs, of one run only.
        shape: `(rows, ...)`.
        dtype: Of the array.

    Example:
        >>> frames = FrameFile(Path("/big/disk/memory"), (10_000_000, 84, 84), np.dtype(np.uint8))
        >>> mark = frames.mark()
        >>> frames.write(np.array([3]), newer)
        >>> frames.rewind(mark)
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: np.dtype):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "frames"
        size = int(np.prod(shape)) * dtype.itemsize
        exists = file.exists() and file.stat().st_size == size
        self.array = np.memmap(file, dtype, "r+" if exists else "w+", shape=shape)
        self._record = np.dtype([("row", np.int64), ("frame", dtype, shape[1:])])
        self._mark = max(self._logs(), default=0) if exists else 0
        self._log: IO[bytes] | None = None

    def write(self, rows: np.ndarray, frames: np.ndarray) -> None:
        """Sets rows, each once, to frames `(n, ...)`."""
        if self._mark:
            records = np.empty(len(rows), self._record)
            records["row"], records["frame"] = rows, self.array[rows]
            if self._log is None:
                self._log = self._path(self._mark).open("ab")
            self._log.write(records.tobytes())
            self._log.flush()
        self.array[rows] = frames

    def mark(self) -> int:
        """Writes all to the file and returns a mark of this moment, a number from 1."""
        self.array.flush()
        self._close()
        self._mark += 1
        self._path(self._mark).touch()
        for old in self._logs():
            if old <= self._mark - KEPT:
                self._path(old).unlink()
        return self._mark

    def rewind(self, mark: int) -> None:
        """Sets the array back to how it was at a mark.

        Raises:
            ValueError: The logs since then are not there.
        """
        self._close()
        later = [number for number in self._logs() if number >= mark]
        if mark not in later or later != list(range(mark, later[-1] + 1)):
            raise ValueError(f"memory folder {self.folder}: its frames are not those of this run; the run's own folder")
        for number in reversed(later):
            content = self._path(number).read_bytes()
            # A kill may have left part of a record: its frame had not been overwritten yet.
            whole = len(content) // self._record.itemsize
            records = np.frombuffer(content, self._record, whole)
            for record in records[::-1]:
                self.array[record["row"]] = record["frame"]
            self._path(number).unlink()
        self._mark = mark
        self._path(mark).touch()

    def _logs(self) -> list[int]:
        found = [re.fullmatch(r"undo-(\d+)", file.name) for file in self.folder.iterdir()]
        return sorted(int(match[1]) for match in found if match)

    def _path(self, mark: int) -> Path:
        return self.folder / f"undo-{mark}"

    def _close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None
