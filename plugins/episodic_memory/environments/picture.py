"""Pictures of observations, where an environment draws none itself."""

import colorsys

import numpy as np


def observation_picture(observation: np.ndarray, stacked: int = 1) -> np.ndarray:
    """Draws an observation, some 160 pixels high.

    Args:
        observation: Of any shape; a stack of frames `(frames, height, width)`, a picture `(height, width, channels)`,
            whose channels get colours of their own, or a vector, drawn as bars.
        stacked: Frames in the observation, along its first axis; the newest is drawn.

    Returns:
        uint8 `(height, width, 3)`.
    """
    values = np.asarray(observation, np.float64)
    if stacked > 1:
        values = values[-1][..., None]
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3:
        values = _bars(values.reshape(-1))[..., None]
    values = values / max(1.0, np.abs(values).max())
    channels = values.shape[-1]
    if channels == 1:
        colors = np.ones((1, 3))
    elif channels == 3:
        colors = np.eye(3)
    else:
        colors = np.array([colorsys.hsv_to_rgb(number / channels, 0.75, 1.0) for number in range(channels)])
    picture = np.clip((values[..., None] * colors).max(2), 0, 1)
    scale = max(1, round(160 / len(picture)))
    return np.rint(np.kron(picture, np.ones((scale, scale, 1))) * 255).astype(np.uint8)


def _bars(vector: np.ndarray) -> np.ndarray:
    """Draws numbers as bars from a middle line, which -1 and 1 fill."""
    vector = vector[:64]
    middle, width = 20, max(1, 40 // len(vector))
    picture = np.zeros((2 * middle, width * len(vector)))
    for number, value in enumerate(np.clip(np.nan_to_num(vector), -1, 1)):
        top, bottom = sorted((middle, middle - round(value * middle)))
        picture[top : max(bottom, top + 1), number * width : (number + 1) * width] = 1.0
    return picture
