"""The kernel of the neural dictionary."""

from keras import ops


def inverse_distance_value(queries, keys, values, delta: float, present=None):
    """Returns the mean of the values, each weighted by how near its key is.

    The weight of a key `h_i` for a query `h` is `1 / (||h - h_i||^2 + delta)` over the sum of these (equations 1, 2 and
    5 of Pritzel et al., 2017, arXiv:1703.01988). All three inputs get gradients.

    Args:
        queries: `(batch, depth)`.
        keys: `(batch, neighbors, depth)`.
        values: `(batch, neighbors)`.
        delta: What keeps the weight of a key equal to the query finite.
        present: bool `(batch, neighbors)`: which neighbours count; left out, all.

    Returns:
        `(batch,)`; 0 where no neighbour counts.
    """
    weights = 1 / (ops.sum(ops.square(queries[:, None] - keys), -1) + delta)
    if present is not None:
        weights = weights * ops.cast(present, weights.dtype)
    total = ops.sum(weights, -1)
    return ops.sum(weights * values, -1) / ops.where(total > 0, total, 1.0)
