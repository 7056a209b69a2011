"""Logits and their cross-entropy in one."""

import tensorflow as tf

_ROWS = 1024


def linear_cross_entropy(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, targets: tf.Tensor,
                         weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the cross-entropy of `softmax(inputs @ kernel + bias)`, with its gradient at once.

    The logits of a few rows at a time are made, used for loss and gradient while they are in the processor's cache, and
    dropped: with a large vocabulary they are by far the largest tensor of a model. Products are done in the dtype of
    the inputs, all else in float32. Second derivatives are not defined.

    Args:
        inputs: Of shape `(..., depth)`; differentiated.
        kernel: Of shape `(depth, size)`, float32; differentiated.
        bias: Of shape `(size,)`, float32; differentiated.
        targets: Of shape `(...)`, int32 from 0 to `size - 1`.
        weights: Of shape `(...)`, float32: how much each position counts.

    Returns:
        The weighted sum of the cross-entropies in nats, scalar, and each of them, of shape `(...)`, without a gradient.

    Example:
        >>> loss, each = linear_cross_entropy(hidden, kernel, bias, targets, tf.ones_like(targets, tf.float32))
    """
    depth = inputs.shape[-1]

    @tf.custom_gradient
    def run(inputs, kernel, bias):
        flat = tf.reshape(inputs, [-1, depth])
        matrix = tf.cast(kernel, inputs.dtype)
        rows = flat.shape[0] or 0
        sizes = [_ROWS] * (rows // _ROWS) + [rows % _ROWS] * (rows % _ROWS > 0)
        whole = [flat, tf.reshape(targets, [-1]), tf.reshape(weights, [-1])]
        # A number of rows that is not known beforehand makes one piece.
        pieces = zip(*(tf.split(tensor, sizes) for tensor in whole), strict=True) if len(sizes) > 1 else [whole]
        each, d_inputs, d_kernel, d_bias = [], [], tf.zeros_like(kernel), tf.zeros_like(bias)
        for x, target, weight in pieces:
            entropy, d_logits, d_sum = _softmax(tf.matmul(x, matrix), bias, target, weight)
            each.append(entropy)
            d_inputs.append(tf.matmul(d_logits, matrix, transpose_b=True))
            d_kernel += tf.cast(tf.matmul(x, d_logits, transpose_a=True), kernel.dtype)
            d_bias += d_sum
        each = tf.reshape(tf.concat(each, 0), tf.shape(targets))
        d_inputs = tf.reshape(tf.concat(d_inputs, 0), tf.shape(inputs))

        def gradient(d_loss, d_each):
            del d_each
            return tf.cast(d_loss, inputs.dtype) * d_inputs, d_loss * d_kernel, d_loss * d_bias

        return (tf.reduce_sum(each * weights), each), gradient

    loss, each = run(inputs, kernel, bias)
    return loss, tf.stop_gradient(each)


@tf.function(jit_compile=True)
def _softmax(logits, bias, target, weight):
    """Returns the cross-entropies, their gradient of the logits, and the sum of that over the rows."""
    dtype, logits = logits.dtype, tf.cast(logits, tf.float32) + bias
    logits -= tf.reduce_max(logits, -1, keepdims=True)
    exponentials = tf.exp(logits)
    total = tf.reduce_sum(exponentials, -1, keepdims=True)
    right = target[:, None] == tf.range(tf.shape(logits)[1])
    entropy = tf.math.log(total[:, 0]) - tf.reduce_sum(tf.where(right, logits, 0.0), -1)
    weight = weight[:, None]
    gradient = exponentials * (weight / total) - tf.where(right, weight, 0.0)
    return entropy, tf.cast(gradient, dtype), tf.reduce_sum(gradient, 0)
