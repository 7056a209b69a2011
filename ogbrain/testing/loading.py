"""A plugin for its own tests, wherever its folder is."""

from pathlib import Path

from ogbrain import registry
from ogbrain.registry import discovery
from ogbrain.registry.loaded_plugin import LoadedPlugin


def load_plugin(file: str | Path) -> LoadedPlugin:
    """Makes a plugin known to this process, so that its components have their names, and returns it.

    Args:
        file: A file in the plugin's folder, as `__file__` of a test is, or the folder itself.

    Raises:
        UserError: There is no `plugin.py` beside the file, or the plugin cannot be used.

    Example:
        >>> testing.load_plugin(__file__)
        >>> layer_class = ogbrain.layers.get("my_plugin/divisive_norm")
    """
    folder = Path(file).parent if Path(file).is_file() else Path(file)
    registry.REGISTRY.add_path(folder)
    manifest = (folder / "plugin.py").resolve()
    for loaded in registry.REGISTRY.plugins().values():
        if loaded.file.resolve() == manifest:
            return loaded
    wanted = f"{discovery.FOLDER_ORIGIN}{folder.resolve()}"
    return registry.REGISTRY.plugin(next(each.name for each in registry.REGISTRY.broken() if each.origin == wanted))
