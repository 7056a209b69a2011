"""Config of the glimpse experiment; imports no TensorFlow."""

import dataclasses

from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, checks

BASELINES = ("mlp", "conv", "random", "none")
CORES = ("simple", "lstm")
FIRST_PLACES = ("centre", "random")
REWARDS = ("final", "probability")


@dataclasses.dataclass(frozen=True)
class ClutterConfig:
    """How the pictures are made from the images of the data set."""

    canvas: int = 60
    """Height and width of the canvas, in pixels."""
    clutter: int = 4
    """Pieces of other images added to each canvas."""
    clutter_size: int = 8
    """Height and width of a piece, in pixels."""

    def __post_init__(self) -> None:
        checks.between("picture.canvas", self.canvas, 1, 4096)
        checks.between("picture.clutter", self.clutter, 0, 1000)
        checks.at_least("picture.clutter_size", self.clutter_size, 1)
