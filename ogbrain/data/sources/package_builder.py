"""The base of TFDS builders whose data comes inside packages."""

import collections
import sys
from collections.abc import Callable, Iterator

import tensorflow_datasets as tfds

from ogbrain.data.sources.package import Package


class PackageBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A TFDS builder that reads packages instead of downloading files.

    A subclass makes its info with `package_info` and reads its packages with
    `members`; versions and checksums of what was read, and how many bad items were
    skipped, then stand in the metadata of the prepared data set (`metadata.json`).

    Attributes:
        packages_root: Folder of all data; empty for `$OGBRAIN_DATA_DIR`.
    """

    packages_root = ""

    def __init__(self, **kwargs):
        self._skipped: collections.Counter[str] = collections.Counter()
        super().__init__(**kwargs)

    def package_info(self, **kwargs) -> tfds.core.DatasetInfo:
        """Returns the info: README.md and CITATIONS.bib of the builder's folder, and what is given here."""
        return self.dataset_info_from_configs(metadata=tfds.core.MetadataDict(), **kwargs)

    def members(self, package: Package, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        """Yields name and content of the wanted files of a package, and records its version and checksum.

        Args:
            package: Where to read.
            wanted: Whether the file of a path is to be read.

        Raises:
            UserError: The package cannot be fetched or its archive cannot be trusted.
        """
        fetched = package.fetch(self.packages_root)
        # An entry is assigned whole: the metadata may be a lazy dictionary that sees only assignments.
        packages = dict(self.info.metadata.get("packages", {}))
        packages[package.name] = {
            "registry": package.registry,
            "version": fetched.version,
            "sha256": fetched.sha256,
        }
        self.info.metadata["packages"] = packages
        return package.members(wanted, self.packages_root)

    def skip(self, reason: str, what: str) -> None:
        """Counts a bad item that is left out, and names it on stderr.

        Args:
            reason: Kind of fault, a key of the counts in the metadata.
            what: The item and its fault in one line.
        """
        self._skipped[reason] += 1
        self.info.metadata["skipped"] = dict(self._skipped)
        if self._skipped[reason] <= 5:  # the first few tell what is wrong; the count tells how often
            print(f"{self.name}: skipped {' '.join(what.split())}", file=sys.stderr)
