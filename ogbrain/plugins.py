"""Lists and describes plugins: `bazel run //ogbrain:plugins -- list | describe NAME`."""

import json

from absl import flags

from ogbrain import command, registry, table
from ogbrain.errors import UserError, unknown_name
from ogbrain.registry import description, report

_JSON = flags.DEFINE_bool("json", False, "Print JSON, for other programs.")

USAGE = "bazel run //ogbrain:plugins -- list | describe NAME [FLAGS]"
SUMMARY = """\
list            all plugins, in the tree, installed, and from --plugin_path, and what is wrong with those that fail
describe NAME   one plugin: its components, the config fields of its experiments; the traceback if it fails"""


def main(arguments: list[str]) -> None:
    """Does what the arguments say."""
    name, *rest = arguments or ["list"]
    if name == "list":
        _expect(name, rest, 0)
        found = description.listing(registry.REGISTRY)
        text = report.listing_text(found, table.terminal_width())
    elif name == "describe":
        _expect(name, rest, 1)
        found = description.description(registry.REGISTRY, rest[0])
        text = report.description_text(found, table.terminal_width())
    else:
        raise unknown_name("command", name, ["list", "describe"], "--help says more")
    print(json.dumps(found, indent=2) if _JSON.value else text)


def _expect(name: str, rest: list[str], count: int) -> None:
    if len(rest) != count:
        wanted = "the name of one plugin" if count else "no arguments"
        raise UserError(f"{name} takes {wanted}, not {' '.join(rest) or 'none'}; `{USAGE}`")


if __name__ == "__main__":
    command.run(main, usage=USAGE, summary=SUMMARY, shown=("json",))
