"""Names for functions that change when what they do changes."""

import dataclasses
import types
from collections.abc import Callable
from typing import Any

from ogbrain.errors import UserError


def fingerprint(step: Callable[..., Any]) -> str:
    """Returns text that tells a prepare step from every other and from its own earlier versions.

    Args:
        step: An object with a `fingerprint` attribute, a frozen dataclass, whose fields are its fingerprint, or a plain
            function that takes nothing from around it.

    Returns:
        The text; equal in every process.

    Raises:
        UserError: If the step is none of these, so that an array made by an older one could be taken for its own.
    """
    given = getattr(step, "fingerprint", None)
    if isinstance(given, str):
        return given
    if dataclasses.is_dataclass(step) and not isinstance(step, type):
        return f"{type(step).__module__}.{step!r}:{_code(type(step).__call__)}"
    if isinstance(step, types.FunctionType) and step.__closure__ is None:
        return f"{step.__module__}.{step.__qualname__}:{_code(step)}"
    raise UserError(
        f"prepare step {step!r} has no fingerprint; use a frozen dataclass with __call__, or a function without closure"
    )


def _code(function: Any) -> str:
    """Returns the function's instructions and constants as text."""
    code = function.__code__
    constants = [value for value in code.co_consts if not isinstance(value, types.CodeType)]
    inner = [value.co_code.hex() for value in code.co_consts if isinstance(value, types.CodeType)]
    return f"{code.co_code.hex()}{constants!r}{inner!r}{code.co_names!r}{function.__defaults__!r}"
