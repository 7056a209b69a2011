"""Writes a complete small plugin."""

import keyword
import os
import re
import shutil
import tempfile
from pathlib import Path

import jinja2

from ogbrain import registry
from ogbrain.errors import UserError, unknown_name
from ogbrain.registry import discovery
from ogbrain.registry.plugin import check_name

KINDS = ("experiment", "layer", "agent")
"""What a new plugin can be about: `--kind`, the first by default."""

RESERVED = ("ogbrain", "datasets", *discovery.IN_TREE_PACKAGES)
"""Packages of this project: a folder of that name beside a program would hide them."""

TEMPLATES = Path(__file__).parent / "templates"

_FOLDERS = {
    "experiment": ("common", "pictures", "experiment"),
    "layer": ("common", "pictures", "layer"),
    "agent": ("common", "agent"),
}
_SUFFIX = ".jinja"
_WIDTH = 120  # of a line


def new_plugin(name: str, kind: str, parent: Path, in_tree: bool = False) -> Path:
    """Writes a plugin that trains, passes its tests and exports as it is.

    Args:
        name: The plugin's name, in lower_snake case.
        kind: One of `KINDS`.
        parent: The folder that the plugin's own is made in.
        in_tree: Whether that is the project's own folder of plugins: the plugin is then added to its list.

    Returns:
        The plugin's folder, `parent/name`.

    Raises:
        UserError: The name is not allowed or taken, the kind is unknown, or there is something in the place already.
    """
    if kind not in KINDS:
        raise unknown_name("--kind", kind, KINDS)
    check_name("plugin", name)
    if keyword.iskeyword(name):
        raise UserError(f"plugin: the name {name!r} is not allowed; it is a word of Python, which no import can name")
    if name in RESERVED:
        raise UserError(f"plugin: the name {name!r} is not allowed; it is that of a package of this project")
    taken = registry.REGISTRY.plugins().get(name)
    if taken:
        raise UserError(f"plugin: the name {name!r} is taken by {taken.origin}; another name")
    folder = parent / name
    if os.path.lexists(folder):
        raise UserError(f"{folder}: is there already, and nothing is overwritten; another name or --out=DIR")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # Made aside and moved: the folder is whole or not there.
        with tempfile.TemporaryDirectory(dir=parent, prefix=f".{name}-") as aside:
            made = Path(aside, name)
            _render(made, name, kind, in_tree)
            shutil.move(made, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); another --out=DIR") from error
    if in_tree:
        _enlist(parent, name)
    return folder


def _render(folder: Path, name: str, kind: str, in_tree: bool) -> None:
    loader = jinja2.FileSystemLoader([str(TEMPLATES / part) for part in _FOLDERS[kind]])
    environment = jinja2.Environment(
        loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, autoescape=False
    )
    values = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "kind": kind,
        "repository": "" if in_tree else "@ogbrain",
        "in_tree": in_tree,
    }
    for template in environment.list_templates(filter_func=lambda file: file.endswith(_SUFFIX)):
        file = folder / template.removesuffix(_SUFFIX).replace("NAME", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(environment.get_template(template).render(values))


def _enlist(package: Path, name: str) -> None:
    """Adds a plugin to the list of the package of plugins, and to its BUILD."""
    module, build = package / "__init__.py", package / "BUILD"
    text = module.read_text()
    found = re.search(r"^IN_TREE = \((.*?)\)$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise UserError(f"{module}: has no IN_TREE = (...), so {name!r} is to be added to it by hand")
    names = sorted({*re.findall(r'"(\w+)"', found.group(1)), name})
    quoted = [f'"{each}"' for each in names]
    listed = f"IN_TREE = ({', '.join(quoted)}{',' if len(names) == 1 else ''})"
    if len(listed) > _WIDTH:
        listed = "".join(["IN_TREE = (\n", *(f"    {each},\n" for each in quoted), ")"])
    module.write_text(text.replace(found.group(), listed))
    if build.is_file():
        text = build.read_text()
        labels = sorted({*re.findall(r'^ *"(//plugins/\w+)",$', text, re.MULTILINE), f"//plugins/{name}"})
        lines = "".join(f'        "{label}",\n' for label in labels)
        new = re.sub(r'(    deps = \[\n)(?: *"//plugins/\w+",\n)+', rf"\g<1>{lines}", text)
        if f'"//plugins/{name}"' not in new:
            raise UserError(f"{build}: has no list of plugins, so '//plugins/{name}' is to be added to it by hand")
        build.write_text(new)
