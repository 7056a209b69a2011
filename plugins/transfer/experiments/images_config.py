"""Config of the images experiment; imports no TensorFlow."""

import dataclasses

import ogbrain
from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

BASELINES = ("full", "scratch")
SCHEDULES = ("probe", "probe_then_tune", "gradual", "full")
WEIGHTS = ("pretrained", "random")
POOLINGS = ("average", "generalized_mean", "attention")
NORMALIZATIONS = ("none", "layer", "unit")
HEADS = ("linear", "cosine", "mlp")


@dataclasses.dataclass(frozen=True)
class ImagesConfig(ExperimentConfig):
    """A pretrained network of pictures, made to tell other classes: its head first, then more (arXiv 2202.10054)."""

    epochs: int = 18
    """Passes over the training data, probing and tuning together."""
    batch_size: int = 32
    """Pictures in a training step, over all devices."""
    log_every: int = 19
    """Steps between two records of the training metrics."""
    data: DataConfig = DataConfig(name="tuxpaint_stamps")
    """The data set; folder:PATH is a folder of class-named folders of pictures."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-3, schedule="cosine", clip_norm=1.0)
    """The optimizer; its learning rate is the head's while it is probed, and everyone's with random weights."""

    backbone: str = "efficientnet_lite/lite0"
    """Network: efficientnet_lite/lite0 (or lite1, lite2), applications:NAME[:FILE], hub:PRESET, run:DIR, file:PATH, or
    a layer of the kind image_encoder, PLUGIN/LAYER, with random weights."""
    weights: str = "pretrained"
    """Weights to begin with: pretrained or random."""
    image_size: int = 128
    """Height and width that pictures are made to, in pixels; 0 takes what the network was trained on."""
    views: int = 4
    """Views of each picture in training while the network is frozen: itself, and others cut, mirrored and relit."""
    mirror: bool = True
    """Whether views may be mirrored; not for pictures of writing."""
    feature_cache: bool = True
    """Compute what frozen layers make of each view once."""
    cache_megabytes: int = 2048
    """Most memory for features that are kept, and for what goes into the tuned layers; more is computed each time."""
    label: str = ""
    """Feature of the data set that holds the class; empty takes the one there is."""
    classes: tuple[str, ...] = ()
    """Classes to keep; empty keeps all."""
    per_class: int = 0
    """Training examples of each class, chosen by the seed; 0 takes all."""
    splits: tuple[str, ...] = ()
    """TFDS split strings of training, validation and test examples; empty takes what the data set has."""

    pooling: str = "average"
    """Pooling of the head over places: average, generalized_mean or attention."""
    normalization: str = "none"
    """Normalisation of the pooled features: none, layer or unit (length 1)."""
    dropout: float = 0.2
    """Share of the pooled features that is dropped in training."""
    head: str = "linear"
    """Scores of the classes: linear, cosine or mlp."""
    head_units: int = 256
    """Depth of the hidden layer of an mlp head."""
    label_smoothing: float = 0.1
    """Share of the target that is spread over all classes."""

    schedule: str = "probe_then_tune"
    """What is trained when: probe (the head alone), probe_then_tune, gradual (from the top, group by group) or full."""
    probe_epochs: int = 10
    """Epochs in which the head alone is trained."""
    unfreeze_every: int = 1
    """Epochs after which gradual unfreezes another group of layers."""
    tune_rate: float = 1e-3
    """Learning rate of the network's last group of layers, and of the head beside it."""
    tune_groups: int = 3
    """Groups of layers that are ever unfrozen, from the top (efficientnet_lite has 9, others 8); 0: all."""
    layer_decay: float = 1.0
    """Learning rate of a group of layers as a fraction of that of the group above; 1 gives all the same."""
    tune_warmup_steps: int = 20
    """Steps over which the learning rate of a group rises once it is unfrozen."""
    freeze_statistics: bool = True
    """Leave the statistics of batch normalisation as they were learned; with random weights they are always learned."""
    l2_sp: float = 0.0
    """Strength of the pull of the network's weights to where they began (L2-SP, arXiv 1802.01483)."""

    baseline: str = "full,scratch"
    """Baselines trained in the same run: full (all of it from the first step), scratch (random weights), or none."""
    baseline_epochs: int = 6
    """Epochs of the baselines, which go through the whole network."""
    baseline_rate: float = 3e-4
    """Learning rate of full fine-tuning, all of the network alike."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if "/" in self.backbone and ":" not in self.backbone and not self.backbone.startswith("efficientnet_lite/"):
            ogbrain.layers.check(self.backbone, "image_encoder", "backbone")
        one_of("weights", self.weights, WEIGHTS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("pooling", self.pooling, POOLINGS)
        one_of("normalization", self.normalization, NORMALIZATIONS)
        one_of("head", self.head, HEADS)
        if self.image_size:
            between("image_size", self.image_size, 8, 2048)
        between("views", self.views, 1, 1000)
        at_least("per_class", self.per_class, 0)
        between("dropout", self.dropout, 0.0, 0.99)
        between("head_units", self.head_units, 1, 65536)
        between("label_smoothing", self.label_smoothing, 0.0, 0.9)
        at_least("probe_epochs", self.probe_epochs, 0)
        at_least("unfreeze_every", self.unfreeze_every, 1)
        at_least("tune_groups", self.tune_groups, 0)
        at_least("cache_megabytes", self.cache_megabytes, 0)
        between("tune_rate", self.tune_rate, 0.0, 10.0)
        between("layer_decay", self.layer_decay, 0.0, 1.0)
        at_least("tune_warmup_steps", self.tune_warmup_steps, 0)
        between("l2_sp", self.l2_sp, 0.0, 1e6)
        at_least("baseline_epochs", self.baseline_epochs, 1)
        between("baseline_rate", self.baseline_rate, 0.0, 10.0)
        if self.splits and (len(self.splits) != 3 or not all(self.splits)):
            raise UserError(
                f"config.splits: {self.splits} is not allowed; three TFDS splits: training, validation, test"
            )
        if self.weights == "random" and self.schedule == "probe":
            raise UserError("config.schedule: 'probe' is not allowed with random weights, which must be trained; full")
        for name in self.baselines:
            one_of("baseline", name, (*BASELINES, "none"))

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines by name; none is none."""
        names = (name.strip() for name in self.baseline.split(","))
        return tuple(name for name in names if name not in ("", "none"))
