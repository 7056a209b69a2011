"""The TFDS test case for builders whose data comes inside packages."""

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import tensorflow_datasets as tfds

from ogbrain.data import catalog
from ogbrain.data.sources.package import Fetched, Package


class PackageBuilderTestCase(tfds.testing.DatasetBuilderTestCase):
    """`DatasetBuilderTestCase` with each package replaced by a folder of `dummy_data/`.

    The folder has the package's name without `@` and with `-` for `/`, and holds the
    files at the paths that they have in the archive.

    Example:
        >>> class FashionMnistTest(package_builder_test_case.PackageBuilderTestCase):
        ...     DATASET_CLASS = fashion_mnist_dataset_builder.Builder
        ...     SPLITS = {"train": 3, "test": 2}
    """

    SKIP_CHECKSUMS = True  # packages have their own; there are no URLs to register

    def setUp(self) -> None:
        """Puts the folders in the place of the packages."""
        super().setUp()
        # Functions, not mocks: TFDS runs setUp twice for the tests that it also runs in graph mode.
        replacements = {
            "fetch": lambda package, data_dir="": self._fetch(package),
            "members": lambda package, wanted, data_dir="": self._members(package, wanted),
        }
        for name, replacement in replacements.items():
            patcher = mock.patch.object(Package, name, replacement)
            patcher.start()
            self.addCleanup(patcher.stop)

    def test_registered(self) -> None:
        """The catalog has the data set, with the configs that its builder has."""
        entry = catalog.entries()[self.builder.name]
        self.assertEqual(self.DATASET_CLASS.__module__, entry.module)
        self.assertEqual([config.name for config in self.DATASET_CLASS.BUILDER_CONFIGS], list(entry.configs))

    def test_metadata_is_whole(self) -> None:
        """Description, citation, licence, homepage and a doc for each feature are there."""
        info = self.builder.info
        for field in (info.description, info.citation, info.homepage, info.as_proto.redistribution_info.license):
            self.assertNotEmpty(field)
        for name, feature in info.features.items():
            self.assertNotEmpty(feature.doc.desc, f"feature {name!r} has no doc")

    def _folder(self, package: Package) -> Path:
        folder = Path(self.dummy_data) / package.name.lstrip("@").replace("/", "-")
        if not folder.is_dir():
            raise AssertionError(f"the builder reads package {package.name!r}, dummy_data has no {folder.name!r}")
        return folder

    def _fetch(self, package: Package) -> Fetched:
        return Fetched(self._folder(package), package.version or "dummy", "0" * 64)

    def _members(self, package: Package, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
        folder = self._folder(package)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and wanted(name):
                yield name, path.read_bytes()
