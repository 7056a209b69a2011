"""Runs a function of one example on every example of a batch."""

from collections.abc import Callable

import tensorflow as tf

Batch = dict[str, tf.Tensor]


def per_example(function: Callable[[Batch, tf.Tensor], Batch]) -> Callable[[Batch, tf.Tensor], Batch]:
    """Makes a preprocess function of a pipeline from a function of one example.

    A function of the whole batch is faster; this is for what has no batched op.

    Args:
        function: `(example, seed) -> example`: tensors without the batch dimension and a seed, `(2,)` int32, that is
            another one for each example.

    Returns:
        The function of a batch.

    Example:
        >>> def crop(example, seed):
        ...     image = tf.image.stateless_random_crop(example["image"], (24, 24, 1), seed)
        ...     return {**example, "image": image}
        >>> Pipeline("fashion_mnist", splits={"train": "train"}, preprocess=[per_example(crop)])
    """

    def run(batch: Batch, seed: tf.Tensor) -> Batch:
        count = tf.shape(next(iter(batch.values())))[0]
        seeds = tf.random.stateless_uniform([count, 2], seed, minval=None, maxval=None, dtype=tf.int32)
        example = {name: tf.TensorSpec(value.shape[1:], value.dtype) for name, value in batch.items()}
        traced = tf.function(function).get_concrete_function(example, tf.TensorSpec([2], tf.int32))
        signature = {
            name: tf.TensorSpec(shape, traced.output_dtypes[name]) for name, shape in traced.output_shapes.items()
        }
        return tf.map_fn(lambda pair: function(*pair), (batch, seeds), fn_output_signature=signature)

    return run
