"""Which data sets there are beside TFDS' own. Imports no TensorFlow."""

import dataclasses
import functools
import importlib
import importlib.metadata
import importlib.util
from pathlib import Path

from ogbrain.data.sources.locations import prepared_dir
from ogbrain.errors import UserError, unknown_name

GROUP = "ogbrain.datasets"
"""Entry point group by which installed packages give a catalog: a module with `ENTRIES`."""

# A package of data sets beside the core, in the tree and as a wheel installs it. Another project's `datasets`
# may be on the path; ours has a file of this name in it.
_BESIDE = ("datasets", "ogbrain_datasets")
_FILE = "catalog"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A data set, described without importing it.

    Attributes:
        name: Name of the data set.
        module: Module that holds its class `Builder`, or, of a resource, its function `load`; with a leading dot,
            relative to the catalog's package.
        kind: `images`, `audio`, `text`, `sequences` or `resource`.
        source: Where its data comes from.
        licence: Licence of the data.
        summary: What it is, in a few words.
        configs: Its configs; the first is the default. Empty if it has none.
    """

    name: str
    module: str
    kind: str
    source: str
    licence: str
    summary: str
    configs: tuple[str, ...] = ()

    def check_config(self, config: str) -> None:
        """Raises a `UserError` if there is no such config; the empty one is always allowed."""
        if config and not self.configs:
            raise UserError(f"data set {self.name!r} has no configs; {config!r} was given")
        if config and config not in self.configs:
            raise unknown_name(f"config of data set {self.name!r}", config, self.configs)

    def is_prepared(self, config: str = "", data_dir: str = "") -> bool:
        """Returns whether any version of it is prepared; without a config, of its first."""
        folder = prepared_dir(data_dir) / self.name / (config or (self.configs[0] if self.configs else ""))
        return any(folder.glob("[0-9]*/*_info.json"))


@functools.cache
def entries() -> dict[str, Entry]:
    """Returns the data sets of all catalogs by name, in the order of the catalogs.

    Raises:
        UserError: A catalog cannot be imported, or two have a data set of the same name.
    """
    found: dict[str, Entry] = {}
    for origin in _catalogs():
        try:
            catalog = importlib.import_module(origin)
        except Exception as error:
            raise UserError(f"catalog of data sets {origin!r}: {type(error).__name__}: {error}") from error
        for entry in catalog.ENTRIES:
            entry = dataclasses.replace(entry, module=importlib.util.resolve_name(entry.module, catalog.__package__))
            if entry.name in found:
                raise UserError(f"data set {entry.name!r} is both in {found[entry.name].module} and in {entry.module}")
            found[entry.name] = entry
    return found


def _catalogs() -> list[str]:
    modules = []
    for package in _BESIDE:
        spec = importlib.util.find_spec(package)
        if spec and any((Path(folder) / f"{_FILE}.py").exists() for folder in spec.submodule_search_locations or ()):
            modules.append(f"{package}.{_FILE}")
    modules += [point.value for point in importlib.metadata.entry_points(group=GROUP)]
    return list(dict.fromkeys(modules))
