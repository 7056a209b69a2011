"""The components of one kind, as `ogbrain.layers` and its like show them."""

from typing import Any

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

    def get(self, name: str) -> Any:
        """Returns the class of a component, imported on first use.

        Args:
            name: `plugin/component`.

        Raises:
            UserError: There is no such component, its plugin is broken, or importing it failed.
        """
        return self._registry.load(self._kind, name)

    def names(self) -> list[str]:
        """Returns the names of all components of the kind, sorted."""
        return self._registry.names(self._kind)

    def __repr__(self) -> str:
        """Returns the kind and the names."""
        return f"<ogbrain.{self._kind}: {', '.join(self.names()) or 'none'}>"
