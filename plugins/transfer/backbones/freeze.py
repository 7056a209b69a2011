"""Networks whose weights will not change, made faster."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

_MOST = 2**30
"""Bytes of weights that are made constants: a graph holds no more than two gigabytes."""


def freeze(
    function: Callable[[tf.Tensor], tf.Tensor], given: tf.TensorSpec, variables: Sequence[keras.Variable]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a function of the weights as they are now, which later changes leave alone.

    Once the weights are constants, TensorFlow multiplies what normalises into the convolutions before it.

    Args:
        function: From a tensor to a tensor.
        given: What it takes.
        variables: The weights it reads. Those that are spread over devices, or that take too much memory, stay
            variables: the function is then the same, and no faster.

    Example:
        >>> features = freeze(network, tf.TensorSpec((None, 128, 128, 3)), network.variables)
    """
    traced = tf.function(function, input_signature=[given])
    spread = any(isinstance(variable.value, tf.distribute.DistributedValues) for variable in variables)
    if spread or sum(4 * int(np.prod(variable.shape)) for variable in variables) > _MOST:
        return traced
    constant = convert_variables_to_constants_v2(traced.get_concrete_function())
    return lambda tensor: constant(tensor)[0]
