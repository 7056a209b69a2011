"""A network as it was before it was trained further."""

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from ..backbones.freeze import freeze


class FirstWeights:
    """What a network made of pictures with its first weights, and whether it still does.

    The network is `rest` after `trunk`: what is above a cut after what is below it. Without a cut `trunk` is all of
    it.

    Args:
        model: The network, with its first weights.
        halves: The network below and above the cut; they share its weights.
        reduce: What is done with its features before they are kept.
        pictures: What it takes.
    """

    def __init__(
        self,
        model: keras.Model,
        halves: tuple[keras.Model, keras.Model] | None,
        reduce: Callable[[tf.Tensor], tf.Tensor],
        pictures: tf.TensorSpec,
    ):
        self._model, self._reduce, self._pictures = model, reduce, pictures
        self._below: keras.Model = halves[0] if halves else model
        self._above: keras.Model | None = halves[1] if halves else None
        # Copied: what `numpy()` gives may be the memory that training writes to.
        self._pairs = [(variable, tf.constant(variable.numpy().copy())) for variable in model.variables]
        above = {id(variable) for variable in self._above.variables} if self._above else set()
        parts = [[pair for pair in self._pairs if (id(pair[0]) in above) == upper] for upper in (False, True)]
        self._equal = tf.function(lambda: [_equal(part) for part in parts])

    def unchanged(self) -> tuple[bool, bool]:
        """Returns whether all weights below the cut, and all above it, are what they were."""
        below, above = self._equal()
        return bool(below), bool(above)

    def distance(self) -> tf.Tensor:
        """Returns half the squared distance of the weights that can be trained from where they began."""
        trained = {id(variable) for variable in self._model.trainable_variables}
        return tf.add_n([tf.nn.l2_loss(variable - begun) for variable, begun in self._pairs if id(variable) in trained])

    @functools.cached_property
    def trunk(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """From pictures to what goes over the cut; to be asked for while what is below is unchanged."""
        return self._frozen(self._below, self._pictures, reduced=self._above is None)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the pooled features of pictures; to be asked for while all is unchanged."""
        return self._upper(self.trunk(images)) if self._above else self.trunk(images)

    def parts(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `features`, and if there is a cut, `trunk`."""
        trunk = self.trunk(images)
        return {"trunk": trunk, "features": self._upper(trunk)} if self._above else {"features": trunk}

    @functools.cached_property
    def rest(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """From what goes over the cut to pooled features, with the weights of the moment."""
        return tf.function(self._function(self._above, reduced=True), input_signature=[self._over_the_cut()])

    @functools.cached_property
    def _upper(self) -> Callable[[tf.Tensor], tf.Tensor]:
        return self._frozen(self._above, self._over_the_cut(), reduced=True)

    def _over_the_cut(self) -> tf.TensorSpec:
        return tf.TensorSpec(self._below.compute_output_shape(self._pictures.shape), self._below.outputs[0].dtype)

    def _frozen(self, model: keras.Model, given: tf.TensorSpec, reduced: bool) -> Callable[[tf.Tensor], tf.Tensor]:
        return freeze(self._function(model, reduced), given, model.variables)

    def _function(self, model: keras.Model, reduced: bool) -> Callable[[tf.Tensor], tf.Tensor]:
        def function(tensor: tf.Tensor) -> tf.Tensor:
            made = model(tensor, training=False)
            return self._reduce(made) if reduced else made

        return function


def _equal(pairs: list[tuple[keras.Variable, tf.Tensor]]) -> tf.Tensor:
    return tf.reduce_all([True, *(tf.reduce_all(tf.equal(*pair)) for pair in pairs)])
