"""Images at random places on a larger canvas, among pieces of other images."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from ogbrain.data.pipeline import Batch, Pipeline
from ogbrain.errors import UserError

SPLITS = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}


class ClutteredImages(Pipeline):
    """Translates and clutters the images of any image classification data set on the fly.

    Each image is put whole at a random place on a black canvas; then `clutter` square pieces, each
    cut at random out of another image of the same batch, are added at random places. Where
    pixels overlap, the brighter one stays. All draws come from the batch's own seed, so
    training never shows the same picture twice and an evaluation always shows the same ones.

    Batches hold `image`, `(batch, canvas, canvas, channels)` float32 in [0, 1], and whatever else the data set has,
    such as `label`.

    Example:
        >>> pipeline = ClutteredImages("fashion_mnist", canvas=60, clutter=4)
        >>> batch = next(iter(pipeline.batches("train", batch_size=128, training=True)))

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, arXiv 1406.6247, section 4.1,
        there with digits.
    """

    def __init__(
        self,
        dataset: str = "fashion_mnist",
        *,
        canvas: int = 60,
        clutter: int = 4,
        clutter_size: int = 8,
        splits: Mapping[str, str] | None = None,
        data_dir: str = "",
        **kwargs,
    ):
        """Declares the pipeline.

        Args:
            dataset: A data set with the feature `image`, all of one size.
            canvas: Sides of the canvas, in pixels.
            clutter: Pieces of other images added to each canvas.
            clutter_size: Sides of a piece, in pixels.
            splits: TFDS split strings for train, validation and test; default `SPLITS`.
            data_dir: The folder of data; the default is Ogbrain's.
            **kwargs: Passed on to `Pipeline`.
        """
        for name, value, least in (("canvas", canvas, 1), ("clutter", clutter, 0), ("clutter_size", clutter_size, 1)):
            if value < least:
                raise UserError(f"{name}: {value} is not allowed; a whole number from {least} on")
        super().__init__(
            dataset, splits=dict(splits or SPLITS), preprocess=[self._put_on_canvas], data_dir=data_dir, **kwargs
        )
        self.canvas = canvas
        self.clutter = clutter
        self.clutter_size = clutter_size

    def batches(self, split: str, **kwargs) -> tf.data.Dataset:
        """Returns batches as `Pipeline.batches` does, after a look at whether the images fit the canvas."""
        height, width = self.image_size
        if max(height, width) > self.canvas:
            raise UserError(
                f"canvas: {self.canvas} is too small for the {height}x{width} images of {self.info.name}; "
                f"from {max(height, width)} on"
            )
        check_clutter(self.clutter, self.clutter_size, self.info)
        return super().batches(split, **kwargs)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the data set's own images, in pixels."""
        return image_shape(self.info)[:2]

    def _put_on_canvas(self, batch: Batch, seed: tf.Tensor) -> Batch:
        image = clutter_images(
            batch["image"], seed, canvas=self.canvas, clutter=self.clutter, clutter_size=self.clutter_size
        )
        return {**batch, "image": image}


def image_shape(info: tfds.core.DatasetInfo) -> tuple[int, int, int]:
    """Returns height, width and channels of a data set's images.

    Raises:
        UserError: It has no images of one size.
    """
    shape: Any = info.features["image"].shape if "image" in info.features else ()
    if len(shape) != 3 or None in shape:
        raise UserError(f"data set {info.name!r} has no images of one size; its feature 'image' is: {shape or 'none'}")
    return shape


def check_clutter(clutter: int, clutter_size: int, info: tfds.core.DatasetInfo) -> None:
    """Raises a `UserError` where pieces are larger than what they are cut from."""
    height, width, _ = image_shape(info)
    if clutter and min(height, width) < clutter_size:
        raise UserError(
            f"clutter_size: {clutter_size} is larger than the {height}x{width} images of {info.name}; "
            f"up to {min(height, width)}"
        )


def clutter_images(images: tf.Tensor, seed: tf.Tensor, *, canvas: int, clutter: int, clutter_size: int) -> tf.Tensor:
    """Puts each image at a random place on a canvas, among pieces of the batch's other images.

    Args:
        images: `(batch, height, width, channels)` uint8, no larger than the canvas.
        seed: `(2,)` int32; the same seed gives the same result.
        canvas: Sides of the canvas, in pixels.
        clutter: Pieces added to each canvas.
        clutter_size: Sides of a piece, no larger than the images.

    Returns:
        `(batch, canvas, canvas, channels)` float32 in [0, 1].
    """
    batch = tf.shape(images)[0]
    height, width, channels = images.shape[1:]
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 7))
    numbers = tf.range(batch)

    def draw(seed: tf.Tensor, shape: tuple, count: int | tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seed, 0, count, dtype=tf.int32)

    place = block_indices(
        numbers,
        draw(seeds[0], (batch,), canvas - height + 1),
        draw(seeds[1], (batch,), canvas - width + 1),
        block=(height, width),
        image=(canvas, canvas),
    )
    targets, values = [tf.reshape(place, [-1])], [tf.reshape(images, [-1, channels])]
    if clutter:
        shape = (batch, clutter)
        # Any image but the picture's own; a batch of one has no other.
        other = (numbers[:, None] + 1 + draw(seeds[2], shape, tf.maximum(batch - 1, 1))) % batch
        block = (clutter_size, clutter_size)
        source = block_indices(
            other,
            draw(seeds[3], shape, height - clutter_size + 1),
            draw(seeds[4], shape, width - clutter_size + 1),
            block=block,
            image=(height, width),
        )
        target = block_indices(
            numbers[:, None],
            draw(seeds[5], shape, canvas - clutter_size + 1),
            draw(seeds[6], shape, canvas - clutter_size + 1),
            block=block,
            image=(canvas, canvas),
        )
        targets.append(tf.reshape(target, [-1]))
        values.append(tf.gather(values[0], tf.reshape(source, [-1])))
    black = tf.zeros((batch * canvas * canvas, channels), images.dtype)
    canvases = tf.tensor_scatter_nd_max(black, tf.concat(targets, 0)[:, None], tf.concat(values, 0))
    canvases = tf.reshape(canvases, (batch, canvas, canvas, channels))
    return tf.cast(canvases, tf.float32) / 255.0


def block_indices(
    numbers: tf.Tensor, tops: tf.Tensor, lefts: tf.Tensor, block: tuple[int, int], image: tuple[int, int]
) -> tf.Tensor:
    """Returns where the pixels of blocks lie in a row of all images' pixels.

    Args:
        numbers: Which image, int32, its shape that of `tops` or broadcast to it.
        tops: First row of each block.
        lefts: First column of each block.
        block: Height and width of the blocks.
        image: Height and width of the images.

    Returns:
        int32 of the shape of `tops` and the block's height and width.
    """
    rows = tops[..., None] + tf.range(block[0])
    columns = lefts[..., None] + tf.range(block[1])
    pixels = rows[..., :, None] * image[1] + columns[..., None, :]
    return numbers[..., None, None] * (image[0] * image[1]) + pixels
