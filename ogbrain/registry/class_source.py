"""What the source code of classes says about them, bases included, read without importing anything."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

from ogbrain.registry import source_code
from ogbrain.registry.loaded_plugin import LoadedPlugin

_ROOT = Path(__file__).parents[2]
_PLAIN = ("object", "ABC", "Generic", "Protocol")
_UNKNOWN = (LookupError, OSError, RecursionError, SyntaxError, ValueError)
"""What comes of a base that is not found, files that are no Python, and imports in a circle."""


def left_out(loaded: LoadedPlugin, target: str) -> list[str]:
    """Returns the abstract methods that a component's class leaves out, as far as its source code tells.

    Bases are followed through the plugin's own modules and those of this package; with any other base nothing is said.

    Args:
        loaded: The plugin.
        target: The component's `"MODULE:NAME"`.
    """
    abstract: dict[str, bool] = {}
    try:
        for node in _with_bases(*_component(loaded, target)):
            for name, is_abstract in _members(node):
                abstract.setdefault(name, is_abstract)
    except _UNKNOWN:
        return []
    return sorted(name for name, is_abstract in abstract.items() if is_abstract)


def is_plain_class(loaded: LoadedPlugin, target: str) -> bool:
    """Whether a component is a class that its module defines without a dataclass decorator."""
    try:
        _, node = _component(loaded, target)
    except _UNKNOWN:
        return False
    return not any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def _component(loaded: LoadedPlugin, target: str) -> tuple[Path, ast.ClassDef]:
    file = source_code.source_file(loaded, target)
    if file is None:
        raise LookupError(target)
    return _class(file, target.partition(":")[2])


def _class(file: Path, name: str) -> tuple[Path, ast.ClassDef]:
    """Returns a class that a module binds, and the file that defines it; LookupError if it is bound in other ways."""
    bound = [node for node in source_code.parsed(file).body if name in _bound(node)]
    if len(bound) == 1 and isinstance(bound[0], ast.ClassDef):
        return file, bound[0]
    if len(bound) == 1 and isinstance(bound[0], ast.ImportFrom):
        original = next(alias.name for alias in bound[0].names if (alias.asname or alias.name) == name)
        return _class(_module(file, bound[0]), original)
    raise LookupError(name)


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in node.names]
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _module(file: Path, node: ast.ImportFrom) -> Path:
    parts = (node.module or "").split(".")
    if not node.level and parts[0] != "ogbrain":
        raise LookupError(node.module)
    path = (file.parents[node.level - 1] if node.level else _ROOT).joinpath(*parts)
    module = path.with_name(path.name + ".py")
    return module if module.is_file() else path / "__init__.py"


def _with_bases(file: Path, node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """Yields a class and all its bases."""
    yield node
    for base in node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        text = ast.unparse(base)
        if text.rpartition(".")[2] in _PLAIN:
            continue
        yield from _with_bases(*(_class(file, text) if isinstance(base, ast.Name) else _public(text)))


def _public(text: str) -> tuple[Path, ast.ClassDef]:
    """Returns the class of a public name, such as `ogbrain.Experiment`."""
    package, _, name = text.partition(".")
    if package != "ogbrain":
        raise LookupError(text)
    module = vars(importlib.import_module("ogbrain"))["_LAZY"][name]
    return _class(_ROOT.joinpath(*module.split(".")).with_suffix(".py"), name)


def _members(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """Yields what a class defines, and whether it is abstract."""
    for statement in node.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield statement.name, any("abstract" in ast.unparse(each) for each in statement.decorator_list)
        elif isinstance(statement, ast.Assign):
            yield from ((each.id, False) for target in statement.targets for each in _stored(target))
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            yield from ((each.id, False) for each in _stored(statement.target))


def _stored(target: ast.expr) -> Iterator[ast.Name]:
    return (each for each in ast.walk(target) if isinstance(each, ast.Name))
