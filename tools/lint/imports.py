"""Who may import whom.

- The core (`ogbrain`) knows no plugin and no dataset by name.
- Its registry, configs and errors import no TensorFlow: listing plugins must be quick.
- A plugin imports the core, and itself with relative imports (it may be copied out of the tree); other plugins and
  datasets it knows by registered name only.
- A dataset imports the core, never a plugin.
- Tests are run as scripts, which have no relative imports: they name their own package in full.
"""

import ast
import pathlib
from collections.abc import Iterator

_HEAVY = {"keras", "tensorflow", "tensorflow_datasets", "tensorflow_probability", "tf_agents", "tf_keras"}
_LIGHT_FOLDERS = ("ogbrain/registry/", "ogbrain/config/")
_LIGHT_FILES = ("ogbrain/__init__.py", "ogbrain/errors.py")


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _imports(node: ast.AST, package: list[str], at_start: bool = True) -> Iterator[tuple[int, str, bool, bool]]:
    """Finds imports below a node.

    Yields:
        The line, the full dotted name, whether the import is relative, and whether importing the module carries it out.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield child.lineno, alias.name, False, at_start
        elif isinstance(child, ast.ImportFrom):
            base = package[: len(package) - child.level + 1] if child.level else []
            module = [*base, *(child.module.split(".") if child.module else [])]
            for alias in child.names:
                yield child.lineno, ".".join([*module, alias.name]), child.level > 0, at_start
        else:
            later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, package, at_start and not later and not _is_type_checking(child))


def violations(path: str, source: str) -> list[str]:
    """Checks one file.

    Args:
        path: The file's path in the repository, with slashes.
        source: Its text.

    Returns:
        One line for each import that is against the rules.
    """
    parts = pathlib.PurePosixPath(path).parts
    layer, own, is_test = parts[0], ".".join(parts[:2]), path.endswith("_test.py")
    light = (path.startswith(_LIGHT_FOLDERS) or path in _LIGHT_FILES) and not is_test
    found = []
    for line, name, relative, at_start in _imports(ast.parse(source), list(parts[:-1])):
        top = name.split(".")[0]
        problem = ""
        if layer == "ogbrain" and top in ("plugins", "datasets"):
            problem = "the core knows no plugin or dataset by name"
        elif light and at_start and top in _HEAVY:
            problem = "this part of the core starts without TensorFlow: import it where it is used"
        elif layer == "plugins" and top == "datasets":
            problem = "a plugin knows datasets by registered name only"
        elif layer == "plugins" and top == "plugins" and f"{name}.".startswith(f"{own}.") is False:
            problem = "a plugin knows other plugins by registered name only"
        elif layer == "plugins" and top == "plugins" and not relative and not is_test:
            problem = "a plugin imports itself with relative imports, so that it can be moved"
        elif layer == "datasets" and top == "plugins":
            problem = "a dataset knows no plugin"
        if problem:
            found.append(f"{path}:{line}: imports {name}: {problem}")
    return found
