"""How weights are updated."""

import dataclasses

from ogbrain.config import checks

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "linear", "exponential")


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer, its learning-rate schedule and gradient clipping."""

    name: str = "adam"
    """Optimizer: adam, adamw, sgd (with Nesterov momentum) or rmsprop."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    schedule: str = "constant"
    """Learning rate over the run after warm-up: constant, cosine or linear (to final_fraction), or exponential."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from 0."""
    final_fraction: float = 0.0
    """Learning rate at the end of the run as a fraction of its peak; exponential needs more than 0."""
    momentum: float = 0.9
    """Momentum of sgd and rmsprop."""
    weight_decay: float = 0.0
    """Decoupled weight decay, as in AdamW."""
    clip_norm: float = 0.0
    """Largest global norm of the gradients; 0 does not clip."""

    def __post_init__(self) -> None:
        checks.one_of("optimizer.name", self.name, OPTIMIZERS)
        checks.one_of("optimizer.schedule", self.schedule, SCHEDULES)
        checks.between("optimizer.learning_rate", self.learning_rate, 0.0, 1e3)
        checks.at_least("optimizer.warmup_steps", self.warmup_steps, 0)
        checks.between("optimizer.final_fraction", self.final_fraction, 0.0, 1.0)
        checks.between("optimizer.momentum", self.momentum, 0.0, 1.0)
        checks.at_least("optimizer.weight_decay", self.weight_decay, 0.0)
        checks.at_least("optimizer.clip_norm", self.clip_norm, 0.0)
        if self.schedule == "exponential" and self.final_fraction == 0.0:
            checks.between("optimizer.final_fraction", self.final_fraction, 1e-6, 1.0)
