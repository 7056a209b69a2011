"""Connectionist temporal classification: the loss."""

import tensorflow as tf

BLANK = 0


def ctc_loss(labels: tf.Tensor, logits: tf.Tensor, label_length: tf.Tensor, logit_length: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood of labels, summed over all alignments (Graves et al. 2006), in nats.

    A row whose labels do not fit into its frames (`length + repeats > frames`) has no alignment: its loss would be
    infinite. It gives 0 and no gradient; `feasible` tells which rows these are.

    Args:
        labels: Of shape `(batch, characters)`, ints from 1 on; what lies past the length is ignored.
        logits: Of shape `(batch, frames, classes)`; class 0 is the blank.
        label_length: Of shape `(batch,)`.
        logit_length: Of shape `(batch,)`.

    Returns:
        Of shape `(batch,)`, float32, never negative, infinite or NaN for finite logits.

    Example:
        >>> ctc_loss(tf.constant([[1, 2]]), tf.zeros((1, 3, 3)), tf.constant([2]), tf.constant([3]))
    """
    labels, label_length, logit_length = (tf.cast(tensor, tf.int32) for tensor in (labels, label_length, logit_length))
    logits = tf.cast(logits, tf.float32)
    fits = feasible(labels, label_length, logit_length) & (logit_length > 0)
    # What is in no label is blank throughout. Such rows, and those without an alignment, whose loss and gradient could
    # be infinite, are computed as one frame of one label: the op takes no row without labels.
    silent = tf.where(tf.sequence_mask(logit_length, tf.shape(logits)[1]), tf.nn.log_softmax(logits)[..., BLANK], 0.0)
    spoken = fits & (label_length > 0)
    length = tf.where(spoken, label_length, 1)
    labels = tf.where(spoken[:, None], tf.pad(labels, [[0, 0], [0, 1]]), 1)
    place = tf.where(tf.sequence_mask(length, tf.shape(labels)[1]))
    sparse = tf.SparseTensor(place, tf.gather_nd(labels, place), tf.shape(labels, tf.int64))
    # Not keras.ops.ctc_loss, which takes 4 to 25 times as long on a processor.
    loss = tf.nn.ctc_loss(sparse, tf.pad(logits, [[0, 0], [0, 1], [0, 0]]), None, tf.where(spoken, logit_length, 1),
                          logits_time_major=False, blank_index=BLANK)
    loss = tf.where(spoken, loss, -tf.reduce_sum(silent, 1))
    return tf.where(fits, tf.maximum(loss, 0.0), 0.0)


def feasible(labels: tf.Tensor, label_length: tf.Tensor, logit_length: tf.Tensor) -> tf.Tensor:
    """Tells which rows have at least one alignment: a blank must stand between equal neighbours.

    Args:
        labels: Of shape `(batch, characters)`.
        label_length: Of shape `(batch,)`.
        logit_length: Of shape `(batch,)`.

    Returns:
        Of shape `(batch,)`, bool.
    """
    pairs = tf.sequence_mask(label_length - 1, tf.maximum(tf.shape(labels)[1] - 1, 0))
    same = (labels[:, 1:] == labels[:, :-1]) & pairs
    repeats = tf.reduce_sum(tf.cast(same, label_length.dtype), 1)
    return label_length + repeats <= logit_length
