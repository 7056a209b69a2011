"""State outside of TensorFlow, saved in its checkpoints."""

import io
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf


class Snapshot(tf.train.experimental.PythonState):
    """Arrays that are asked for when a checkpoint is written, and given back when one is read.

    Args:
        state: Returns the arrays by name.
        restore: Takes them back.

    Example:
        >>> tf.train.Checkpoint(memory=Snapshot(memory.state, memory.restore))
    """

    def __init__(
        self, state: Callable[[], Mapping[str, np.ndarray]], restore: Callable[[Mapping[str, np.ndarray]], None]
    ):
        super().__init__()
        self._state, self._restore = state, restore

    def serialize(self) -> bytes:
        """Returns the arrays as the bytes of an `.npz` file."""
        file = io.BytesIO()
        np.savez(file, **self._state())  # type: ignore[arg-type]
        return file.getvalue()

    def deserialize(self, string_value: bytes) -> None:
        """Sets the state to that of bytes that `serialize` returned."""
        with np.load(io.BytesIO(string_value)) as arrays:
            self._restore({name: arrays[name] for name in arrays.files})
