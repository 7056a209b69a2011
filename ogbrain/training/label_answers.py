"""What a classifier answers to a server's client."""

from collections.abc import Sequence

import tensorflow as tf


def label_answers(names: Sequence[str], probabilities: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the outputs of a classifier's signature, inside the graph.

    Args:
        names: The classes, in the order of the model's outputs.
        probabilities: `(batch, classes)`.

    Returns:
        `label`, `(batch,)`: the most probable class; `classes`, `(batch, classes)`: the names in order; and
        `probabilities`. The exporter makes the signature `classify` of them.

    Example:
        >>> label_answers(["cat", "dog"], tf.constant([[0.2, 0.8]]))["label"].numpy()
        array([b'dog'], dtype=object)
    """
    every = tf.constant(list(names))
    return {
        "label": tf.gather(every, tf.argmax(probabilities, -1)),
        "classes": tf.tile(every[tf.newaxis], [tf.shape(probabilities)[0], 1]),
        "probabilities": probabilities,
    }
