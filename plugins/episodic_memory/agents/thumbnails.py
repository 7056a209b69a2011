"""Small pictures of what an agent saw."""

import numpy as np

NOTE_SHAPE = (28, 28)
"""Height and width, in pixels."""


def thumbnails(observations: np.ndarray) -> np.ndarray:
    """Makes small grey pictures of observations.

    Frames of a stack, oldest first on the first axis, give the newest one; channels of anything else give a shade each,
    the last one on top. Pixels are left out or repeated to fill the picture.

    Args:
        observations: `(batch, frames, height, width)` bytes, or `(batch, height, width, channels)` of any type.

    Returns:
        uint8 `(batch, 28, 28)`.
    """
    if observations.dtype == np.uint8 and observations.shape[1] < observations.shape[-1]:
        pictures = observations[:, -1]
    else:
        channels = observations.shape[-1]
        shades = np.linspace(0, 255, channels + 1)[1:].astype(np.uint8)
        pictures = np.where(observations > 0, shades, np.uint8(0)).max(-1)
    height, width = pictures.shape[1:]
    rows, columns = (np.arange(side) * length // side for side, length in zip(NOTE_SHAPE, (height, width), strict=True))
    return pictures[:, rows[:, None], columns]
