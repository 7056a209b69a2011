"""Another optimizer for each group of weights."""

from collections.abc import Sequence

import keras
import tensorflow as tf


class GroupedOptimizer:
    """Updates groups of weights each with an optimizer of its own, so that each has its own learning rate and schedule.

    An optimizer counts only the steps in which weights of its group were given to `apply`: a group that is
    trained later begins its schedule and its moments then.

    Args:
        groups: Pairs of an optimizer and the weights it updates; the first one's learning rate goes into the logs.

    Example:
        >>> optimizer = GroupedOptimizer([(keras.optimizers.Adam(1e-3), head), (keras.optimizers.Adam(1e-5), backbone)])
        >>> optimizer.build(head + backbone)
        >>> optimizer.apply(gradients, head)
    """

    def __init__(self, groups: Sequence[tuple[keras.optimizers.Optimizer, Sequence[keras.Variable]]]):
        self.groups = [(optimizer, list(variables)) for optimizer, variables in groups if variables]
        self._places = {id(variable): number for number, (_, group) in enumerate(self.groups) for variable in group}
        if len(self._places) != sum(len(group) for _, group in self.groups):
            raise ValueError("a weight is in two groups")

    @property
    def learning_rate(self) -> tf.Tensor:
        """The first group's present learning rate."""
        return self.groups[0][0].learning_rate

    @property
    def variables(self) -> list[keras.Variable]:
        """What the optimizers remember, in the order of the groups."""
        return [variable for optimizer, _ in self.groups for variable in optimizer.variables]

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes what the optimizers remember of each weight.

        Raises:
            ValueError: A weight is in no group.
        """
        missing = [variable.path for variable in variables if id(variable) not in self._places]
        if missing:
            raise ValueError(f"in no group: {', '.join(missing)}")
        for optimizer, group in self.groups:
            optimizer.build(group)

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]) -> None:
        """Updates the weights that are given; the others stay as they are."""
        for number, (optimizer, _) in enumerate(self.groups):
            pairs = [
                (gradient, variable)
                for gradient, variable in zip(gradients, variables, strict=True)
                if self._places[id(variable)] == number
            ]
            if pairs:
                chosen, group = zip(*pairs, strict=True)
                optimizer.apply(list(chosen), list(group))
