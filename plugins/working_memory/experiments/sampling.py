"""Drawing the next token."""

import tensorflow as tf


def draw(logits: tf.Tensor, temperature: tf.Tensor, nucleus: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws from the likeliest tokens that make up a part of the probability (Holtzman et al., arXiv 1904.09751).

    Args:
        logits: Of shape `(batch, tokens)`.
        temperature: Scalar; 0 takes the likeliest token.
        nucleus: Scalar in (0, 1]: the part of the probability; 1 draws from all tokens.
        seed: Of shape `(2,)`, int32.

    Returns:
        Of shape `(batch,)`, int32.
    """
    best = tf.argmax(logits, -1, output_type=tf.int32)
    scaled = tf.cast(logits, tf.float32) / tf.maximum(temperature, 1e-6)
    order = tf.argsort(scaled, direction="DESCENDING")
    likely = tf.gather(scaled, order, batch_dims=1)
    # What lies before a token is less than the nucleus: the likeliest token always stays.
    before = tf.cumsum(tf.nn.softmax(likely), axis=-1, exclusive=True)
    likely = tf.where(before < nucleus, likely, -1e9)
    drawn = tf.random.stateless_categorical(likely, 1, seed, dtype=tf.int32)
    return tf.where(temperature > 0, tf.gather(order, drawn, batch_dims=1)[:, 0], best)
