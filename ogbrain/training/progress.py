"""Progress of a run: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

PLAIN_SECONDS = 10.0
"""Time between two plain lines."""


class Progress:
    """Shows the steps of one epoch with their rate, the time left and the metrics.

    Args:
        title: What stands in front, such as `"epoch 1/10"`.
        steps: Steps of the epoch.
        done: Steps done already, after a resume.
        stream: Where to; a bar is drawn if it is a terminal.
    """

    def __init__(self, title: str, steps: int, done: int = 0, stream: TextIO | None = None):
        self.title, self.steps, self.done = title, steps, done
        self._stream = stream or sys.stderr
        self._start, self._first = time.perf_counter(), done
        self._next_line = self._start + PLAIN_SECONDS
        self._metrics = ""
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                total=steps, initial=done, desc=title, unit="step", file=self._stream, dynamic_ncols=True, leave=False
            )

    def metrics(self, values: Mapping[str, float]) -> None:
        """Shows metrics beside the progress from now on."""
        self._metrics = format_metrics(values)
        if self._bar is not None:
            self._bar.set_postfix_str(self._metrics, refresh=False)

    def step(self, count: int = 1) -> None:
        """Counts one step, or several."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
            return
        now = time.perf_counter()
        if now >= self._next_line:
            self._next_line = now + PLAIN_SECONDS
            rate = (self.done - self._first) / (now - self._start)
            left = round((self.steps - self.done) / rate)
            print(
                f"{self.title}: step {self.done}/{self.steps}  {self._metrics}  "
                f"{rate:.1f} steps/s  {left // 60}:{left % 60:02d} left",
                file=self._stream,
                flush=True,
            )

    def close(self, summary: str = "") -> None:
        """Takes the bar away and leaves the epoch's line."""
        if self._bar is not None:
            self._bar.close()
        if summary:
            seconds = time.perf_counter() - self._start
            print(f"{self.title}: {summary}  ({seconds:.1f} s)", file=self._stream, flush=True)


def format_metrics(values: Mapping[str, float], prefix: str = "") -> str:
    """Writes metrics in a row, four significant digits each."""
    return "  ".join(f"{prefix}{name} {value:.4g}" for name, value in values.items())
