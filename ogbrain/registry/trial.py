"""A trial run of other people's code in a process of its own."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

from ogbrain.registry.time_limit import TimeLimitError

_ENDED_WELL = 77
_POLL_SECONDS = 0.002


class InterpreterEndedError(Exception):
    """Code ended the interpreter without an exception: nothing that Python does can catch that."""


def trial(function: Callable[[], object], seconds: float) -> None:
    """Calls a function in a fork of this process, so that what would end or block the interpreter does so there.

    What the function raises is of no concern here: it will raise it again. Where a fork is not safe, as with threads
    about, or is not to be had, nothing is tried.

    Args:
        function: What to call; it prints nothing.
        seconds: Time after which the process is killed.

    Raises:
        InterpreterEndedError: The process ended, by `os._exit` or a signal.
        TimeLimitError: It took too long.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1 or "tensorflow" in sys.modules:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            function()
        finally:
            os._exit(_ENDED_WELL)
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeLimitError(f"took longer than {seconds:g} s")
        time.sleep(_POLL_SECONDS)
    code = os.waitstatus_to_exitcode(status)
    if code != _ENDED_WELL:
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        raise InterpreterEndedError(f"importing it ends the interpreter ({how})")
