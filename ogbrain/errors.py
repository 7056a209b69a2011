"""The one error that a user's input can cause, and how it is worded."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input from the user: printed as one line, exit code 2, no traceback.

    The message names the thing, the value, what is allowed and, where there is
    one, the nearest match.

    Example:
        >>> raise UserError("batch_size: 0 is not allowed; a whole number from 1 on")
    """

    exit_code = 2

    def __init__(self, message: str):
        # What users type can hold line breaks; a message is one line whatever they typed.
        super().__init__(" ".join(message.splitlines()))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Returns the known name that is most like `name`, or None if none is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def unknown_name(thing: str, name: str, known: Iterable[str], hint: str = "") -> UserError:
    """Words the error for a name that is not among the known ones.

    Args:
        thing: What was named, for example `"plugin"`.
        name: The name that was given.
        known: All the names that are allowed.
        hint: What else the user can do, a clause without a full stop.

    Returns:
        The error, to be raised by the caller.

    Example:
        >>> raise unknown_name("plugin", "atention", ["attention", "transfer"])
        UserError: unknown plugin 'atention'; did you mean 'attention'? Known: attention, transfer
    """
    known = sorted(known)
    near = nearest(name, known)
    parts = [f"unknown {thing} {name!r}"]
    if near:
        parts.append(f"did you mean {near!r}?")
    text = "; ".join(parts) + (" " if near else ". ") + f"Known: {', '.join(known) or 'none'}"
    return UserError(text + (f". {hint}" if hint else ""))


class RunError(UserError):
    """A failure outside the program that the user can mend, such as a full disk: one line, exit code 1."""

    exit_code = 1


def one_line(error: BaseException) -> str:
    """Returns an error's type and message in one line of at most some 500 characters; a UserError's message alone.

    Example:
        >>> one_line(ModuleNotFoundError("No module named 'torch'"))
        "ModuleNotFoundError: No module named 'torch'"
    """
    try:
        message = str(error)
    except Exception:
        message = ""
    message = " ".join("".join(letter if letter.isprintable() else " " for letter in message).split())
    if isinstance(error, UserError):
        return message
    if len(message) > 400:
        message = message[:400] + "..."
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
