"""Target networks."""

import keras


class TargetNetwork:
    """What a network was some updates ago, to value what follows: values that chase themselves run away.

    Args:
        network: What is learned.
        copy: A model like it, set to it now and then.
        every: Updates between two copies.

    Attributes:
        model: The copy.
        updates: How many were counted.

    Source: Mnih et al., 2015, doi:10.1038/nature14236.

    Example:
        >>> target = TargetNetwork(network, keras.models.clone_model(network), every=500)
        >>> target.count(2)
    """

    def __init__(self, network: keras.Model, copy: keras.Model, every: int):
        self.model, self.updates = copy, 0
        self._network, self._every = network, every
        self._copy()

    def count(self, updates: int) -> None:
        """Counts updates, and copies when it is time."""
        before, self.updates = self.updates, self.updates + updates
        if before // self._every != self.updates // self._every:
            self._copy()

    def _copy(self) -> None:
        for copy, variable in zip(self.model.variables, self._network.variables, strict=True):
            copy.assign(variable)
