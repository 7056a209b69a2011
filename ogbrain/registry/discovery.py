"""Where plugins are looked for: in the tree, among installed packages, in folders that the user names."""

import dataclasses
import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ogbrain.errors import UserError
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.registry.plugin import Plugin

IN_TREE_PACKAGES = ("plugins", "ogbrain_plugins")
"""Packages beside this one whose `IN_TREE` names plugins: in the source tree, and as installed from a wheel."""

ENTRY_POINT_GROUP = "ogbrain.plugins"

IN_TREE_ORIGIN = "in tree, "
"""What the origin of a plugin in the tree begins with; its folder follows."""

FOLDER_ORIGIN = "folder "
"""What the origin of a plugin from a folder begins with; the folder follows."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A place that seems to hold a plugin."""

    name: str
    """What the plugin is called until its manifest has been read."""
    origin: str
    """The place, for people to read."""
    load: Callable[[], LoadedPlugin]
    """Imports the manifest; may do anything, as it runs the plugin's code."""
    foreign: bool = False
    """Whether it is from outside of the tree: its code is then tried in another process first."""


def default_sources() -> Iterator[Source]:
    """Yields the plugins in the tree and then the installed ones."""
    yield from in_tree()
    yield from entry_points()


def in_tree() -> Iterator[Source]:
    """Yields the plugins that are listed by the package of plugins beside this one."""
    root = Path(__file__).parents[2]
    for package in IN_TREE_PACKAGES:
        if not (root / package / "__init__.py").is_file():
            continue
        try:
            names = _in_tree_names(root, package)
        except (Exception, SystemExit) as error:
            yield Source(package, f"{IN_TREE_ORIGIN}{package}/__init__.py", functools.partial(_raise, error))
            continue
        for name in names:
            origin = f"{IN_TREE_ORIGIN}{package}/{name}"
            yield Source(name, origin, _loader(origin, f"{package}.{name}.plugin", "PLUGIN"))


def _in_tree_names(root: Path, package: str) -> tuple[str, ...]:
    module = importlib.import_module(package)
    if Path(module.__file__ or "").parents[1] != root:
        raise ImportError(f"another package called {package} is in the way: {module.__file__}")
    return tuple(module.IN_TREE)


def entry_points() -> Iterator[Source]:
    """Yields the plugins of installed packages, by their entry points."""
    from importlib import metadata  # 40 ms that nobody pays who does not ask for plugins

    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
        origin = f"entry point of {package}"
        module, _, attribute = entry.value.partition(":")
        load = _loader(origin, module.strip(), attribute.partition("[")[0].strip())
        yield Source(entry.name, origin, load, foreign=True)


def folders(path: Path) -> list[Source]:
    """Returns the plugins in a folder: its own `plugin.py`, or those of the folders in it.

    Args:
        path: A folder that holds a `plugin.py`, or that holds folders that do.

    Raises:
        UserError: There is no such folder, or no plugin in it.
    """
    if not path.is_dir():
        raise UserError(f"--plugin_path: {path} is no folder; a folder with a plugin.py, or a folder of such folders")
    found = [path] if (path / "plugin.py").is_file() else sorted(file.parent for file in path.glob("*/plugin.py"))
    if not found:
        raise UserError(f"--plugin_path: {path} has no plugin.py, and no folder in it has one")
    return [_folder(folder.resolve()) for folder in found]


def _folder(folder: Path) -> Source:
    origin = f"{FOLDER_ORIGIN}{folder}"
    # A name of its own keeps the folder clear of every other module, whatever it is called.
    package = f"ogbrain_plugin_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"

    def load() -> LoadedPlugin:
        if package not in sys.modules:
            _import_package(package, folder)
        return _loader(origin, f"{package}.plugin", "PLUGIN")()

    return Source(folder.name, origin, load, foreign=True)


def _import_package(name: str, folder: Path) -> None:
    file = folder / "__init__.py"
    spec: importlib.machinery.ModuleSpec | None
    if file.is_file():
        spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=[str(folder)])
    else:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    if spec is None:
        raise ImportError(f"{file} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if spec.loader:
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise


def _loader(origin: str, module_name: str, attribute: str) -> Callable[[], LoadedPlugin]:
    def load() -> LoadedPlugin:
        module = importlib.import_module(module_name)
        plugin = _manifest(module, attribute or "PLUGIN")
        package = module.__package__ or ""
        return LoadedPlugin(plugin, origin, package, Path(module.__file__ or ""))

    return load


def _manifest(module: ModuleType, attribute: str) -> Plugin:
    plugin = getattr(module, attribute, None)
    if isinstance(plugin, Plugin):
        return plugin
    found = f"a {attribute} of type {type(plugin).__name__}" if hasattr(module, attribute) else f"no {attribute}"
    raise UserError(f"{module.__file__} has {found}; {attribute} = ogbrain.Plugin(...)")


def _raise(error: BaseException) -> Any:
    raise error
