"""What the source code of components says about them, read without importing anything."""

import ast
import functools
import importlib.util
from pathlib import Path

from ogbrain.registry.loaded_plugin import LoadedPlugin


def source_file(loaded: LoadedPlugin, target: str) -> Path | None:
    """Returns the file of the module in a component's `"MODULE:NAME"`, or None if there is none."""
    module = target.partition(":")[0]
    if module.startswith("."):
        folders, parts = [str(loaded.folder)], module[1:].split(".")
    else:
        top, *parts = module.split(".")
        spec = importlib.util.find_spec(top)  # imports nothing, as the name has no parent
        if spec is None:
            return None
        folders = list(spec.submodule_search_locations or [])
        if not parts:
            return Path(spec.origin) if spec.origin else None
    for folder in folders:
        path = Path(folder, *parts)
        for file in (path.with_name(path.name + ".py"), path / "__init__.py"):
            if file.is_file():
                return file
    return None


def problem(loaded: LoadedPlugin, target: str) -> str | None:
    """Returns what is wrong with a component's `"MODULE:NAME"` as far as its source code tells, or None."""
    module, _, name = target.partition(":")
    file = source_file(loaded, target)
    if file is None:
        return f"there is no module {module}"
    try:
        names = _names(file)
    except (OSError, SyntaxError, ValueError) as error:
        return f"{file} cannot be read: {error}"
    return f"{file} has no {name}" if name not in names and "*" not in names else None


def first_line(loaded: LoadedPlugin, target: str) -> str:
    """Returns the first line of the docstring of a component, empty if it has none."""
    file = source_file(loaded, target)
    try:
        return _names(file).get(target.partition(":")[2], "") if file else ""
    except (OSError, SyntaxError, ValueError):
        return ""


def field_docs(file: Path, class_name: str) -> dict[str, str]:
    """Returns the string literals that follow the fields of a class, by field.

    Args:
        file: The module's file.
        class_name: The class, wherever it is in the module.
    """
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            docs = {}
            for statement, after in zip(node.body, node.body[1:], strict=False):
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                        docs[statement.target.id] = " ".join(str(after.value.value).split())
            return docs
    return {}


@functools.cache
def parsed(file: Path) -> ast.Module:
    """Returns the syntax tree of a file."""
    return ast.parse(file.read_bytes(), str(file))


def _names(file: Path) -> dict[str, str]:
    """Returns the names that a module binds at its top level, with the first lines of their docstrings."""
    names: dict[str, str] = {}
    for node in parsed(file).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            lines = (ast.get_docstring(node) or "").splitlines()
            names[node.name] = lines[0] if lines else ""
        else:
            for inner in ast.walk(node):  # an assignment, an import, and either of them inside an if or a try
                if isinstance(inner, ast.alias):
                    names.setdefault((inner.asname or inner.name).partition(".")[0], "")
                elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    names.setdefault(inner.id, "")
                elif isinstance(inner, (ast.ClassDef, ast.FunctionDef)):
                    names.setdefault(inner.name, "")
    return names
