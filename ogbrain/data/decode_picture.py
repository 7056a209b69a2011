"""An image file as numbers, in a graph."""

import tensorflow as tf

_ANIMATION = 2
"""Bit of a WebP file's flags, its 21st byte."""


def decode_picture(content: tf.Tensor) -> tf.Tensor:
    """Decodes a PNG, JPEG, BMP or WebP file, or the first frame of a GIF.

    Animated WebP is refused: TensorFlow's decoder writes beyond its memory there.

    Args:
        content: `()` string, the file.

    Returns:
        `(height, width, channels)` uint8, with the channels that the file has.

    Raises:
        tf.errors.InvalidArgumentError: It is none of these.
    """
    head = content + 21 * "\0"
    flags = tf.io.decode_raw(tf.strings.substr(head, 20, 1), tf.uint8)[0]
    extended = tf.strings.substr(head, 8, 8) == "WEBPVP8X"
    animated = tf.logical_and(extended, tf.bitwise.bitwise_and(flags, tf.constant(_ANIMATION, tf.uint8)) > 0)
    with tf.control_dependencies([tf.debugging.Assert(tf.logical_not(animated), ["an animated WebP cannot be read"])]):
        picture = tf.io.decode_image(tf.identity(content), channels=0, expand_animations=False)
    picture.set_shape((None, None, None))
    return picture
