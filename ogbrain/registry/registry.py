"""All plugins that can be found, and their components by name."""

import contextlib
import importlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ogbrain.errors import UserError, nearest, one_line, unknown_name
from ogbrain.registry import discovery, keras_link
from ogbrain.registry.broken_plugin import BrokenPlugin
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.registry.plugin import KINDS
from ogbrain.registry.time_limit import TimeLimitError, time_limit
from ogbrain.registry.trial import InterpreterEndedError, trial

MANIFEST_SECONDS = 20.0
"""Time that a plugin may take to import its manifest, which should take milliseconds."""

HINT = "`bazel run //ogbrain:plugins -- list` shows all, --plugin_path=DIR adds those of a folder"


class Registry:
    """Finds plugins on first use; imports their components on first use.

    A plugin that fails is kept as broken, with its traceback, and hurts no other. Two plugins of one name clash: the
    first that was found keeps the name.
    """

    def __init__(self, sources: Callable[[], Iterable[discovery.Source]] = discovery.default_sources) -> None:
        """Makes a registry that has not looked for anything yet.

        Args:
            sources: Returns the places to look at, in order.
        """
        self._sources = sources
        self._discovered = False
        self._loaded: dict[str, LoadedPlugin] = {}
        self._broken: list[BrokenPlugin] = []
        self._lock = threading.RLock()

    def discover(self) -> None:
        """Looks for plugins, unless that has been done."""
        with self._lock:
            if not self._discovered:
                self._discovered = True
                self._add_all(self._sources())

    def add_path(self, path: Path) -> None:
        """Adds the plugins of a folder that holds a `plugin.py`, or that holds folders that do.

        Raises:
            UserError: There is no such folder, or no plugin in it. (A plugin that fails does not raise: it is broken.)
        """
        with self._lock:
            self.discover()
            self._add_all(discovery.folders(path))

    def plugins(self) -> dict[str, LoadedPlugin]:
        """Returns the plugins that can be used by name, in the order of their names."""
        self.discover()
        return dict(sorted(self._loaded.items()))

    def broken(self) -> tuple[BrokenPlugin, ...]:
        """Returns the plugins that cannot be used, in the order they were found."""
        self.discover()
        return tuple(self._broken)

    def plugin(self, name: str) -> LoadedPlugin:
        """Returns a plugin by name.

        Raises:
            UserError: There is none, or it is broken.
        """
        plugins = self.plugins()
        if name in plugins:
            return plugins[name]
        for broken in self._broken:
            if broken.name == name:
                folder = broken.origin.removeprefix(discovery.FOLDER_ORIGIN)
                # Without its folder the other command would not find it.
                path = f" --plugin_path={folder}" if folder != broken.origin else ""
                hint = f"`bazel run //ogbrain:plugins -- describe {name}{path}` shows the traceback"
                raise UserError(f"plugin {name!r} ({broken.origin}) cannot be used: {broken.why}; {hint}")
        raise unknown_name("plugin", str(name), [*plugins, *(broken.name for broken in self._broken)], HINT)

    def names(self, kind: str) -> list[str]:
        """Returns the names, `plugin/component`, of all components of a kind, sorted.

        Args:
            kind: One of "layers", "pipelines", "experiments", "configs".
        """
        return [
            f"{plugin}/{name}" for plugin, loaded in self.plugins().items() for name in sorted(_table(loaded, kind))
        ]

    def find(self, kind: str, name: str) -> tuple[LoadedPlugin, str]:
        """Returns the plugin and the `"MODULE:NAME"` of a component, without importing it.

        Args:
            kind: One of "layers", "pipelines", "experiments", "configs".
            name: `plugin/component`.

        Raises:
            UserError: There is no such component, or its plugin is broken.
        """
        plugin_name, slash, component = str(name).partition("/")
        if not slash:
            known = self.names(kind)
            same = next((other for other in known if other.partition("/")[2] == name), None) or nearest(name, known)
            suggestion = f"; did you mean {same!r}?" if same else "."
            raise UserError(
                f"{KINDS[kind]} {name!r} has no plugin in its name, as PLUGIN/NAME has{suggestion} "
                f"Known: {', '.join(known) or 'none'}"
            )
        loaded = self.plugin(plugin_name)
        if component not in _table(loaded, kind):
            raise unknown_name(KINDS[kind], name, self.names(kind), HINT)
        return loaded, _table(loaded, kind)[component]

    def load(self, kind: str, name: str) -> Any:
        """Imports a component and returns it. Layers are registered with Keras as `ogbrain.PLUGIN>CLASS`.

        Args:
            kind: One of "layers", "pipelines", "experiments", "configs".
            name: `plugin/component`.

        Returns:
            The class that the manifest names.

        Raises:
            UserError: There is no such component, its plugin is broken, or importing it failed; in the last case what
                went wrong is the error's `__cause__`.

        Example:
            >>> registry.load("layers", "attention/glimpse_sensor")
        """
        loaded, target = self.find(kind, name)
        failed = f"{KINDS[kind]} {name!r} of {loaded.origin} cannot be loaded: "
        try:
            module = importlib.import_module(loaded.absolute_module(target))
        except (Exception, SystemExit) as error:
            raise UserError(failed + one_line(error)) from error
        attribute = target.partition(":")[2]
        if not hasattr(module, attribute):
            public = [key for key in vars(module) if not key.startswith("_")]
            raise UserError(failed + str(unknown_name(f"name in {module.__file__}", attribute, public)))
        value = getattr(module, attribute)
        if kind == "configs":
            _check_config(name, value)
        elif kind == "layers":
            keras_link.register(loaded, name.partition("/")[2])
        elif "keras" in sys.modules:
            keras_link.register_imported(loaded)
        return value

    def try_out(self, loaded: LoadedPlugin, kind: str, name: str) -> Any:
        """Returns a component as `load` does, for those who only look at it: code from outside is tried first.

        Raises:
            UserError: As `load`.
            TimeLimitError: Importing it took too long.
            InterpreterEndedError: Importing it ends the interpreter.
        """
        if not loaded.origin.startswith(discovery.IN_TREE_ORIGIN):
            trial(lambda: self.load(kind, name), MANIFEST_SECONDS)
        with contextlib.redirect_stdout(sys.stderr), time_limit(MANIFEST_SECONDS):
            return self.load(kind, name)

    def default_experiment(self, plugin: str) -> str:
        """Returns the name, `plugin/experiment`, of a plugin's default experiment.

        Raises:
            UserError: There is no such plugin, it is broken, or it has no default experiment.
        """
        loaded = self.plugin(plugin)
        if loaded.plugin.default_experiment:
            return f"{plugin}/{loaded.plugin.default_experiment}"
        own = [f"{plugin}/{name}" for name in sorted(loaded.plugin.experiments)]
        if not own:
            raise UserError(f"plugin {plugin!r} has no experiments")
        raise UserError(f"plugin {plugin!r} has no default experiment; --experiment=NAME, one of: {', '.join(own)}")

    def announce_layers(self) -> None:
        """Looks for plugins and tells Keras of their layers, so that saved models find them."""
        for loaded in self.plugins().values():
            keras_link.announce(loaded, self._load_layer)

    def _load_layer(self, name: str) -> Any:
        return self.load("layers", name)

    def _add_all(self, sources: Iterable[discovery.Source]) -> None:
        # All are tried before any is imported, for with the threads that one may start no other could be tried.
        tried = [(source, _fault(source)) for source in sources]
        for source, fault in tried:
            self._add(source, fault)

    def _add(self, source: discovery.Source, fault: BaseException | None) -> None:
        name = source.name
        try:
            if fault:
                raise fault
            # What a plugin prints must not get into the output of a command, which may be JSON.
            with contextlib.redirect_stdout(sys.stderr), time_limit(MANIFEST_SECONDS):
                loaded = source.load()
            name = loaded.name
            taken = self._loaded.get(name)
            if taken and not taken.is_same(loaded):
                raise UserError(f"the name {name!r} is taken by {taken.origin}; this is {loaded.origin}")
        except (Exception, SystemExit, TimeLimitError) as error:
            trace = "".join(traceback.format_exception(error))
            self._broken.append(BrokenPlugin(name, source.origin, one_line(error), trace))
            return
        if not taken:
            self._loaded[name] = loaded
            keras_link.announce(loaded, self._load_layer)


def _fault(source: discovery.Source) -> BaseException | None:
    """Returns what a trial finds wrong with code from outside."""
    try:
        if source.foreign:
            trial(source.load, MANIFEST_SECONDS)
    except (InterpreterEndedError, TimeLimitError) as error:
        return error
    return None


def _check_config(name: str, value: Any) -> None:
    from ogbrain.config import ExperimentConfig  # heavier than all the rest of the registry

    if not isinstance(value, type) or not issubclass(value, ExperimentConfig):
        raise UserError(f"config {name!r}: {value!r} is no subclass of ogbrain.config.ExperimentConfig")
    if "__dataclass_fields__" not in vars(value):
        raise UserError(f"config {name!r}: {value!r} is no dataclass; @dataclasses.dataclass(frozen=True)")


def _table(loaded: LoadedPlugin, kind: str) -> Any:
    return getattr(loaded.plugin, kind)
