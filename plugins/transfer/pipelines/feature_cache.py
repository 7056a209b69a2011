"""What a frozen network makes of pictures, computed once."""

import copy
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from .image_classes import ImageClasses


class FeatureCache:
    """Training batches of features in place of pictures, in the order and views in which the pictures would come.

    While the network is frozen its features of a picture never change; so each view goes through it once, and an
    epoch costs no more than its head. It has the `batches` of a pipeline.

    Args:
        pictures: The pictures, with a finite number of views.
        encode: From pictures, `(batch, size, size, 3)`, to features by name, `(batch, ...)` each.
        batch_size: Pictures to encode at a time.
        seed: The run's seed.

    Example:
        >>> cache = FeatureCache(pictures, lambda images: {"features": network(images)}, batch_size=64, seed=0)
        >>> batch = next(iter(cache.only("features").batches("train", batch_size=32, seed=0, training=True)))
        >>> batch["features"].shape
        (32, 1280)
    """

    def __init__(
        self,
        pictures: ImageClasses,
        encode: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
        batch_size: int,
        seed: int,
    ):
        if not pictures.views:
            raise ValueError("no end of views cannot be kept")
        start = time.perf_counter()
        self._pictures = pictures
        parts: dict[str, list[np.ndarray]] = {}
        for view in range(pictures.views):
            for batch in pictures.pass_over("train", view=view, batch_size=batch_size, seed=seed):
                for name, value in {"label": batch["label"], **encode(batch["image"])}.items():
                    parts.setdefault(name, []).append(value.numpy())
        numbers = np.concatenate(
            [n.numpy() for _, n in pictures.example_numbers("train", batch_size=batch_size, seed=seed)]
        )
        self._count = len(numbers)
        places = np.zeros(numbers.max() + 1, np.int64)
        places[numbers] = np.arange(self._count)
        with tf.device("CPU:0"):
            self._places = tf.constant(places)
            # A row for each view of each picture, view after view.
            self._values = {name: tf.constant(np.concatenate(values)) for name, values in parts.items()}
        self.seconds = time.perf_counter() - start
        """How long it took to compute."""
        self._names = tuple(self._values)

    def only(self, *names: str) -> "FeatureCache":
        """Returns the same cache, whose batches hold these features alone beside the label."""
        chosen = copy.copy(self)
        chosen._names = (*names, "label")
        return chosen

    def batches(
        self,
        split: str,
        *,
        batch_size: int,
        seed: int = 0,
        start_step: int = 0,
        training: bool = True,
        shard: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        """Returns batches of features and `label` from a step on; the arguments are those of `Pipeline.batches`."""
        pictures = self._pictures
        epoch = pictures.steps_per_epoch(split, batch_size)
        numbers = pictures.example_numbers(
            split, batch_size=batch_size, seed=seed, start_step=start_step, training=training, shard=shard
        )

        def batch(step: tf.Tensor, wanted: tf.Tensor) -> dict[str, tf.Tensor]:
            view = (step // epoch) % pictures.views
            rows = view * self._count + tf.gather(self._places, wanted)
            return {name: tf.gather(self._values[name], rows) for name in self._names}

        options = tf.data.Options()
        options.deterministic = True
        return numbers.map(batch, num_parallel_calls=1).prefetch(4).with_options(options)
