"""What a loop has written, as one tensor."""

import tensorflow as tf


def stacked(array: tf.TensorArray, shape: tf.Tensor) -> tf.Tensor:
    """Stacks what an array holds, as `array.stack()` does, also if that is nothing and the static shape has gaps.

    Args:
        array: The array.
        shape: The shape of an element, `(rank,)` int32.

    Returns:
        Of shape `(elements, *shape)`.
    """
    known = array.element_shape
    if tf.executing_eagerly() or known.is_fully_defined():
        return array.stack()
    tensor = tf.raw_ops.TensorListStack(input_handle=array.flow, element_shape=shape, element_dtype=array.dtype,
                                        num_elements=-1)
    return tf.ensure_shape(tensor, tf.TensorShape([None]).concatenate(known))
