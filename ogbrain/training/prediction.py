"""One answer of a trained model to one input."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What `predict` shows of one input.

    Example:
        >>> Prediction(text="Sneaker 0.93", data={"label": "Sneaker", "probability": 0.93})
    """

    text: str
    """The answer in one line or a few, for people."""
    data: dict[str, Any]
    """The same, and more, for programs: JSON types only."""
    picture: np.ndarray | None = None
    """What the model did, drawn: uint8 of shape `(height, width, 3)`, or None."""
    animation: bytes | None = None
    """The same in motion: a GIF or an MP4 file, or None."""


def animation_kind(content: bytes) -> str:
    """Returns what kind of file an animation is, `"gif"` or `"mp4"`."""
    return "gif" if content.startswith(b"GIF") else "mp4"
