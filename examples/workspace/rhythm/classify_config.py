"""Config of the experiment; imports no TensorFlow."""

import dataclasses

from ogbrain.config import ExperimentConfig, OptimizerConfig, at_least, one_of


@dataclasses.dataclass(frozen=True)
class ClassifyConfig(ExperimentConfig):
    """Tells pictures apart."""

    epochs: int = 3
    """Passes over the training data."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-3)
    """The optimizer."""
    units: int = 64
    """Units of the memory."""
    baseline: str = "plain"
    """What is trained in the same run to compare with: plain or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least("units", self.units, 1)
        one_of("baseline", self.baseline, ("plain", "none"))
