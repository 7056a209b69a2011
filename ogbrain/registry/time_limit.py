"""A limit on the time that other people's code may take."""

import contextlib
import signal
import threading
from collections.abc import Iterator


class TimeLimitError(BaseException):
    """Code took too long. No `Exception`, lest the code that is being stopped catches it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TimeLimitError in the body if it takes longer than `seconds`.

    Signals interrupt the main thread only: elsewhere, and where there is no `SIGALRM`, there is no limit. A
    timer that somebody else has set is left alone.
    """
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise TimeLimitError(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
