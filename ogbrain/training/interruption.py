"""Ctrl-C and SIGTERM end a run after its present step, saved."""

import signal
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A run was interrupted and saved; the message says how to resume it."""


class Interruption:
    """While entered, notes SIGINT and SIGTERM instead of dying from them.

    A second signal takes its usual effect at once.

    Example:
        >>> with Interruption() as interruption:
        ...     while not interruption.requested:
        ...         work()
    """

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:
                pass  # not in the main thread: signals stay the caller's matter
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]
