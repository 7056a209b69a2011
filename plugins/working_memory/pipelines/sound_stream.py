"""Sound from a pipe."""

import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from ogbrain.errors import UserError

from .sound_file import RATE

_WANTED = f"16-bit samples of one channel at {RATE} Hz, with or without the header of a WAV file"


def read_pcm(source: BinaryIO) -> Iterator[np.ndarray]:
    """Yields sound as it comes.

    Args:
        source: 16-bit little-endian samples of one channel at 16 kHz, with or without the header of a WAV file.

    Yields:
        `(samples,)` float32 in [-1, 1].

    Raises:
        UserError: It is a WAV file of another kind.

    Example:
        >>> for piece in read_pcm(sys.stdin.buffer):
        ...     print(len(piece))
    """
    read = getattr(source, "read1", source.read)
    data = source.read(4)
    if data in (b"fLaC", b"OggS"):
        raise UserError(f"standard input: a FLAC or OGG file is not allowed with --stream; {_WANTED}; --input=FILE "
                        "takes any")
    left = sys.maxsize
    if data == b"RIFF":
        left = _skip_header(source)
        data = b""
    while True:
        whole = len(data) // 2 * 2
        if whole:
            yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768.0
        new = read(min(4096, left))
        if not new:
            return
        left -= len(new)
        data = data[whole:] + new


def _skip_header(source):
    """Returns how many bytes of samples follow; what comes after them is no sound. A pipe's header may not know."""
    source.read(8)
    known = False
    while True:
        chunk = source.read(8)
        if len(chunk) < 8:
            raise UserError(f"standard input: a WAV file without samples; {_WANTED}")
        name, size = struct.unpack("<4sI", chunk)
        if name == b"data" and known:
            return size or sys.maxsize
        content = source.read(size + size % 2)
        if name == b"fmt " and len(content) >= 16:
            known = True
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
            if (kind, channels, rate, bits) != (1, 1, RATE, 16):
                raise UserError(f"standard input: a WAV file of {bits} bits, {channels} channel(s), {rate} Hz (format "
                                f"{kind}) is not allowed with --stream; {_WANTED}; --input=FILE takes any")
