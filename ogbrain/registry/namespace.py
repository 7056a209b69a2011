"""The components of one kind, as `ogbrain.layers` and its like show them."""

from typing import Any

from ogbrain.errors import UserError, unknown_name
from ogbrain.registry.layer_kinds import LAYER_KINDS
from ogbrain.registry.registry import Registry


class Namespace:
    """Components of one kind by name, from all plugins.

    Example:
        >>> sensor = ogbrain.layers.get("attention/glimpse_sensor")(size=8, scales=3)
    """

    def __init__(self, registry: Registry, kind: str) -> None:
        """Makes a view.

        Args:
            registry: Where the components are.
            kind: One of "layers", "pipelines", "experiments", "configs".
        """
        self._registry = registry
        self._kind = kind

    def get(self, name: str, kind: str = "") -> Any:
        """Returns the class of a component, imported on first use.

        Args:
            name: `plugin/component`.
            kind: Of layers: the kind it must be of, one of `ogbrain.registry.LAYER_KINDS`; empty takes any.

        Raises:
            UserError: There is no such component, it is of another kind, its plugin is broken, or importing it failed.

        Example:
            >>> reader = ogbrain.layers.get("working_memory/lstm", kind="sequence_encoder")(units=32)
        """
        if kind:
            self.check(name, kind)
        return self._registry.load(self._kind, name)

    def names(self, kind: str = "") -> list[str]:
        """Returns the names of all components, sorted; with `kind`, of the layers that are of that kind."""
        names = self._registry.names(self._kind)
        return [name for name in names if self._fits(name, kind)] if kind else names

    def check(self, name: str, kind: str, field: str = "") -> None:
        """Raises UserError unless there is a layer of that name and kind; imports nothing.

        Args:
            name: `plugin/layer`.
            kind: One of `ogbrain.registry.LAYER_KINDS`.
            field: The config's field that names it, for the message.
        """
        known = self.names(kind)
        if name in known:
            return
        where = f"config.{field}: " if field else ""
        if name in self._registry.names(self._kind):
            own, article = self._kind_of(name) or "no kind", "an" if kind[0] in "aeiou" else "a"
            raise UserError(f"{where}{name!r} is of {own}, not {article} {kind}. Known: {', '.join(known) or 'none'}")
        if name.partition("/")[0] in {broken.name for broken in self._registry.broken()}:
            self._registry.plugin(name.partition("/")[0])  # says why it cannot be used
        raise unknown_name(kind, name, known, f"{where}PLUGIN/LAYER" if field else "")

    def _kind_of(self, name: str) -> str:
        plugin, _, layer = name.partition("/")
        return self._registry.plugin(plugin).plugin.kinds.get(layer, "")

    def _fits(self, name: str, kind: str) -> bool:
        if kind not in LAYER_KINDS:
            raise unknown_name("kind of layers", kind, LAYER_KINDS)
        own = self._kind_of(name)
        return bool(own) and LAYER_KINDS[own].fits(kind)

    def __repr__(self) -> str:
        """Returns the kind and the names."""
        return f"<ogbrain.{self._kind}: {', '.join(self.names()) or 'none'}>"
