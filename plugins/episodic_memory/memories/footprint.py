"""How much a memory takes, said before a run starts."""

import math
import os
import shutil
from pathlib import Path

import numpy as np

from ogbrain.errors import UserError

BYTES_BESIDES = 15
"""What is kept of a step besides its frame and its action: reward 4, flags 1, ready 1, priorities 9."""


def step_bytes(frame_shape: tuple[int, ...], frame_dtype: np.dtype, action_bytes: int = 4) -> int:
    """Returns the bytes that one step takes.

    Example:
        >>> step_bytes((84, 84), np.dtype(np.uint8)) * 1_000_000
        7075000000
    """
    return math.prod(frame_shape) * np.dtype(frame_dtype).itemsize + action_bytes + BYTES_BESIDES


def free_bytes() -> int:
    """Returns the bytes of memory that a new array may take without swapping."""
    try:
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def check_fits(capacity: int, bytes_per_step: int, folder: Path | None) -> None:
    """Checks that a memory has room before anything is written to it.

    Args:
        capacity: Steps.
        bytes_per_step: As `step_bytes` says.
        folder: Where it is kept on disk, or None for one in RAM.

    Raises:
        UserError: It has not; the message has the figures.
    """
    if folder is None:
        free, where = free_bytes(), "of RAM"
        instead = "or config.memory_mapped=true, a file on disk"
    else:
        existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free, where = shutil.disk_usage(existing).free, f"in {existing}"
        instead = "or a folder on another disk"
    needed = capacity * bytes_per_step
    if needed > free:
        raise UserError(
            f"memory capacity {capacity:,}: takes {needed / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free {where}; "
            f"at most {free // bytes_per_step:,} steps, {instead}"
        )
