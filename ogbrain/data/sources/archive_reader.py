"""Members of tar, zip, `.deb`, npm and PyPI archives, read without trusting them.

Nothing is written to disk: members are handed out one by one as bytes, so a path
in an archive is only ever a name to compare, and no link is ever followed. A path
that climbs out is refused all the same, and so is a link or a device in the place
of a wanted file, because such an archive is not the one that was asked for.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import posixpath
import shutil
import stat
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ogbrain.data.sources.archive_error import ArchiveError
from ogbrain.data.sources.bounded_stream import BoundedStream
from ogbrain.data.sources.limits import DEFAULT_LIMITS, Limits

Wanted = Callable[[str], bool]

_AR_MAGIC = b"!<arch>\n"
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    IndexError,
    RuntimeError,  # zipfile: an encrypted member
    NotImplementedError,  # zipfile: a compression it does not know
)
_DECOMPRESSORS: dict[str, Callable] = {
    "": lambda stream: stream,
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".xz": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
}


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns whatever a reader says of damaged bytes into one line.

    Args:
        what: Names the file in the error.

    Raises:
        ArchiveError: The block raised any error that damaged bytes can cause.
    """
    try:
        yield
    except _DAMAGE as error:
        raise ArchiveError(f"{what}: truncated or damaged ({type(error).__name__}: {error})") from error


def safe_name(name: str, what: str) -> str:
    """Returns a member's path without a leading `./`.

    Args:
        name: Path as the archive gives it.
        what: Names the archive in the error.

    Raises:
        ArchiveError: The path is absolute, climbs out with `..`, or holds a backslash or a NUL.
    """
    clean = posixpath.normpath(name) if name else ""
    if not clean or name.startswith("/") or clean == ".." or clean.startswith("../") or "\\" in name or "\0" in name:
        raise ArchiveError(f"{what}: holds the path {name!r}, which leaves the archive; refused")
    return clean


def read_tar(
    stream: BinaryIO, wanted: Wanted, what: str, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[str, bytes]]:
    """Yields the wanted regular files of an uncompressed tar stream.

    Args:
        stream: The tar archive.
        wanted: Whether the member of a name is to be read.
        what: Names the archive in errors.
        limits: Bounds on what is read.

    Yields:
        Name and content of each wanted file, in the archive's order.

    Raises:
        ArchiveError: The archive is damaged, too large, or holds links, devices or paths that leave it.
    """
    bounded = BoundedStream(stream, limits.total_bytes, what)
    with reading(what), tarfile.open(fileobj=bounded, mode="r|", errorlevel=2) as tar:
        for count, member in enumerate(tar):
            if count >= limits.members:
                raise ArchiveError(f"{what}: holds more than {limits.members:,} members; refused")
            name = safe_name(member.name, what)
            if member.isdir():
                continue
            if not wanted(name):
                continue
            if not member.isreg() or member.issparse():
                raise ArchiveError(f"{what}: {name!r} is a link, a device or sparse, not a plain file; refused")
            if member.size > limits.member_bytes:
                raise ArchiveError(f"{what}: {name!r} has {member.size:,} bytes, over {limits.member_bytes:,}; refused")
            content = tar.extractfile(member)
            data = content.read() if content else b""
            if len(data) != member.size:
                raise ArchiveError(f"{what}: {name!r} is cut short")
            yield name, data


def read_targz(
    stream: BinaryIO, wanted: Wanted, what: str, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[str, bytes]]:
    """Yields the wanted regular files of a gzipped tar; see `read_tar`."""
    with gzip.GzipFile(fileobj=stream) as inner:
        yield from read_tar(inner, wanted, what, limits)  # type: ignore[arg-type]


def read_zip(
    stream: BinaryIO, wanted: Wanted, what: str, limits: Limits = DEFAULT_LIMITS
) -> Iterator[tuple[str, bytes]]:
    """Yields the wanted regular files of a zip archive; see `read_tar`."""
    total = 0
    with reading(what), zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > limits.members:
            raise ArchiveError(f"{what}: holds more than {limits.members:,} members; refused")
        for member in members:
            name = safe_name(member.filename, what)
            if member.is_dir() or not wanted(name):
                continue
            mode = member.external_attr >> 16
            if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise ArchiveError(f"{what}: {name!r} is a link or a device, not a plain file; refused")
            with archive.open(member) as content:
                data = BoundedStream(content, limits.member_bytes, f"{what}: {name!r}").read()  # type: ignore[arg-type]
            total += len(data)
            if total > limits.total_bytes:
                raise ArchiveError(f"{what}: unpacks to more than {limits.total_bytes:,} bytes; refused")
            yield name, data


def decompress_gzip(data: bytes, what: str, limit: int = DEFAULT_LIMITS.member_bytes) -> bytes:
    """Returns the content of a gzip file, at most `limit` bytes of it.

    Raises:
        ArchiveError: The file is damaged or unpacks to more.
    """
    with reading(what):
        return BoundedStream(gzip.GzipFile(fileobj=io.BytesIO(data)), limit, what).read()  # type: ignore[arg-type]


def read_ar(stream: BinaryIO, what: str) -> Iterator[tuple[str, int]]:
    """Yields name and size of each member of an `ar` archive, the stream standing at its first byte.

    Raises:
        ArchiveError: It is not an `ar` archive or ends too early.
    """
    if stream.read(8) != _AR_MAGIC:
        raise ArchiveError(f"{what}: not a Debian package (no 'ar' header)")
    while header := stream.read(60):
        if len(header) < 60 or header[58:] != b"`\n" or not header[48:58].strip().isdigit():
            raise ArchiveError(f"{what}: truncated or damaged (bad 'ar' member header)")
        name = header[:16].decode("latin-1").strip().rstrip("/")
        size = int(header[48:58])
        start = stream.tell()
        yield name, size
        stream.seek(start + size + size % 2)


def read_deb(path: Path, wanted: Wanted, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[str, bytes]]:
    """Yields the wanted files of a `.deb`: an `ar` archive around a compressed tar; see `read_tar`."""
    what = path.name
    with path.open("rb") as stream:
        for name, size in read_ar(stream, what):
            if not name.startswith("data.tar"):
                continue
            if stream.tell() + size > path.stat().st_size:
                raise ArchiveError(f"{what}: truncated: {name} is cut short")
            suffix = name.removeprefix("data.tar")
            if suffix == ".zst":  # what Ubuntu packs with; the standard library of Python 3.11-3.13 cannot read it
                yield from _read_with_dpkg(path, wanted, limits)
                return
            if suffix not in _DECOMPRESSORS:
                raise ArchiveError(f"{what}: {name} is compressed in a way that is not known; xz, gz, bz2, zst are")
            with reading(what):
                inner = _DECOMPRESSORS[suffix](_Window(stream, size))
            yield from read_tar(inner, wanted, what, limits)
            return
    raise ArchiveError(f"{what}: not a Debian package (no data.tar in it)")


def _read_with_dpkg(path: Path, wanted: Wanted, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Lets dpkg-deb unpack the tar stream; the tar itself is read here as always."""
    dpkg = shutil.which("dpkg-deb")
    if not dpkg:
        raise ArchiveError(f"{path.name}: compressed with zstd, which needs dpkg-deb; it is not installed")
    with subprocess.Popen([dpkg, "--fsys-tarfile", str(path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield from read_tar(process.stdout, wanted, path.name, limits)  # type: ignore[arg-type]
        finally:
            process.kill()


class _Window(io.RawIOBase):
    """The next `size` bytes of a stream, as a stream."""

    def __init__(self, stream: BinaryIO, size: int):
        super().__init__()
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def read_archive(path: Path, wanted: Wanted, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[str, bytes]]:
    """Yields the wanted files of a package archive, told apart by its file name.

    Args:
        path: A `.deb`, `.whl`, `.zip`, `.tgz` or `.tar.gz`.
        wanted: Whether the member of a name is to be read.
        limits: Bounds on what is read.

    Yields:
        Name and content of each wanted file.

    Raises:
        ArchiveError: The archive is damaged, too large, or holds links, devices or paths that leave it.
    """
    if path.suffix == ".deb":
        yield from read_deb(path, wanted, limits)
    elif path.suffix in (".whl", ".zip"):
        with path.open("rb") as stream:
            yield from read_zip(stream, wanted, path.name, limits)
    elif path.name.endswith((".tgz", ".tar.gz")):
        with path.open("rb") as stream:
            yield from read_targz(stream, wanted, path.name, limits)
    else:
        raise ArchiveError(f"{path.name}: not an archive that can be read; .deb, .whl, .zip, .tgz, .tar.gz are")
