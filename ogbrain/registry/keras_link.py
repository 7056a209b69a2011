"""The layers of plugins as Keras knows them, so that a saved model finds its plugin again by itself.

Keras asks its table of custom objects for the registered name in a saved model, here `ogbrain.PLUGIN>CLASS`. Before a
layer has been imported the table holds a stand-in, which imports it on first use. The stand-ins are put there as soon
as both Keras and the plugin are known, whichever comes first.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ogbrain.errors import UserError
from ogbrain.registry.loaded_plugin import LoadedPlugin


class LayerStandIn:
    """A layer class that is imported when Keras first builds the layer from its config."""

    def __init__(self, name: str, load: Callable[[str], Any]) -> None:
        """Makes a stand-in.

        Args:
            name: The layer, `plugin/layer`.
            load: Returns the class of that name, and registers it with Keras in the place of this stand-in.
        """
        self._name = name
        self._load = load

    def from_config(self, config: dict[str, Any]) -> Any:
        """Builds the layer, as the class itself would."""
        return self._load(self._name).from_config(config)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer from the arguments of its class."""
        return self._load(self._name)(*args, **kwargs)

    def __repr__(self) -> str:
        """Returns the layer's name."""
        return f"<layer {self._name}, not imported yet>"


def announce(loaded: LoadedPlugin, load: Callable[[str], Any]) -> None:
    """Tells Keras, if it is there, of all layers of a plugin, and imports none of them.

    Args:
        loaded: The plugin.
        load: Returns the layer class of a name, registered with Keras.
    """
    if not _keras_is_there():
        return
    custom_objects = sys.modules["keras"].saving.get_custom_objects()
    for name, target in loaded.plugin.layers.items():
        custom_objects.setdefault(_keras_name(loaded, target), LayerStandIn(f"{loaded.name}/{name}", load))


def register(loaded: LoadedPlugin, layer: str) -> None:
    """Registers an imported layer with Keras.

    Args:
        loaded: The plugin.
        layer: The layer's name in the plugin.

    Raises:
        UserError: The component is no Keras layer.
    """
    import keras

    target = loaded.plugin.layers[layer]
    value = getattr(sys.modules[loaded.absolute_module(target)], target.partition(":")[2])
    if not isinstance(value, type) or not issubclass(value, keras.layers.Layer):
        raise UserError(f"layer {loaded.name}/{layer}: {target} is no subclass of keras.layers.Layer")
    package, _, name = _keras_name(loaded, target).partition(">")
    if keras.saving.get_custom_objects().get(f"{package}>{name}") is not value:
        keras.saving.register_keras_serializable(package=package, name=name)(value)


def register_imported(loaded: LoadedPlugin) -> None:
    """Registers those layers of a plugin that have been imported already, for example by its experiments."""
    for name, target in loaded.plugin.layers.items():
        if hasattr(sys.modules.get(loaded.absolute_module(target)), target.partition(":")[2]):
            register(loaded, name)


def when_keras_is_there(callback: Callable[[], None]) -> None:
    """Calls back at once if Keras has been imported, or else right after somebody has imported it."""
    if _keras_is_there():
        callback()
    else:
        sys.meta_path.insert(0, _KerasFinder(callback))


def _keras_is_there() -> bool:
    return hasattr(sys.modules.get("keras"), "saving")


def _keras_name(loaded: LoadedPlugin, target: str) -> str:
    return f"ogbrain.{loaded.name}>{target.partition(':')[2]}"


class _KerasFinder(MetaPathFinder):
    """Finds Keras as everybody else would, and calls back after it has been executed."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((found for found in others if found), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            sys.meta_path.remove(self)
            self._callback()

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
