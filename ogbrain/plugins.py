"""Lists, describes, checks and makes plugins: `bazel run //ogbrain:plugins -- list | describe | check | new`."""

import contextlib
import dataclasses
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from ogbrain import command, registry, table
from ogbrain.errors import UserError, unknown_name
from ogbrain.paths import user_path, working_directory
from ogbrain.registry import description, discovery, report

_JSON = flags.DEFINE_bool("json", False, "Print JSON, for other programs.")
_KIND = flags.DEFINE_string("kind", "experiment", "What a new plugin is about: experiment, layer or agent.")
_OUT = flags.DEFINE_string("out", "", "The folder that a new plugin's folder is made in; by default that of this tree.")

USAGE = "bazel run //ogbrain:plugins -- list | describe NAME | check NAME | new NAME [FLAGS]"
SUMMARY = """\
list            all plugins, in the tree, installed, and from --plugin_path, and what is wrong with those that fail
describe NAME   one plugin: its components, the config fields of its experiments; the traceback if it fails
check NAME      the conformance kit on a plugin of anyone's; exit code 1 if a check fails
new NAME        writes a complete small plugin that trains, passes its tests and exports as it is"""
SHOWN = ("kind=KIND", "out=DIR", "json")


def main(arguments: list[str]) -> int:
    """Does what the arguments say."""
    name, *rest = arguments or ["list"]
    commands: dict[str, Callable] = {"list": _list, "describe": _describe, "check": _check, "new": _new}
    if name not in commands:
        raise unknown_name("command", name, commands, "--help says more")
    count = 0 if name == "list" else 1
    if len(rest) != count:
        wanted = "the name of one plugin" if count else "no arguments"
        raise UserError(f"{name} takes {wanted}, not {' '.join(rest) or 'none'}; `{USAGE}`")
    found, text, code = commands[name](*rest)
    print(json.dumps(found, indent=2) if _JSON.value else text)
    return code


def _list() -> tuple[Any, str, int]:
    found = description.listing(registry.REGISTRY)
    return found, report.listing_text(found, table.terminal_width()), 0


def _describe(name: str) -> tuple[Any, str, int]:
    found = description.description(registry.REGISTRY, name)
    return found, report.description_text(found, table.terminal_width()), 0


def _check(name: str) -> tuple[Any, str, int]:
    loaded = registry.REGISTRY.plugin(name)
    command.load_tensorflow()
    from ogbrain.testing import check_plugin

    with contextlib.redirect_stdout(sys.stderr):  # for what tests print as they are imported
        found = check_plugin.check_plugin(loaded)
    failed = sum(check.status == "failed" for check in found)
    rows = [["what", "check", "result", "why"], *check_plugin.rows(found)]
    summary = f"{failed} of {len(found)} checks failed" if failed else f"all {len(found)} checks passed or left out"
    text = f"{table.table(rows, table.terminal_width(), indent='')}\n\n{name}: {summary}"
    checks = [dataclasses.asdict(check) for check in found]
    return {"name": name, "failed": failed, "checks": checks}, text, 1 if failed else 0


def _new(name: str) -> tuple[Any, str, int]:
    from ogbrain.scaffold.new_plugin import new_plugin

    package = None if _OUT.value else _tree()
    parent = user_path(_OUT.value) if _OUT.value else package or working_directory()
    folder = new_plugin(name, _KIND.value, parent, in_tree=package is not None)
    # A list of folders, so a comma in one wants quotes.
    quoted = f'"{folder}"' if "," in str(folder) else str(folder)
    path = "" if package else f" --plugin_path={shlex.quote(quoted)}"
    lines = [
        f"{name} is in {folder}",
        f"train: bazel run //ogbrain:train -- --plugin={name}{path}",
        f"check: bazel run //ogbrain:plugins -- check {name}{path}",
    ]
    return {"name": name, "folder": str(folder), "in_tree": package is not None}, "\n".join(lines), 0


def _tree() -> Path | None:
    """Returns the folder of plugins of the source tree that Bazel was called in, if it is one like ours."""
    for package in discovery.IN_TREE_PACKAGES:
        folder = Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "/nowhere"), package)
        if (folder / "__init__.py").is_file() and "IN_TREE" in (folder / "__init__.py").read_text():
            return folder
    return None


if __name__ == "__main__":
    command.run(main, usage=USAGE, summary=SUMMARY, shown=SHOWN)
