"""A coarse look at the whole image, before the first glimpse."""

import keras
from keras import ops

from .place_attention import middles


class ContextNetwork(keras.layers.Layer):
    """Makes an initial state out of a small version of the image.

    The image is averaged down to `size` by `size`: each cell is the mean of the part of the image that it covers, so
    any size of image is taken, of one pixel too. Convolutions and a dense layer make a vector of it, and so does the
    mean place of each of their features: a softmax over the cells weighs where it is found. The vector says where
    things may be, and the image is too coarse to tell what they are.

    Args:
        units: Depth of the output.
        size: Sides of the small version, in cells.
        filters: Depths of the 3x3 convolutions; every one but the first halves the sides.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `images`, `(batch, height, width, channels)`.

    Output: `(batch, units)` in the compute dtype, each in (-1, 1), as the state of an LSTM is.

    Example:
        >>> ContextNetwork(units=128)(np.ones((4, 100, 80, 1))).shape
        TensorShape([4, 128])

    Reference: Ba et al. 2015, Multiple Object Recognition with Visual Attention, arXiv 1412.7755, section 3,
        "Context network"; the mean places are those of Levine et al. 2016, End-to-End Training of Deep Visuomotor
        Policies, arXiv 1504.00702, section 5.1.
    """

    def __init__(self, units: int = 128, size: int = 24, filters: tuple[int, ...] = (8, 16), **kwargs):
        # Averages over many pixels are taken in float32; the convolutions cast what they get.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if units < 1 or size < 1 or any(depth < 1 for depth in filters):
            raise ValueError(f"units, size and filters must be at least 1, got {units}, {size} and {filters}")
        self.units = units
        self.size = size
        self.filters = tuple(filters)
        self.convolutions = [
            keras.layers.Conv2D(
                depth,
                3,
                strides=1 if number == 0 else 2,
                padding="same",
                activation="relu",
                dtype=self.dtype_policy,
                name=f"convolution_{number}",
            )
            for number, depth in enumerate(self.filters)
        ]
        self.flatten = keras.layers.Flatten(dtype=self.dtype_policy)
        self.summary = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy, name="summary")

    def build(self, images_shape):
        """Builds the convolutions and the dense layer."""
        if len(images_shape) != 4:
            raise ValueError(f"images must be (batch, height, width, channels), got {tuple(images_shape)}")
        shape = (images_shape[0], self.size, self.size, images_shape[-1])
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
        self.map_shape = shape
        self.summary.build((images_shape[0], self.flatten.compute_output_shape(shape)[-1] + 2 * shape[-1]))
        super().build(images_shape)

    def call(self, images):
        return self.summarize(self.map_of(images))

    def map_of(self, images):
        """Returns the last convolution's features, `(batch, rows, columns, depth)`."""
        features = self.shrink(images)
        for convolution in self.convolutions:
            features = convolution(features)
        return features

    def summarize(self, features):
        """Returns the vector of a map, `(batch, units)`."""
        return self.summary(ops.concatenate([self.flatten(features), self._mean_places(features)], axis=-1))

    def _mean_places(self, features):
        """Returns the mean row and column of each feature, `(batch, 2 * depth)`, from -1 to 1 as locations are."""
        rows, columns, depth = features.shape[1:]
        logits = ops.reshape(ops.cast(features, "float32"), (-1, rows * columns, depth))
        places = ops.reshape(middles(rows, columns), (-1, 2))
        means = ops.einsum("bpd,pa->bad", ops.softmax(logits, axis=1), places)
        return ops.cast(ops.reshape(means, (-1, 2 * depth)), self.compute_dtype)

    def shrink(self, images):
        """Returns the image averaged down, `(batch, size, size, channels)` in the compute dtype."""
        images = ops.cast(ops.convert_to_tensor(images), "float32")
        rows, columns = (_cells(self.size, length) for length in ops.shape(images)[1:3])
        small = ops.einsum("rh,bhwc->brwc", rows, images)
        return ops.cast(ops.einsum("cw,brwd->brcd", columns, small), self.compute_dtype)

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one image after the averaging; the layer must be built."""
        side, total = self.size, 0
        for number, convolution in enumerate(self.convolutions):
            side = side if number == 0 else -(-side // 2)
            total += side * side * _size(convolution.kernel)
        return total + _size(self.summary.kernel)

    def compute_output_shape(self, images_shape):
        """Returns `(batch, units)`."""
        return (images_shape[0], self.units)

    def compute_output_spec(self, images):
        """Returns shape and dtype."""
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype=self.compute_dtype)

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "units": self.units, "size": self.size, "filters": list(self.filters)}


def _cells(count, length):
    """Returns the share of each of `length` pixels in each cell, `(count, length)` float32, rows of sum 1."""
    width = ops.cast(length, "float32") / count
    starts = ops.cast(ops.arange(count, dtype="int32"), "float32")[:, None] * width
    pixels = ops.cast(ops.arange(length, dtype="int32"), "float32")[None, :]
    covered = ops.minimum(starts + width, pixels + 1) - ops.maximum(starts, pixels)
    return ops.maximum(covered, 0.0) / width


def _size(weight) -> int:
    total = 1
    for size in weight.shape:
        total *= size
    return total
