"""Pictures of one size with their classes, as pretrained networks want them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.data.builders import builder
from ogbrain.errors import UserError

from .selected_examples import SelectedExamples

_STREAM = 0x7A57
"""Tells the random numbers of views from others of the same seed."""


@dataclasses.dataclass(frozen=True)
class FitPicture:
    """Makes the pictures of a data set, each of another size, into squares; run once for each, and kept."""

    size: int

    def __call__(self, example: dict) -> dict:
        """Returns the example with its `image` of `(size, size, 3)` uint8."""
        fitted = fit_picture(tf.constant(example["image"]), self.size)
        return {**example, "image": np.uint8(np.round(fitted.numpy()))}


def fit_picture(picture: tf.Tensor, size: int) -> tf.Tensor:
    """Makes pictures into squares of colour: transparency over white, the whole picture stretched.

    Args:
        picture: `(height, width, channels)` or `(batch, height, width, channels)`, uint8; grey or colour, with opacity
            or without.
        size: Height and width to make.

    Returns:
        `(..., size, size, 3)` float32 in [0, 255].
    """
    picture = tf.cast(picture, tf.float32)
    depth = tf.shape(picture)[-1]
    has_opacity = tf.logical_or(depth == 2, depth == 4)
    opacity = tf.where(has_opacity, picture[..., -1:] / 255.0, 1.0)
    colours = picture[..., : depth - tf.cast(has_opacity, tf.int32)] * opacity + 255.0 * (1.0 - opacity)
    shape = tf.concat([tf.shape(colours)[:-1], [3]], 0)
    resized = tf.image.resize(tf.broadcast_to(colours, shape), (size, size), antialias=True)
    return tf.clip_by_value(resized, 0.0, 255.0)


class ImageClasses(SelectedExamples):
    """Batches of `image`, `(batch, size, size, 3)` float32 in [0, 255], and `label`, `(batch,)` int64.

    A picture has views: view 0 is the picture itself; the others are cut out, mirrored and made lighter or darker at
    random, the same each time for one seed, example and view. In training, epoch `e` shows view `e % views`, or, with
    `views=0`, view `e + 1`: another one in each epoch. So what a network makes of the views can be kept
    (`FeatureCache`).

    Args:
        dataset: Data set with the feature `image`.
        size: Height and width, in pixels.
        views: Views of each picture in training; 0: no end of them.
        mirror: Whether pictures may be mirrored, which text and asymmetric signs do not bear.
        data_dir: Folder of all data.
        **kwargs: Those of `SelectedExamples`.

    Example:
        >>> batch = next(iter(ImageClasses("tuxpaint_stamps", size=128).batches("train", batch_size=8, training=True)))
    """

    def __init__(
        self,
        dataset: str = "tuxpaint_stamps",
        *,
        size: int = 128,
        views: int = 1,
        mirror: bool = True,
        data_dir: str = "",
        **kwargs,
    ):
        data = builder(dataset, data_dir)
        if "image" not in data.info.features:
            hint = "; it holds texts: --experiment=transfer/sentiment" if "text" in data.info.features else ""
            raise UserError(f"data set {data.info.full_name}: has no feature 'image'{hint}")
        fixed = None not in data.info.features["image"].shape
        super().__init__(
            dataset, features=["image"], prepare=[] if fixed else [FitPicture(size)], data_dir=data_dir, **kwargs
        )
        self.size, self.views, self.mirror = size, views, mirror

    def batches(self, split: str, **kwargs: Any) -> tf.data.Dataset:
        """Returns batches as `Pipeline.batches` does."""
        if not kwargs.get("training"):
            return self._views(split, _always(0), kwargs)
        epoch = self.steps_per_epoch(split, kwargs["batch_size"])

        def view(step: tf.Tensor) -> tf.Tensor:
            return (step // epoch) % self.views if self.views else step // epoch + 1

        return self._views(split, view, kwargs)

    def pass_over(self, split: str, *, view: int, batch_size: int, seed: int) -> tf.data.Dataset:
        """Returns one pass over a split in order, each picture in the same view."""
        return self._views(split, _always(view), {"batch_size": batch_size, "seed": seed})

    def _views(self, split: str, view: Callable[[tf.Tensor], tf.Tensor], kwargs: dict[str, Any]) -> tf.data.Dataset:
        seed = kwargs.get("seed", 0)
        last = int(self._indices(split).max())

        def make(batch: dict, numbered: tuple[tf.Tensor, tf.Tensor]) -> dict:
            step, numbers = numbered
            images, number = batch["image"], view(step)
            fits = images.shape[1:] == (self.size, self.size, 3)
            images = tf.cast(images, tf.float32) if fits else fit_picture(images, self.size)
            # One draw for all examples, of which each takes its row: a view depends on seed, example and number alone.
            key = tf.random.experimental.stateless_fold_in(tf.constant([seed, _STREAM], tf.int32), number)
            draws = tf.gather(tf.random.stateless_uniform([last + 1, 6], key), numbers)
            images = tf.cond(number == 0, lambda: images, lambda: augment(images, draws, self.mirror))
            label = self.renumbered(batch[self.label_feature])
            return {"image": tf.ensure_shape(images, (None, self.size, self.size, 3)), "label": label}

        plain = super().batches(split, **kwargs)
        options = tf.data.Options()
        options.deterministic = True
        return (
            tf.data.Dataset.zip(plain, self.example_numbers(split, **kwargs))
            .map(make, num_parallel_calls=2)
            .prefetch(2)
            .with_options(options)
        )


def augment(images: tf.Tensor, draws: tf.Tensor, mirror: bool) -> tf.Tensor:
    """Cuts 49 to 100 % of the area out of each picture, mirrors half of them, and changes brightness and contrast.

    Args:
        images: `(batch, size, size, 3)` float in [0, 255].
        draws: `(batch, 6)` uniform in [0, 1).
        mirror: Whether to mirror.

    Returns:
        Pictures of the same shape.
    """
    scale = 0.7 + 0.3 * draws[:, 0]
    top, left = draws[:, 1] * (1 - scale), draws[:, 2] * (1 - scale)
    bottom, right = top + scale, left + scale
    if mirror:
        flip = draws[:, 3] < 0.5
        left, right = tf.where(flip, right, left), tf.where(flip, left, right)
    boxes = tf.stack([top, left, bottom, right], 1)
    cut = tf.image.crop_and_resize(images, boxes, tf.range(tf.shape(images)[0]), images.shape[1:3])
    contrast = (0.8 + 0.4 * draws[:, 4])[:, None, None, None]
    light = (40.0 * (draws[:, 5] - 0.5))[:, None, None, None]
    return tf.clip_by_value((cut - 127.0) * contrast + 127.0 + light, 0.0, 255.0)


def _always(view: int) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda step: tf.constant(view, tf.int64)
