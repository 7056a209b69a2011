"""Packages of Debian and of systems made from it."""

import dataclasses
import re
import shutil
from pathlib import Path

from ogbrain.data.sources.package import Package
from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class DebianPackage(Package):
    """A Debian package, fetched by `apt-get download` as an ordinary user.

    Debian's revisions move and old ones vanish from the archive, so none is pinned:
    apt itself checks the download against the archive's signed index, and the checksum
    and the version that were found are recorded.

    Example:
        >>> DebianPackage("dataset-fashion-mnist").read(["usr/share/doc/dataset-fashion-mnist/copyright"])
    """

    registry = "debian"
    client = "apt-get"

    def _fetch_into(self, folder: Path) -> tuple[Path, str]:
        if not shutil.which("apt-get"):
            raise self.unavailable("needs apt-get, which is not installed")
        state = folder.parent / ".apt"  # the index of packages, shared by all Debian packages
        for part in ("state/lists/partial", "cache/archives/partial"):
            (state / part).mkdir(parents=True, exist_ok=True)
        apt = [
            "apt-get",
            *("-o", f"Dir::State={state / 'state'}"),
            *("-o", f"Dir::State::Lists={state / 'state/lists'}"),
            *("-o", f"Dir::Cache={state / 'cache'}"),
            *("-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User="),  # root would else drop to a user that cannot write here
            *("-o", "Acquire::Retries=1"),
            *("-o", "Acquire::Languages=none"),
            *("-o", "APT::Update::Error-Mode=any"),
        ]
        # An index that is there may be too old; one update is worth a second try.
        try:
            self._run([*apt, "download", self.name], folder)
        except UserError:
            self._run([*apt, "update"], folder)
            self._run([*apt, "download", self.name], folder)
        path = max(folder.glob("*.deb"), key=lambda path: path.stat().st_mtime)
        version = re.fullmatch(r".+_(.+)_[^_]+\.deb", path.name)
        return path, version[1].replace("%3a", ":") if version else ""
