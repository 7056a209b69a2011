"""Learning where to look from what it was worth."""

import tensorflow as tf


def glimpse_returns(probabilities: tf.Tensor, labels: tf.Tensor, reward: str) -> tf.Tensor:
    """Returns what followed from each chosen place.

    `"final"`: 1 for a right answer after the last glimpse, as in the paper. `"gain"`: the mean probability of the right
    label over the glimpses from this one on, less the probability before it. How hard an image is shows
    in both terms and cancels out, so the gradient has the same mean as with the
    first term alone and much less noise.

    Args:
        probabilities: `(batch, glimpses, classes)` after each glimpse.
        labels: `(batch,)` integers.
        reward: `"gain"` or `"final"`.

    Returns:
        `(batch, glimpses - 1)` float32, a constant in the gradient; the first place was not chosen.
    """
    if reward == "final":
        right = tf.cast(tf.argmax(probabilities[:, -1], -1, output_type=labels.dtype) == labels, tf.float32)
        returns = tf.repeat(right[:, None], probabilities.shape[1] - 1, 1)
    else:
        known = tf.gather(probabilities, labels, axis=2, batch_dims=1)
        left = tf.range(probabilities.shape[1] - 1, 0, -1, dtype=tf.float32)
        returns = tf.cumsum(known[:, 1:], axis=1, reverse=True) / left - known[:, :-1]
    return tf.stop_gradient(returns)


def reinforce(returns: tf.Tensor, baselines: tf.Tensor, log_probs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the two losses of REINFORCE with a learned baseline.

    The advantages are divided by their standard deviation, so the policy's step does not
    shrink as rewards do.

    Args:
        returns: `(batch, choices)`, what followed from each choice.
        baselines: `(batch, choices)`, what was to be expected before it.
        log_probs: `(batch, choices)`, log-density of each choice.

    Returns:
        A scalar whose gradient in the policy is the REINFORCE estimate (none reaches the
        baselines), and the mean squared error of the baselines.

    Reference: Williams 1992; arXiv 1406.6247, equation 3.
    """
    returns = tf.stop_gradient(returns)
    advantages = returns - tf.stop_gradient(baselines)
    advantages /= tf.math.reduce_std(advantages) + 1e-3
    policy_loss = -tf.reduce_mean(tf.reduce_sum(log_probs * advantages, 1))
    return policy_loss, tf.reduce_mean(tf.square(returns - baselines))
