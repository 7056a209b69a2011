"""Which groups of layers are trained when, and how fast."""

import dataclasses
from collections.abc import Sequence

import keras
from keras import ops

from ogbrain.training.grouped_optimizer import GroupedOptimizer
from ogbrain.training.optimizers import build_optimizer

from .images_config import ImagesConfig


@keras.saving.register_keras_serializable(package="ogbrain.transfer")
class TwoRates(keras.optimizers.schedules.LearningRateSchedule):
    """One learning rate schedule up to a step, another from there on.

    Args:
        first: A number or a schedule.
        second: A number or a schedule that counts from `change`.
        change: The step.
    """

    def __init__(self, first, second, change: int):
        self.first, self.second, self.change = first, second, change

    def __call__(self, step):
        step = ops.cast(step, "float32")
        first, second = _rate(self.first, step), _rate(self.second, ops.maximum(step - self.change, 0.0))
        return ops.where(step < self.change, first, second)

    def get_config(self):
        return {"first": self.first, "second": self.second, "change": self.change}


def tuned_groups(config: ImagesConfig, groups: int) -> int:
    """Returns how many of a network's groups of layers are ever unfrozen, from the top."""
    return min(config.tune_groups or groups, groups) if config.schedule != "probe" else 0


class Unfreezing:
    """The plan of a run: the head from the first step, groups of layers from later ones, each at its own rate.

    The number of a stage is how many groups, from the top, are trained beside the head.

    Args:
        config: The experiment's config.
        steps_per_epoch: Steps in an epoch.
        head: Weights of the head.
        groups: Weights of each group of layers, from input to output.

    Example:
        >>> plan = Unfreezing(config, 20, head, groups)
        >>> plan.stage(0), plan.stage(20 * config.probe_epochs)
        (0, 9)
    """

    def __init__(
        self,
        config: ImagesConfig,
        steps_per_epoch: int,
        head: Sequence[keras.Variable],
        groups: Sequence[Sequence[keras.Variable]],
    ):
        self._config, self._epoch = config, steps_per_epoch
        self._head, self._groups = list(head), [list(group) for group in groups]
        self._tuned_groups = tuned_groups(config, len(groups))

    def starts(self) -> list[int]:
        """Returns the step at which each stage from the first on begins: the first is when one group is unfrozen."""
        config, count = self._config, self._tuned_groups
        if config.schedule == "probe":
            return []
        if config.schedule == "full":
            return [0] * count
        first = config.probe_epochs * self._epoch
        if config.schedule == "probe_then_tune":
            return [first] * count
        return [first + number * config.unfreeze_every * self._epoch for number in range(count)]

    def stage(self, step: int) -> int:
        """Returns the stage that a step belongs to."""
        return sum(step >= start for start in self.starts())

    def variables(self, stage: int) -> list[keras.Variable]:
        """Returns the weights that a stage trains."""
        unfrozen = self._groups[len(self._groups) - stage :]
        return [*self._head, *(variable for group in unfrozen for variable in group)]

    def rate(self, stage: int) -> float:
        """Returns the peak learning rate of the group that a stage unfreezes."""
        return self._config.tune_rate * self._config.layer_decay ** (stage - 1)

    def build_optimizer(self) -> GroupedOptimizer:
        """Returns an optimizer for the head and one for each group; each schedule ends with the run."""
        config, total = self._config, self._config.epochs * self._epoch
        starts = self.starts()
        change = min(starts[0], total) if starts else total
        head = build_optimizer(config.optimizer, max(1, change))
        if change < total:
            tuned = build_optimizer(self._tuned(config.tune_rate), total - change)
            head.learning_rate = TwoRates(_schedule(head), _schedule(tuned), change)
        pairs = [(head, self._head)]
        for stage, start in enumerate(starts, 1):
            pairs.append((build_optimizer(self._tuned(self.rate(stage)), max(1, total - start)), self._groups[-stage]))
        # Never updated, but every weight of the model has its place.
        never = self._groups[: len(self._groups) - self._tuned_groups]
        pairs += [(keras.optimizers.SGD(0.0, momentum=0.0), group) for group in never]
        return GroupedOptimizer(pairs)

    def _tuned(self, rate: float):
        return dataclasses.replace(
            self._config.optimizer, learning_rate=rate, warmup_steps=self._config.tune_warmup_steps
        )


def _schedule(optimizer: keras.optimizers.Optimizer):
    """Returns the optimizer's schedule, or its constant learning rate."""
    schedule = optimizer._learning_rate
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return schedule
    return float(ops.convert_to_numpy(schedule))


def _rate(schedule, step):
    return schedule(step) if callable(schedule) else schedule
