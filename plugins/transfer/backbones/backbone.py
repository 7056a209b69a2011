"""A pretrained network, wherever it is from."""

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network that makes features of pictures.

    Attributes:
        model: From `(batch, height, width, 3)` float in [0, 255] to features, `(batch, height, width, depth)` or
            `(batch, depth)`. It has its preprocessing within.
        groups: Its layers from input to output, in groups that are unfrozen together; empty if it cannot be trained.
        size: Height and width of the pictures it was trained on, in pixels; 0 if not known.
        cuts: What comes out of each group, where nothing else goes past it; empty if not known.
    """

    model: keras.Model
    groups: Sequence[Sequence[keras.layers.Layer]]
    size: int = 0
    cuts: Sequence[keras.KerasTensor] = ()

    def split(self, above: int) -> tuple[keras.Model, keras.Model] | None:
        """Returns the network below and above a cut, which share its weights; None where it cannot be cut.

        Args:
            above: Groups above the cut.
        """
        if not self.cuts or not 0 < above < len(self.groups):
            return None
        cut = self.cuts[len(self.groups) - above - 1]
        return keras.Model(self.model.inputs[0], cut), keras.Model(cut, self.model.outputs[0])

    def variables(self, group: int) -> list[keras.Variable]:
        """Returns what can be trained of a group."""
        return [variable for layer in self.groups[group] for variable in layer.trainable_variables]


def even_groups(model: keras.Model, count: int = 8) -> list[list[keras.layers.Layer]]:
    """Returns a model's layers that can be trained in about so many groups of as many layers."""
    layers = [layer for layer in _leaves(model) if layer.trainable_variables]
    return (
        [part.tolist() for part in np.array_split(np.array(layers, dtype=object), min(count, len(layers)))]
        if layers
        else []
    )


def _leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    if isinstance(layer, keras.Model):
        return [leaf for inner in layer.layers for leaf in _leaves(inner)]
    return [layer]


def assign_weights(
    weights: Mapping[str, np.ndarray], variables: Mapping[str, tuple[keras.Variable, tuple[int, ...]]], source: str
) -> None:
    """Copies arrays into variables once all of them are known to fit.

    Args:
        weights: Arrays by name.
        variables: The variable that each name is for, and the order of axes that makes the array fit; () keeps it.
        source: Where the arrays are from, for the error.

    Raises:
        UserError: The first name that is missing or whose shape does not fit, with both shapes.
    """
    for name, (variable, axes) in variables.items():
        if name not in weights:
            raise UserError(f"weights of {source}: {name} of shape {tuple(variable.shape)} is missing")
        array = weights[name]
        shape = tuple(array.shape[axis] for axis in axes) if axes and array.ndim == len(axes) else array.shape
        if shape != tuple(variable.shape):
            raise UserError(f"weights of {source}: {name} has shape {shape}, the network needs {tuple(variable.shape)}")
        if not np.isfinite(array).all():
            raise UserError(f"weights of {source}: {name} holds numbers that are not finite")
    for name, (variable, axes) in variables.items():
        variable.assign(np.transpose(weights[name], axes) if axes else weights[name])
