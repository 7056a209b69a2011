"""Plugins described, as dictionaries that JSON can hold. Imports no component but configs, so no TensorFlow."""

import traceback
from typing import Any

from ogbrain.errors import one_line
from ogbrain.registry import class_source, source_code
from ogbrain.registry.broken_plugin import BrokenPlugin
from ogbrain.registry.config_fields import config_fields
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.registry.plugin import KINDS
from ogbrain.registry.registry import Registry
from ogbrain.registry.time_limit import TimeLimitError

SHOWN_KINDS = ("layers", "pipelines", "experiments")


def listing(registry: Registry) -> dict[str, Any]:
    """Describes all plugins in brief.

    Returns:
        `{"plugins": [{"name", "status": "ok", "summary", "origin", "api", "layers", "pipelines", "experiments",
        "default_experiment", "problems"}, {"name", "status": "broken", "origin", "why"}]}`; components are lists of
        names, problems are lists of lines.
    """
    plugins = []
    for loaded in registry.plugins().values():
        components = {kind: [f"{loaded.name}/{name}" for name in getattr(loaded.plugin, kind)] for kind in SHOWN_KINDS}
        plugins.append(_heading(loaded) | components | {"problems": _problems(loaded)})
    return {"plugins": plugins + [_broken(broken) for broken in registry.broken()]}


def description(registry: Registry, name: str) -> dict[str, Any]:
    """Describes what is known under a plugin's name.

    Args:
        registry: Where to look.
        name: The plugin's name.

    Returns:
        The heading as in `listing`; components as `{"name", "target", "doc"}`, layers with their `"kind"` too,
        experiments with their `"config"`, a list of `{"name", "type", "default", "doc"}`; `"problems"`, lines, and the
        `"tracebacks"` of those that come of importing; `"broken"`: the plugins of that name that cannot be used, each
        with its `"traceback"`. A name that only broken plugins have: `{"name", "status": "broken", "broken"}`.

    Raises:
        UserError: There is no plugin of that name.
    """
    broken = [_broken(each) | {"traceback": each.traceback} for each in registry.broken() if each.name == name]
    if broken and name not in registry.plugins():
        return {"name": name, "status": "broken", "broken": broken}
    loaded = registry.plugin(name)
    problems, tracebacks = _problems(loaded), []
    components: dict[str, Any] = {}
    for kind in SHOWN_KINDS:
        components[kind] = [
            {"name": f"{name}/{key}", "target": target, "doc": source_code.first_line(loaded, target)}
            for key, target in getattr(loaded.plugin, kind).items()
        ]
    for layer in components["layers"]:
        layer["kind"] = loaded.plugin.kinds.get(layer["name"].partition("/")[2], "")
    for experiment in components["experiments"]:
        experiment["config"] = []
        if any(problem.startswith(f"config {experiment['name']}:") for problem in problems):
            continue
        try:
            fields = config_fields(registry.try_out(loaded, "configs", experiment["name"])())
            experiment["config"] = [vars(field) for field in fields]
        except (Exception, TimeLimitError) as error:
            problems.append(one_line(error))
            tracebacks.append("".join(traceback.format_exception(error)))
    more = {"problems": problems, "tracebacks": tracebacks, "broken": broken}
    return _heading(loaded) | components | more


def _heading(loaded: LoadedPlugin) -> dict[str, Any]:
    return {
        "name": loaded.name,
        "status": "ok",
        "summary": loaded.plugin.summary,
        "origin": loaded.origin,
        "api": loaded.plugin.api,
        "default_experiment": loaded.plugin.default_experiment and f"{loaded.name}/{loaded.plugin.default_experiment}",
    }


def _broken(broken: BrokenPlugin) -> dict[str, Any]:
    return {"name": broken.name, "status": "broken", "origin": broken.origin, "why": broken.why}


def _problems(loaded: LoadedPlugin) -> list[str]:
    problems = []
    for kind, name, target in loaded.plugin.components():
        problem = source_code.problem(loaded, target)
        if problem is None and kind == "experiments":
            missing = ", ".join(class_source.left_out(loaded, target))
            problem = f"{target} leaves out {missing}" if missing else None
        elif problem is None and kind == "configs" and class_source.is_plain_class(loaded, target):
            problem = f"{target} is no dataclass; @dataclasses.dataclass(frozen=True)"
        if problem:
            problems.append(f"{KINDS[kind]} {loaded.name}/{name}: {problem}")
    return problems
