"""Operations that a server cannot run. Imports no TensorFlow."""

from collections.abc import Collection
from typing import Any

from ogbrain.serving.request_error import Code, RequestError

PYTHON_OPS = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless"})
"""Operations that call back into the process that exported: they export without a word and fail in every server."""


def refuse_ops(definition: Any, known: Collection[str]) -> None:
    """Raises a `RequestError` if a graph, or a function in it, holds an operation that no server has.

    Args:
        definition: The `GraphDef`.
        known: The names of TensorFlow's own operations.
    """
    functions = [(f"function {function.signature.name}", function.node_def) for function in definition.library.function]
    names = {function.signature.name for function in definition.library.function}
    for where, nodes in [("graph", definition.node), *functions]:
        for node in nodes:
            if node.op in PYTHON_OPS:
                raise RequestError(
                    f"{node.op} ({node.name} in {where}): no server can run Python; TensorFlow's operations only",
                    Code.FAILED_PRECONDITION,
                )
            if node.op not in known and node.op not in names:
                raise RequestError(
                    f"{node.op} ({node.name} in {where}): a custom operation, which no server has",
                    Code.FAILED_PRECONDITION,
                )
