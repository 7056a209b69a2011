"""Several images on one canvas, to be told from left to right."""

from collections.abc import Mapping

import tensorflow as tf

from ogbrain.data.pipeline import Batch, Pipeline
from ogbrain.errors import UserError

from .cluttered_images import block_indices, check_clutter

SPLITS = {"train": "train", "validation": "validation", "test": "test"}


class ManyImages(Pipeline):
    """Puts `least` to `most` images of a batch on each canvas, made on the fly.

    The first of a canvas' images is its own, so an evaluation shows every image; the others are any of the batch. Their
    middles are at least `spacing` pixels apart from left to right, uniformly among all such places, at any height; then
    come square pieces of other images. Where pixels overlap, the brighter one stays. All draws come from the batch's
    own seed.

    Batches hold `image`, `(batch, canvas, canvas, channels)` float32 in [0, 1], and `labels`, `(batch, most + 1)`
    int32: the classes from left to right, then the end mark, which is the number of classes. With `addition` they are
    `(batch, 2)`: the sum and the end mark, which is the number of possible sums.

    Example:
        >>> pipeline = ManyImages("mnist_digits", least=1, most=5, clutter=4)
        >>> batch = next(iter(pipeline.batches("train", batch_size=128, training=True)))

    Reference: Ba et al. 2015, arXiv 1412.7755, section 4.1.
    """

    def __init__(
        self,
        dataset: str = "mnist_digits",
        *,
        canvas: int = 100,
        least: int = 2,
        most: int = 2,
        spacing: int = 20,
        clutter: int = 0,
        clutter_size: int = 8,
        addition: bool = False,
        turn: float = 0.0,
        resize: float = 0.0,
        splits: Mapping[str, str] | None = None,
        data_dir: str = "",
        **kwargs,
    ):
        """Declares the pipeline.

        Args:
            dataset: A data set of small images of one size with labels.
            canvas: Sides of the canvas, in pixels.
            least: Fewest images on a canvas.
            most: Most images on a canvas.
            spacing: Least distance between neighbours, in pixels; what an image has more than that may overlap.
            clutter: Pieces of other images added.
            clutter_size: Sides of a piece, in pixels.
            addition: Whether the label is the sum of the classes.
            turn: Each image is turned by up to so many radians, either way.
            resize: Each image is enlarged or shrunk by up to this share.
            splits: TFDS split strings for train, validation and test; default `SPLITS`.
            data_dir: The folder of data; the default is Ogbrain's.
            **kwargs: Passed on to `Pipeline`.
        """
        if not 1 <= least <= most:
            raise UserError(f"least: {least} is not allowed; from 1 to most, which is {most}")
        if most * spacing > canvas:
            raise UserError(
                f"canvas: {canvas} is too small for {most} images {spacing} apart; from {most * spacing} on"
            )
        super().__init__(
            dataset, splits=dict(splits or SPLITS), preprocess=[self._arrange], data_dir=data_dir, **kwargs
        )
        self.canvas, self.least, self.most, self.spacing = canvas, least, most, spacing
        self.clutter, self.clutter_size = clutter, clutter_size
        self.addition, self.turn, self.resize = addition, turn, resize

    def batches(self, split: str, **kwargs) -> tf.data.Dataset:
        """Returns batches as `Pipeline.batches` does, after a look at the size of the images."""
        check_clutter(self.clutter, self.clutter_size, self.info)
        return super().batches(split, **kwargs)

    @property
    def label_names(self) -> list[str]:
        """Names of the labels, in order, the end mark last."""
        names = self.info.features["label"].names
        if self.addition:
            names = [str(total) for total in range(self.most * (len(names) - 1) + 1)]
        return [*names, "end"]

    @property
    def length(self) -> int:
        """Labels of a canvas, with the end mark."""
        return (1 if self.addition else self.most) + 1

    def _arrange(self, batch: Batch, seed: tf.Tensor) -> Batch:
        images, classes = batch["image"], tf.cast(batch["label"], tf.int32)
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 9))
        count = tf.shape(images)[0]
        numbers = tf.range(count)[:, None]
        height, width, channels = images.shape[1:]
        margin = max(0, max(height, width) - self.spacing)
        side = self.canvas + margin

        def draw(seed: tf.Tensor, size: int, limit: int | tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_uniform((count, size), seed, 0, limit, tf.int32)

        things = draw(seeds[0], 1, self.most - self.least + 1) + self.least
        order = tf.range(self.most)[None]
        present = order < things
        others = draw(seeds[1], self.most - 1, count)
        # The own image stands at any place of the row, not always first.
        shift = draw(seeds[2], 1, 2**30) % things
        chosen = tf.concat([numbers, others], 1)
        chosen = tf.gather(chosen, tf.where(present, (order + shift) % things, order), axis=1, batch_dims=1)
        share = tf.random.stateless_uniform((count, self.most), seeds[3])
        share = tf.sort(tf.where(present, share, 1.0), axis=1)
        free = tf.cast(self.canvas - things * self.spacing + 1, tf.float32)
        lefts = tf.minimum(tf.cast(share * free, tf.int32), self.canvas - things * self.spacing) + order * self.spacing
        tops = draw(seeds[4], self.most, self.canvas - self.spacing + 1)
        drawn = tf.gather(images, tf.reshape(chosen, [-1]))
        if self.turn or self.resize:
            drawn = _distort(drawn, seeds[5], self.turn, self.resize)
        drawn = tf.reshape(drawn, (count, self.most, height, width, channels))
        drawn = tf.where(present[..., None, None, None], drawn, tf.zeros_like(drawn))
        lefts = tf.where(present, lefts, 0)
        places = block_indices(numbers, tops, lefts, (height, width), (side, side))
        targets, values = [tf.reshape(places, [-1])], [tf.reshape(drawn, [-1, channels])]
        if self.clutter:
            size = self.clutter_size
            corners = tf.unstack(tf.random.experimental.stateless_split(seeds[6], 5))
            source = block_indices(
                draw(corners[0], self.clutter, count),
                draw(corners[1], self.clutter, height - size + 1),
                draw(corners[2], self.clutter, width - size + 1),
                (size, size),
                (height, width),
            )
            target = block_indices(
                numbers,
                draw(corners[3], self.clutter, side - size + 1),
                draw(corners[4], self.clutter, side - size + 1),
                (size, size),
                (side, side),
            )
            targets.append(tf.reshape(target, [-1]))
            values.append(tf.gather(tf.reshape(images, [-1, channels]), tf.reshape(source, [-1])))
        black = tf.zeros((count * side * side, channels), images.dtype)
        canvas = tf.tensor_scatter_nd_max(black, tf.concat(targets, 0)[:, None], tf.concat(values, 0))
        canvas = tf.reshape(canvas, (count, side, side, channels))
        half = margin // 2
        canvas = canvas[:, half : half + self.canvas, half : half + self.canvas]
        told = tf.gather(classes, chosen)
        end = len(self.label_names) - 1
        if self.addition:
            told = tf.reduce_sum(tf.where(present, told, 0), 1, keepdims=True)
        else:
            told = tf.where(present, told, end)
        labels = tf.concat([told, tf.fill((count, 1), end)], 1)
        return {"image": tf.cast(canvas, tf.float32) / 255.0, "labels": labels}


def _distort(images: tf.Tensor, seed: tf.Tensor, turn: float, resize: float) -> tf.Tensor:
    """Returns uint8 images, each turned and enlarged about its middle by its own draw."""
    count = tf.shape(images)[0]
    turns, sizes = tf.unstack(tf.random.stateless_uniform((2, count), seed, -1.0, 1.0))
    scale = 1.0 / (1.0 + resize * sizes)
    cosine, sine = scale * tf.cos(turn * turns), scale * tf.sin(turn * turns)
    middle_y, middle_x = (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2
    zero = tf.zeros_like(cosine)
    transforms = tf.stack(
        [
            cosine, -sine, middle_x - cosine * middle_x + sine * middle_y,
            sine, cosine, middle_y - sine * middle_x - cosine * middle_y, zero, zero,
        ],
        1,
    )  # fmt: skip
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
