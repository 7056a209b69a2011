"""Checkpoints of a run: the last ones to resume from, the best one to use."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.errors import RunError, UserError
from ogbrain.training.run_state import RunState

KEPT = 2
"""How many of the last checkpoints are kept: one may be half written when the machine stops."""


class Checkpoints:
    """Saves and restores the variables of a run under `RUN/checkpoints`.

    `last-STEP` holds all that a resume needs, `best-STEP` the weights of the best
    epoch. A checkpoint is whole once its `.index` file is there: TensorFlow writes
    that last and renames it in.

    Args:
        folder: The run's `checkpoints` folder.
        items: Variables by group, weights under `"model"`.
        state: The run's counters; left out where only weights are read.
    """

    def __init__(self, folder: Path, items: Mapping[str, Sequence[tf.Variable]], state: RunState | None = None):
        self.folder = folder
        self._weights = tf.train.Checkpoint(model=list(items["model"]))
        self._best: list[Any] = []
        groups = {name: list(group) for name, group in items.items()}
        self._all = tf.train.Checkpoint(**groups, state=state or RunState())

    def save_last(self, step: int) -> None:
        """Saves all variables, then drops older checkpoints.

        Raises:
            RunError: The folder cannot be written.
        """
        self._write(self._all, "last", step, KEPT)

    def keep_best(self) -> None:
        """Keeps the weights in memory as the best ones so far, until `save_best` saves them."""
        if not self._best:
            self._best = [_Kept() if _is_state(item) else tf.Variable(_copy(item)) for item in self._weights.model]
            # Both made once: to go through hundreds of weights one by one takes longer than a short epoch.
            self._kept = tf.train.Checkpoint(model=self._best)
            plain = [pair for pair in self._pairs() if not _is_state(pair[1]) and not _is_spread(pair[1])]
            self._copy_plain = tf.function(lambda: _assign(plain))
        self._copy_plain()
        for kept, item in self._pairs():
            if _is_state(item):
                kept.deserialize(item.serialize())
            elif _is_spread(item):
                kept.assign(_copy(item))

    def save_best(self, step: int) -> None:
        """Saves the weights that were kept, which are those of a step."""
        # Two are kept: a kill before the state is saved goes back to the best one before.
        self._write(self._kept, "best", step, KEPT)

    def restore_last(self) -> int:
        """Restores the newest readable checkpoint.

        Returns:
            Its step.

        Raises:
            UserError: There is none that can be read.
        """
        failures = []
        for step in reversed(self.steps("last")):
            try:
                self._all.read(str(self.folder / f"last-{step}")).assert_existing_objects_matched().assert_consumed()
                return step
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                failures.append(f"last-{step}: {_reason(error)}")
        why = f"none can be read ({'; '.join(failures)})" if failures else "the folder holds none"
        raise UserError(f"checkpoints in {self.folder}: {why}; a run that has saved at least once, or start a new run")

    def restore_best(self, step: int) -> None:
        """Restores the weights of the best epoch."""
        self._restore_weights(f"best-{step}")

    def restore_for_use(self) -> str:
        """Restores the weights of the best epoch, or the last ones where no epoch has ended yet.

        Returns:
            The name of the checkpoint.

        Raises:
            UserError: There is no checkpoint, or it cannot be read.
        """
        for kind in ("best", "last"):
            steps = self.steps(kind)
            if steps:
                self._restore_weights(f"{kind}-{steps[-1]}")
                return f"{kind}-{steps[-1]}"
        raise UserError(f"checkpoints in {self.folder}: the folder holds none; a run that has saved at least once")

    def steps(self, kind: str) -> list[int]:
        """Returns the steps of the whole checkpoints of a kind, `"last"` or `"best"`, in order."""
        found = [re.fullmatch(rf"{kind}-(\d+)\.index", file.name) for file in self.folder.glob(f"{kind}-*.index")]
        return sorted(int(match[1]) for match in found if match)

    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(zip(self._best, self._weights.model, strict=True))

    def _restore_weights(self, name: str) -> None:
        try:
            status = self._weights.read(str(self.folder / name))
            status.expect_partial()
            status.assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise UserError(
                f"checkpoint {self.folder / name}: cannot be read ({_reason(error)}); a whole checkpoint of this run"
            ) from error

    def _write(self, checkpoint: tf.train.Checkpoint, kind: str, step: int, kept: int) -> None:
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.write(str(self.folder / f"{kind}-{step}"))
            for old in self.steps(kind)[:-kept]:
                # The index goes first, so that what is half deleted is not taken for whole.
                for file in (self.folder / f"{kind}-{old}.index", *self.folder.glob(f"{kind}-{old}.data-*")):
                    file.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a failure to write below `folder`, such as a full disk, into one clear line.

    Raises:
        RunError: The folder could not be written.
    """
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise RunError(
            f"run folder {folder}: cannot be written ({_reason(error)}); free space or another --run_dir"
        ) from error


class _Kept(tf.train.experimental.PythonState):
    """What a state outside of TensorFlow was at some time."""

    def serialize(self) -> bytes:
        return self._content

    def deserialize(self, string_value: bytes) -> None:
        self._content = string_value


def _is_state(item: Any) -> bool:
    return isinstance(item, tf.train.experimental.PythonState)


def _is_spread(item: Any) -> bool:
    """Whether a variable is spread over devices."""
    return isinstance(item, tf.distribute.DistributedValues)


def _assign(pairs: list[tuple[Any, Any]]) -> None:
    for kept, item in pairs:
        kept.assign(item, read_value=False)


def _copy(variable: tf.Variable) -> np.ndarray:
    # What `numpy()` gives may be the variable's own memory, which training writes to.
    return variable.numpy().copy()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
