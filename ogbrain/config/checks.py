"""Checks on config values, each one line of complaint that names the field, the value and what is allowed."""

import math
from collections.abc import Iterable
from typing import Any

from ogbrain.errors import UserError, nearest


def at_least(field: str, value: float, minimum: float) -> None:
    """Raises UserError unless `value` is a finite number of at least `minimum`.

    Example:
        >>> at_least("batch_size", 0, 1)
        UserError: config.batch_size: 0 is not allowed; at least 1
    """
    if not math.isfinite(value) or value < minimum:
        raise UserError(f"config.{field}: {value} is not allowed; at least {minimum}")


def between(field: str, value: float, minimum: float, maximum: float) -> None:
    """Raises UserError unless `minimum <= value <= maximum`."""
    if not minimum <= value <= maximum:
        raise UserError(f"config.{field}: {value} is not allowed; from {minimum} to {maximum}")


def one_of(field: str, value: Any, allowed: Iterable[Any]) -> None:
    """Raises UserError unless `value` is among `allowed`, and offers the nearest."""
    allowed = list(allowed)
    if value in allowed:
        return
    near = nearest(str(value), [str(option) for option in allowed])
    suggestion = f"did you mean {near!r}? " if near else ""
    raise UserError(f"config.{field}: {value!r} is not allowed; {suggestion}One of: {', '.join(map(str, allowed))}")
