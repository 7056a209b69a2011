"""What neighbours make of a query."""

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


def mean_value(queries, keys, values, present):
    """Returns the value of the first key where it is the query, to a millionth, else the mean of the values.

    Args:
        queries: `(batch, depth)`.
        keys: `(batch, neighbors, depth)`, nearest first.
        values: `(batch, neighbors)`.
        present: bool `(batch, neighbors)`: which neighbours count.

    Returns:
        `(batch,)`; 0 where no neighbour counts.
    """
    nearest = keys[:, 0]
    tolerance = 1e-6 * ops.maximum(ops.max(ops.abs(nearest), -1), 1.0)
    found = ops.logical_and(ops.max(ops.abs(queries - nearest), -1) <= tolerance, present[:, 0])
    weights = ops.cast(present, values.dtype)
    mean = ops.sum(weights * values, -1) / ops.maximum(ops.sum(weights, -1), 1.0)
    return ops.where(found, values[:, 0], mean)
