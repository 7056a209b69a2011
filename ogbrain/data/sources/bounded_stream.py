"""A stream that ends with an error where a bomb would go on."""

import io
from typing import BinaryIO

from ogbrain.data.sources.archive_error import ArchiveError


class BoundedStream(io.RawIOBase):
    """Reads from another stream and refuses to hand out more than so many bytes.

    A few kilobytes of compressed zeros can unpack to terabytes, and no header says
    so beforehand; counting what comes out is the one bound that holds.

    Args:
        stream: Where the bytes come from.
        limit: Most bytes that are handed out.
        what: Names the stream in the error.

    Example:
        >>> BoundedStream(lzma.open(path), limit=1 << 30, what="data.tar.xz").read(512)
    """

    def __init__(self, stream: BinaryIO, limit: int, what: str):
        super().__init__()
        self._stream = stream
        self._left = limit
        self._limit = limit
        self._what = what

    def readable(self) -> bool:
        """Returns True: this is a stream to read from."""
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        """Fills `buffer` and returns how many bytes it got."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Returns up to `size` bytes, all that is left if negative.

        Raises:
            ArchiveError: More than `limit` bytes have been read.
        """
        # One byte more than allowed is asked for, to tell "just fits" from "goes on".
        wanted = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        data = self._stream.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError(f"{self._what}: unpacks to more than {self._limit:,} bytes; refused")
        return data
