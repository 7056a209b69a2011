"""Keras optimizers and learning-rate schedules from an `OptimizerConfig`."""

import math

import keras
import tensorflow as tf
from keras import ops

from ogbrain.config import OptimizerConfig
from ogbrain.training.adam import Adam


@keras.saving.register_keras_serializable(package="ogbrain")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0, then a decay from the peak to a fraction of it.

    Args:
        peak: Learning rate at the end of the warm-up.
        warmup_steps: Steps of the warm-up.
        total_steps: Steps of the whole run, warm-up included.
        decay: `"constant"`, `"cosine"`, `"linear"` or `"exponential"`.
        final_fraction: Learning rate after `total_steps` as a fraction of the peak.

    Example:
        >>> float(WarmupDecay(1e-3, 10, 110, "cosine")(60))
        0.0005
    """

    def __init__(self, peak: float, warmup_steps: int, total_steps: int, decay: str, final_fraction: float = 0.0):
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.decay = decay
        self.final_fraction = final_fraction

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warmup = ops.minimum(1.0, (step + 1.0) / (self.warmup_steps + 1.0))
        progress = ops.clip((step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps), 0.0, 1.0)
        if self.decay == "constant":
            factor = 1.0
        elif self.decay == "exponential":
            factor = ops.exp(progress * math.log(self.final_fraction))
        else:
            shape = 0.5 * (1.0 + ops.cos(math.pi * progress)) if self.decay == "cosine" else 1.0 - progress
            factor = self.final_fraction + (1.0 - self.final_fraction) * shape
        return self.peak * warmup * factor

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "decay": self.decay,
            "final_fraction": self.final_fraction,
        }


def build_optimizer(config: OptimizerConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """Builds the optimizer that the config names.

    Clipping is left to the training step: under a strategy it must see the gradients
    of all replicas added up.

    Args:
        config: Name, rates and schedule.
        total_steps: Steps of the whole run, over which the schedule decays.
    """
    rate: float | WarmupDecay = config.learning_rate
    if config.schedule != "constant" or config.warmup_steps:
        rate = WarmupDecay(
            config.learning_rate, config.warmup_steps, total_steps, config.schedule, config.final_fraction
        )
    decay = config.weight_decay or None
    if config.name == "sgd":
        nesterov = config.momentum > 0
        return keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=nesterov, weight_decay=decay)
    if config.name == "rmsprop":
        return keras.optimizers.RMSprop(rate, momentum=config.momentum, weight_decay=decay)
    return Adam(rate, weight_decay=decay)  # decoupled, so that with a decay it is AdamW


def clip(gradients: list[tf.Tensor], clip_norm: float) -> list[tf.Tensor]:
    """Scales gradients down to a global norm of `clip_norm` across all replicas; 0 leaves them as they are."""
    if not clip_norm:
        return gradients
    replicas = tf.distribute.get_replica_context()
    count = replicas.num_replicas_in_sync
    if count > 1:
        # Keras adds the replicas' gradients up once more, hence the division.
        gradients = [gradient / count for gradient in replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)]
        clip_norm = clip_norm / count
    return tf.clip_by_global_norm(gradients, clip_norm)[0]
