"""Config of the many-objects experiment; imports no TensorFlow."""

import dataclasses

from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, between, one_of
from ogbrain.errors import UserError

TASKS = ("pairs", "addition", "several")
GRADIENTS = ("soft", "reinforce")
BASELINES = ("conv", "none")


@dataclasses.dataclass(frozen=True)
class ManyObjectsConfig(ExperimentConfig):
    """Deep recurrent attention (arXiv 1412.7755): several digits on a canvas, told one after another."""

    epochs: int = 24
    """Passes over the training data."""
    batch_size: int = 64
    """Canvases in a training step, over all devices."""
    xla: bool = True
    """Compile the training step with XLA."""
    data: DataConfig = DataConfig(name="mnist_digits")
    """The data set: images of one size, with labels."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-3, schedule="cosine", warmup_steps=200, final_fraction=0.02, clip_norm=5.0
    )
    """The optimizer."""

    splits: tuple[str, ...] = ("train", "validation", "test")
    """TFDS split strings of the training, validation and test examples."""
    task: str = "pairs"
    """What is on a canvas and what is told: pairs (both, from left to right), addition (of both) or several (one to
    `most` in clutter)."""
    most: int = 5
    """Most objects on a canvas, where there are several."""
    canvas: int = 100
    """Height and width of the canvas, in pixels."""
    spacing: int = 20
    """Least distance of neighbours from left to right, in pixels."""
    clutter: int = 4
    """Pieces of other images on each canvas, where there are several."""
    clutter_size: int = 8
    """Height and width of a piece, in pixels."""
    turn: float = 0.2
    """In training each object is turned by up to so many radians."""
    resize: float = 0.15
    """In training each object is enlarged or shrunk by up to this share."""

    glimpses: int = 2
    """Glimpses for each label."""
    patch_size: int = 20
    """Height and width of a glimpse's patches, in pixels."""
    scales: int = 3
    """Concentric patches of a glimpse, each of twice the width and half the sharpness of the one before."""
    units: int = 128
    """Depth of both states."""
    patch_units: int = 256
    """Depth of the glimpse network's hidden layer for the patches."""
    filters: tuple[int, ...] = (16, 32)
    """Depths of the glimpse network's convolutions, each of which halves the sides of the patches."""
    context_size: int = 24
    """Sides of the small image that the context network sees, in cells."""
    place_units: int = 32
    """Depth of the keys with which the next place is found on that image; 0 for none, as in the paper."""
    salience: float = 8.0
    """Weight at the start of how much a cell of that image stands out; it is learned."""
    inhibition: float = 0.0
    """Weight at the start of how much of a cell was looked at already; it is learned. 0: that does not count."""
    gradient: str = "soft"
    """How places learn: soft, through interpolated glimpses, or reinforce, from rewards, as in the paper."""
    stddev: float = 0.1
    """Standard deviation of places that are drawn; the image is 2 wide."""
    policy_weight: float = 0.05
    """Weight of the policy's loss in the whole, with reinforce."""
    baseline: str = "conv"
    """Trained first in the same run to compare with: conv, of the same number of multiply-adds, or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.splits) != 3 or not all(self.splits):
            raise UserError(
                f"config.splits: {self.splits} is not allowed; three TFDS splits: training, validation, test"
            )
        one_of("task", self.task, TASKS)
        between("most", self.most, 1, 50)
        between("canvas", self.canvas, 1, 4096)
        between("spacing", self.spacing, 1, self.canvas)
        between("clutter", self.clutter, 0, 1000)
        between("clutter_size", self.clutter_size, 1, self.canvas)
        between("turn", self.turn, 0.0, 3.2)
        between("resize", self.resize, 0.0, 0.9)
        between("glimpses", self.glimpses, 1, 100)
        between("patch_size", self.patch_size, 1, 512)
        between("scales", self.scales, 1, 8)
        for name in ("units", "patch_units"):
            between(name, getattr(self, name), 1, 65536)
        for depth in self.filters:
            between("filters", depth, 1, 4096)
        between("place_units", self.place_units, 0, 4096)
        between("salience", self.salience, 0.0, 1e3)
        between("inhibition", self.inhibition, 0.0, 1e3)
        between("context_size", self.context_size, 1, 512)
        one_of("gradient", self.gradient, GRADIENTS)
        between("stddev", self.stddev, 1e-3, 10.0)
        between("policy_weight", self.policy_weight, 0.0, 1e3)
        one_of("baseline", self.baseline, BASELINES)


@dataclasses.dataclass(frozen=True)
class AdditionConfig(ManyObjectsConfig):
    """Deep recurrent attention (arXiv 1412.7755): the sum of two digits on a canvas."""

    task: str = "addition"
    """What is on a canvas and what is told."""
    salience: float = 24.0
    """Weight at the start of how much a cell of the small image stands out; it is learned."""
    inhibition: float = 24.0
    """Weight at the start of how much of a cell was looked at already; it is learned. A sum has no order, so one digit
    is as good a start as the other; this leads the second glimpse to the other one."""
