"""A plugin that was found and understood."""

import dataclasses
from pathlib import Path

from ogbrain.registry.plugin import Plugin


@dataclasses.dataclass(frozen=True)
class LoadedPlugin:
    """A manifest and where it came from."""

    plugin: Plugin
    """The manifest."""
    origin: str
    """Where the plugin was found, for people to read."""
    package: str
    """The importable package that relative component names start from."""
    file: Path
    """The file of the manifest."""

    @property
    def folder(self) -> Path:
        """The folder of the package."""
        return self.file.parent

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.plugin.name

    def is_same(self, other: "LoadedPlugin") -> bool:
        """Whether both are one plugin, found twice."""
        return self.plugin == other.plugin and self.file.resolve() == other.file.resolve()

    def absolute_module(self, target: str) -> str:
        """Returns the absolute name of the module in a component's `"MODULE:NAME"`."""
        module = target.partition(":")[0]
        return self.package + module if module.startswith(".") else module
