"""Pictures moved by chance."""

import numpy as np

from ogbrain.errors import UserError

from ..environments.environments import Spec


class RandomShift:
    """Moves each picture by up to some pixels, up or down and left or right, zeros coming in at the edges.

    Situations that differ only in where all is on the screen are alike, and a network that sees each at another place
    every time cannot learn the places by heart. The frames of a stack move together.

    Args:
        pixels: Largest distance in each direction.
        stacked: Whether observations are `(frames, height, width, ...)`, not `(height, width, ...)`.

    Source: Yarats et al., 2021, arXiv:2004.13649, section 3.1, with zeros in place of repeated edges.

    Example:
        >>> RandomShift(1)(np.ones((32, 10, 10, 4), bool), np.random.default_rng(0)).shape
        (32, 10, 10, 4)
    """

    def __init__(self, pixels: int, stacked: bool = False):
        self.pixels, self.stacked = pixels, stacked

    @classmethod
    def of(cls, spec: Spec, pixels: int) -> "RandomShift | None":
        """Returns what moves an environment's observations; None where they are no pictures, or not to be moved.

        Raises:
            UserError: Nothing would be left of a picture.
        """
        stacked = spec.stacked > 1
        size = spec.observation_shape[stacked:][:2]
        if not pixels or len(size) < 2:
            return None
        if pixels >= min(size):
            raise UserError(
                f"config.shift: {pixels} is not allowed for pictures of {size[0]} x {size[1]}; at most {min(size) - 1}"
            )
        return cls(pixels, stacked)

    def __call__(self, observations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns `(batch, ...)` moved, of the same shape and dtype, each by a distance of its own."""
        axes, pixels = (2, 3) if self.stacked else (1, 2), self.pixels
        pictures = np.moveaxis(observations, axes, (-2, -1))
        edges = [(0, 0)] * (pictures.ndim - 2) + [(pixels, pixels)] * 2
        places = np.lib.stride_tricks.sliding_window_view(np.pad(pictures, edges), pictures.shape[-2:], axis=(-2, -1))
        rows, columns = rng.integers(2 * pixels + 1, size=(2, len(pictures)))
        moved = places[np.arange(len(pictures)), ..., rows, columns, :, :]
        return np.ascontiguousarray(np.moveaxis(moved, (-2, -1), axes))
