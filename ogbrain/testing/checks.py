"""Checks that are all carried out, whatever some of them find."""

import dataclasses
from collections.abc import Callable

from ogbrain.errors import one_line

OK, FAILED, LEFT_OUT = "ok", "failed", "left out"


@dataclasses.dataclass(frozen=True)
class Check:
    """What a check found."""

    subject: str
    """What was checked, such as the name of a layer's class."""
    name: str
    """The check."""
    status: str
    """`ok`, `failed` or `left out`."""
    why: str = ""
    """What is wrong, or why it was left out, in one line."""


RECORD: list[Check] = []
"""Every check of this process in its order: what `plugins check` shows."""


class Checks:
    """The checks of one subject.

    A failed check does not end the test: the others still tell what they find, and `finish` fails with all of it.

    Args:
        subject: What is checked.

    Example:
        >>> checks = Checks("LSTM")
        >>> checks.run("gradient flow", self.check_gradients, layer)
        >>> checks.finish()
    """

    def __init__(self, subject: str):
        self.subject = subject
        self.done: list[Check] = []
        self._errors: list[Exception] = []

    def run(self, name: str, function: Callable, *arguments) -> bool:
        """Carries out a check, which fails if the function raises anything; returns whether it passed."""
        try:
            function(*arguments)
        except Exception as error:
            self._errors.append(error)
            self._add(Check(self.subject, name, FAILED, one_line(error).removeprefix("AssertionError: ")))
            return False
        self._add(Check(self.subject, name, OK))
        return True

    def leave_out(self, name: str, why: str) -> None:
        """Records that a check does not apply."""
        self._add(Check(self.subject, name, LEFT_OUT, why))

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed, in their order."""
        return [check.name for check in self.done if check.status == FAILED]

    def finish(self) -> None:
        """Raises AssertionError if a check failed; the first failure is its cause."""
        if self._errors:
            lines = [f"  {check.name}: {check.why}" for check in self.done if check.status == FAILED]
            heading = f"{self.subject}: {len(lines)} of {len(self.done)} checks failed"
            raise AssertionError("\n".join([heading, *lines])) from self._errors[0]

    def _add(self, check: Check) -> None:
        self.done.append(check)
        RECORD.append(check)
