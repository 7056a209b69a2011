"""Config of the glimpse experiment; imports no TensorFlow."""

import dataclasses

import ogbrain
from ogbrain.config import ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

BASELINES = ("mlp", "conv", "random", "none")
CORES = ("simple", "lstm")
PLACES = ("learned", "random")
FIRST_PLACES = ("centre", "random")
REWARDS = ("gain", "final")


@dataclasses.dataclass(frozen=True)
class GlimpseConfig(ExperimentConfig):
    """The Recurrent Attention Model (arXiv 1406.6247) on cluttered, translated images."""

    epochs: int = 16
    """Passes over the training data."""
    batch_size: int = 64
    """Images in a training step, over all devices."""
    xla: bool = True
    """Compile the training step with XLA: about 1.4 times as fast on a CPU, for five seconds at the start."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=1e-3, schedule="cosine", warmup_steps=200, final_fraction=0.02, clip_norm=5.0
    )
    """The optimizer."""

    splits: tuple[str, ...] = ("train[:90%]", "train[90%:]", "test")
    """TFDS split strings of the training, validation and test examples."""
    canvas: int = 60
    """Height and width of the canvas, in pixels."""
    clutter: int = 4
    """Pieces of other images on each canvas."""
    clutter_size: int = 8
    """Height and width of a piece, in pixels."""

    glimpses: int = 6
    """Glimpses taken of each image."""
    patch_size: int = 12
    """Height and width of a glimpse's patches, in pixels."""
    scales: int = 3
    """Concentric patches of a glimpse, each of twice the width and half the sharpness of the one before."""
    units: int = 256
    """Depth of the state and of the code of a glimpse."""
    patch_units: int = 128
    """Depth of the glimpse network's hidden layer for the patches."""
    location_units: int = 128
    """Depth of the glimpse network's hidden layer for the location."""
    eye: str = ""
    """Layer of the kind image_encoder that sees the patches, PLUGIN/LAYER; empty for the paper's glimpse network."""
    core: str = "simple"
    """Recurrent core: simple (a rectified linear state) or lstm."""
    places: str = "learned"
    """Where to look: learned, or random places to compare with."""
    first_place: str = "centre"
    """Where the first glimpse is taken: centre of the image, or random."""
    stddev: float = 0.15
    """Standard deviation of the location policy in the first epoch; the image is 2 wide."""
    final_stddev: float = 0.05
    """Standard deviation of the location policy in the last quarter of the epochs; it gets there in even steps."""
    policy_units: int = 128
    """Depth of a hidden layer of the location policy; 0 for none, as in the paper."""
    policy_shapes_state: bool = True
    """Whether the policy's gradient goes on into the state, or trains the policy alone."""
    policy_weight: float = 0.02
    """Weight of the policy's loss in the whole."""

    reward: str = "gain"
    """What the policy is rewarded for: gain in the probability of the right label from one glimpse to those that
    follow, or final, 1 for a right answer after the last glimpse, as in the paper."""
    training_samples: int = 1
    """Monte-Carlo samples: runs over each image of a training batch, each with places of its own."""
    evaluation_samples: int = 1
    """Monte-Carlo samples: runs over each image in evaluation; their probabilities are averaged."""

    baseline: str = "mlp"
    """Trained first in the same run to compare with: mlp or conv (of the same number of multiply-adds), random
    (places), several joined by commas, or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.splits) != 3 or not all(self.splits):
            raise UserError(
                f"config.splits: {self.splits} is not allowed; three TFDS splits: training, validation, test"
            )
        between("canvas", self.canvas, 1, 4096)
        between("clutter", self.clutter, 0, 1000)
        between("clutter_size", self.clutter_size, 1, self.canvas)
        between("glimpses", self.glimpses, 1, 100)
        between("patch_size", self.patch_size, 1, 512)
        between("scales", self.scales, 1, 8)
        if self.eye:
            ogbrain.layers.check(self.eye, "image_encoder", "eye")
        for name in ("units", "patch_units", "location_units"):
            between(name, getattr(self, name), 1, 65536)
        one_of("core", self.core, CORES)
        one_of("places", self.places, PLACES)
        one_of("first_place", self.first_place, FIRST_PLACES)
        between("stddev", self.stddev, 1e-3, 10.0)
        between("final_stddev", self.final_stddev, 1e-3, 10.0)
        between("policy_weight", self.policy_weight, 0.0, 1e3)
        at_least("policy_units", self.policy_units, 0)
        one_of("reward", self.reward, REWARDS)
        between("training_samples", self.training_samples, 1, 1000)
        between("evaluation_samples", self.evaluation_samples, 1, 1000)
        for name in self.baselines:
            # None of them cannot be joined with some of them.
            one_of("baseline", name, [known for known in BASELINES if known != "none" or "," not in self.baseline])

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines by name; none is none."""
        names = tuple(name.strip() for name in self.baseline.split(","))
        return () if names == ("none",) else names
