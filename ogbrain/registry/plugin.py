"""The manifest of a plugin."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from ogbrain.errors import UserError, unknown_name
from ogbrain.registry.layer_kinds import LAYER_KINDS

API = 1
"""The plugin contract that this ogbrain provides; raised when a plugin written for it would no longer work."""

KINDS = {"layers": "layer", "pipelines": "pipeline", "experiments": "experiment", "configs": "config"}
"""The kinds of components, as the manifest calls them and as one of them is called."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TARGET = re.compile(r"\.?[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plugin:
    """What a plugin has to offer: its table of contents, a declaration without any code.

    Components are named by strings, `"MODULE:NAME"`, that are imported on first use. A module that begins
    with a dot is relative to the package that holds `plugin.py`, so the folder can be moved.

    Example:
        >>> PLUGIN = ogbrain.Plugin(
        ...     name="attention",
        ...     api=1,
        ...     summary="Look where it matters.",
        ...     layers={"glimpse_sensor": ".layers.glimpse_sensor:GlimpseSensor"},
        ...     experiments={"glimpse": ".experiments.glimpse:Glimpse"},
        ...     configs={"glimpse": ".experiments.glimpse_config:GlimpseConfig"},
        ...     default_experiment="glimpse",
        ... )

    Raises:
        UserError: The plugin was written for another API, or the manifest is not well formed.
    """

    name: str
    """Name in lower_snake case; its components are called `name/component`."""
    api: int
    """The version of the plugin contract that the plugin was written for."""
    summary: str
    """What the plugin is for, in one line."""
    layers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Keras layers and models by name."""
    pipelines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Data pipelines by name."""
    experiments: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Experiments by name."""
    configs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The config class of each experiment, under the experiment's name, in modules that import no TensorFlow."""
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What a layer can be used as: its kind, one of `ogbrain.kinds`, by the layer's name; others have none."""
    default_experiment: str = ""
    """The experiment that `--plugin=NAME` runs; may be left out if there is at most one."""

    def __new__(cls, **arguments: Any) -> "Plugin":
        """Checks the API before the arguments, which may differ from one API to another."""
        api = arguments.get("api", API)
        name = arguments.get("name", "without a name")
        if api != API or isinstance(api, bool):
            what = "ogbrain" if isinstance(api, int) and api > API else "the plugin"
            raise UserError(f"plugin {name} was written for API {api!r}, this ogbrain provides {API}: update {what}")
        for argument in arguments:
            if argument not in cls.__dataclass_fields__:
                raise unknown_name(f"argument of plugin {name}", argument, cls.__dataclass_fields__)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check_name("plugin", self.name)
        if not isinstance(self.summary, str) or not self.summary.strip() or not self.summary.isprintable():
            raise UserError(f"plugin {self.name}: summary {self.summary!r} is not allowed; one line of text")
        for kind, thing in KINDS.items():
            object.__setattr__(self, kind, self._checked(kind, thing))
        if set(self.configs) != set(self.experiments):
            odd = sorted(set(self.configs) ^ set(self.experiments))
            raise UserError(f"plugin {self.name}: configs and experiments must have the same names; not so: {odd}")
        if not self.default_experiment and len(self.experiments) == 1:
            object.__setattr__(self, "default_experiment", next(iter(self.experiments)))
        if self.default_experiment and self.default_experiment not in self.experiments:
            raise unknown_name(f"default_experiment of plugin {self.name}", self.default_experiment, self.experiments)
        self._check_kinds()
        classes: dict[str, str] = {}
        for target in self.layers.values():
            other = classes.setdefault(target.partition(":")[2], target)
            if other != target:
                raise UserError(f"plugin {self.name}: layers {other!r} and {target!r} have classes of one name")

    def _checked(self, kind: str, thing: str) -> Mapping[str, str]:
        components = getattr(self, kind)
        if not isinstance(components, Mapping):
            raise UserError(f"plugin {self.name}: {kind} is a {type(components).__name__}; a dictionary of strings")
        for name, target in components.items():
            check_name(f"{thing} of plugin {self.name}", name)
            if not isinstance(target, str) or not _TARGET.fullmatch(target):
                raise UserError(
                    f"{thing} {self.name}/{name}: {target!r} is not allowed; MODULE:NAME, as in '.layers.lstm:LSTM'"
                )
        return MappingProxyType(dict(components))

    def _check_kinds(self) -> None:
        if not isinstance(self.kinds, Mapping):
            raise UserError(f"plugin {self.name}: kinds is a {type(self.kinds).__name__}; a dictionary of strings")
        for layer, kind in self.kinds.items():
            if layer not in self.layers:
                raise unknown_name(f"layer in kinds of plugin {self.name}", str(layer), self.layers)
            if kind not in LAYER_KINDS:
                raise unknown_name(f"kind of layer {self.name}/{layer}", str(kind), LAYER_KINDS)
        object.__setattr__(self, "kinds", MappingProxyType(dict(self.kinds)))

    def components(self) -> Iterable[tuple[str, str, str]]:
        """Yields kind, name and target of each component."""
        for kind in KINDS:
            for name, target in getattr(self, kind).items():
                yield kind, name, target


def check_name(thing: str, name: Any) -> None:
    """Raises UserError unless a name is in lower_snake case."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(f"{thing}: the name {name!r} is not allowed; lower_snake case, as in glimpse_sensor")
