"""The fields that the config of every experiment has."""

import dataclasses

from ogbrain.config import checks
from ogbrain.config.data_config import DataConfig
from ogbrain.config.optimizer_config import OptimizerConfig

PRECISIONS = ("float32", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class ExperimentConfig:
    """Base of every experiment's config: override fields, add fields, check them in `__post_init__`.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class GlimpseConfig(ExperimentConfig):
        ...     glimpses: int = 6
        ...     '''Number of glimpses of each image.'''
    """

    seed: int = 0
    """Seed of the weights, the order of the data and all that is drawn; the same seed gives the same run."""
    epochs: int = 10
    """Passes over the training data."""
    steps_per_epoch: int = 0
    """Training steps in an epoch; 0 takes all the data. Agents count environment steps."""
    evaluation_steps: int = 0
    """Batches in an evaluation; 0 takes the whole split."""
    batch_size: int = 128
    """Examples in a training step, over all devices."""
    precision: str = "float32"
    """Arithmetic: float32 or mixed_bfloat16; weights stay float32."""
    xla: bool = False
    """Compile the training step with XLA."""
    early_stopping_patience: int = 0
    """Epochs without a better validation metric after which the run stops; 0 never stops early."""
    log_every: int = 50
    """Steps between two records of the training metrics."""
    checkpoint_seconds: float = 60.0
    """Longest time between two checkpoints; one is written after an epoch too, once ten seconds have passed."""
    tensorboard_graph: bool = False
    """Write the graph of the training step for TensorBoard (slow for large models)."""
    data: DataConfig = DataConfig()
    """The data set."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """The optimizer."""

    def __post_init__(self) -> None:
        checks.between("seed", self.seed, 0, 2**31 - 1)
        checks.at_least("epochs", self.epochs, 1)
        checks.at_least("steps_per_epoch", self.steps_per_epoch, 0)
        checks.at_least("evaluation_steps", self.evaluation_steps, 0)
        checks.at_least("batch_size", self.batch_size, 1)
        checks.one_of("precision", self.precision, PRECISIONS)
        checks.at_least("early_stopping_patience", self.early_stopping_patience, 0)
        checks.at_least("log_every", self.log_every, 1)
        checks.at_least("checkpoint_seconds", self.checkpoint_seconds, 0.0)
