"""Descriptions of plugins as text for a terminal."""

import json
from typing import Any

from ogbrain.registry.description import SHOWN_KINDS
from ogbrain.table import table

_LIMITS = (28, 10, 16)  # field, type, default: long ones are rare, and what they mean needs room
_DESCRIBE = "`bazel run //ogbrain:plugins -- describe NAME`"


def listing_text(listing: dict[str, Any], width: int) -> str:
    """Returns a table of plugins, and a line for each that is broken.

    Args:
        listing: As `description.listing` returns it.
        width: Columns of the terminal.
    """
    plugins = [plugin for plugin in listing["plugins"] if plugin["status"] == "ok"]
    broken = [plugin for plugin in listing["plugins"] if plugin["status"] == "broken"]
    rows = [[plugin["name"], _counts(plugin), plugin["origin"], plugin["summary"]] for plugin in plugins]
    parts = [table([["plugin", "components", "from", "what for"], *rows], width, indent="")] if rows else []
    problems = [problem for plugin in plugins for problem in plugin["problems"]]
    if problems:
        parts.append("\n".join(["Problems:", *(f"  {problem}" for problem in problems)]))
    if broken:
        lines = [f"  {plugin['name']} ({plugin['origin']}): {plugin['why']}" for plugin in broken]
        parts.append("\n".join(["Broken, and left out:", *lines]))
    if not listing["plugins"]:
        parts.append("No plugins. --plugin_path=DIR adds those of a folder.")
    else:
        parts.append(f"{_DESCRIBE} tells all about one of them.")
    return "\n\n".join(parts)


def description_text(description: dict[str, Any], width: int) -> str:
    """Returns tables of a plugin's components and configs, and the tracebacks of broken plugins of its name.

    Args:
        description: As `description.description` returns it.
        width: Columns of the terminal.
    """
    parts = []
    if description["status"] == "ok":
        heading = [["name", description["name"]], ["what for", description["summary"]]]
        heading += [["from", description["origin"]], ["API", str(description["api"])]]
        if description["default_experiment"]:
            heading.append(["default", description["default_experiment"]])
        parts.append(table(heading, width, indent=""))
        for kind in SHOWN_KINDS:
            if description[kind]:
                rows = [[component["name"], _what(component)] for component in description[kind]]
                parts.append(f"{kind.capitalize()}\n{table(rows, width)}")
        for experiment in description["experiments"]:
            if experiment["config"]:
                rows = [["field", "type", "default", "meaning"]]
                for field in experiment["config"]:
                    rows.append([field["name"], field["type"], _value(field["default"]), field["doc"]])
                parts.append(
                    f"Config of {experiment['name']}, --config.FIELD=VALUE\n{table(rows, width, limits=_LIMITS)}"
                )
        if description["problems"]:
            parts.append("\n".join(["Problems", *(f"  {problem}" for problem in description["problems"])]))
        parts += [trace.rstrip() for trace in description["tracebacks"]]
    for broken in description["broken"]:
        line = f"Broken: {broken['name']} ({broken['origin']}): {broken['why']}"
        parts.append(f"{line}\n\n{broken['traceback'].rstrip()}")
    return "\n\n".join(parts)


def _what(component: dict[str, Any]) -> str:
    return f"{component['doc']} ({component['kind']})" if component.get("kind") else component["doc"]


def _counts(plugin: dict[str, Any]) -> str:
    counts = [(kind, len(plugin[kind])) for kind in SHOWN_KINDS]
    return ", ".join(f"{count} {kind if count > 1 else kind[:-1]}" for kind, count in counts if count) or "none"


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
