"""Weights of an exported model in fewer bits."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.errors import UserError, unknown_name

PRECISIONS = ("float32", "bfloat16", "int8")
"""What weights may be kept as; all compute in float32."""

MIN_SIZE = 256
"""Weights with fewer elements stay as they are: they cost nothing."""


class Weights:
    """A model's weights as they are exported.

    `bfloat16` keeps the matrices' first 16 bits. `int8` keeps 8 bits and a scale for each output, the
    last axis: `w = q * max|w| / 127`, symmetric (Jacob et al. 2018, arXiv 1712.05877, equation 1 with zero point 0).
    Vectors, and weights of fewer than 256 elements, stay float32.

    Args:
        model: The model.
        precision: `"float32"`, `"bfloat16"` or `"int8"`.

    Raises:
        UserError: There is no such precision, or the model has nothing to keep in it.

    Example:
        >>> weights = Weights(model, "int8")
        >>> with weights.rounded():
        ...     experiment.evaluate("test")   # as good as the exported model
    """

    def __init__(self, model: keras.Model, precision: str):
        if precision not in PRECISIONS:
            raise unknown_name("--precision", precision, PRECISIONS)
        self.precision = precision
        self._parts: list[tuple[Any, tf.Variable, tf.Variable | None]] = []
        if precision == "float32":
            return
        for variable in model.weights:
            if len(variable.shape) < 2 or int(np.prod(variable.shape)) < MIN_SIZE or variable.dtype != "float32":
                continue
            value = variable.numpy()
            if precision == "bfloat16":
                self._parts.append((variable, tf.Variable(tf.cast(value, tf.bfloat16), trainable=False), None))
            else:
                scale = np.max(np.abs(value), axis=tuple(range(value.ndim - 1)), keepdims=True) / 127.0
                scale = np.where(scale == 0, 1.0, scale).astype(np.float32)
                kept = np.clip(np.rint(value / scale), -127, 127).astype(np.int8)
                self._parts.append((variable, tf.Variable(kept, trainable=False), tf.Variable(scale, trainable=False)))
        if not self._parts:
            raise UserError(f"--precision={precision}: the model has no weights that this makes smaller; float32")

    @property
    def variables(self) -> list[tf.Variable]:
        """What stands for the weights in the exported model."""
        return [variable for _, kept, scale in self._parts for variable in (kept, scale) if variable is not None]

    @property
    def replaced(self) -> set[int]:
        """`id()` of the Keras variables that `variables` stand for."""
        return {id(variable) for variable, _, _ in self._parts}

    @contextlib.contextmanager
    def rounded(self) -> Iterator[None]:
        """Gives the model, while entered, the values that the exported one computes with."""
        before = [variable.numpy() for variable, _, _ in self._parts]
        try:
            for variable, kept, scale in self._parts:
                variable.assign(_restored(kept, scale))
            yield
        finally:
            for (variable, _, _), value in zip(self._parts, before, strict=True):
                variable.assign(value)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that computes as `function` does, from the weights in fewer bits."""
        if not self._parts:
            return function

        def computed(*arguments: Any, **keywords: Any) -> Any:
            values = [(variable, _restored(kept, scale)) for variable, kept, scale in self._parts]
            with keras.StatelessScope(state_mapping=values):
                return function(*arguments, **keywords)

        return computed


def _restored(kept: tf.Variable, scale: tf.Variable | None) -> tf.Tensor:
    value = tf.cast(kept, tf.float32)
    return value if scale is None else value * scale
