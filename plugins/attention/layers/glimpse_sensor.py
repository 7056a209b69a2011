"""A retina: several crops around one point, each twice as wide and half as sharp."""

import keras
import tensorflow as tf
from keras import ops


class GlimpseSensor(keras.layers.Layer):
    """Cuts concentric crops around a location out of each image.

    Crop `k` is a square with sides of `patch_size * 2**k` pixels, averaged down to
    `(patch_size, patch_size)`: sharp in the middle, coarse around it. Only the
    pixels of the widest crop are read, so the cost does not depend on the size of
    the image. What lies outside the image reads as zero.

    Locations are `(y, x)` pairs. `(-1, -1)` is the upper left corner of the image,
    `(0, 0)` its centre, `(1, 1)` its lower right corner; any float is allowed, and
    far enough outside there is nothing to see. A crop starts at a whole pixel: the
    location is rounded to the nearest one that can be the middle, so moving it by less
    than one pixel may change nothing, and the output has no gradient in the location. With `soft=True` it is
    interpolated linearly between the nearest pixels instead, and has one. No gradient reaches the image.

    Args:
        patch_size: Sides of the patches that come out, in pixels.
        scales: Number of concentric crops.
        soft: Whether to interpolate, so that the output has a gradient in the location.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `images`, `(batch, height, width, channels)` of any float or integer type and
        any size, and `locations`, `(batch, 2)` float.

    Output: `(batch, scales, patch_size, patch_size, channels)` in the compute dtype,
        the sharpest crop first.

    Example:
        >>> sensor = GlimpseSensor(patch_size=8, scales=3)
        >>> sensor(np.ones((1, 60, 60, 1)), np.zeros((1, 2))).shape
        TensorShape([1, 3, 8, 8, 1])

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, arXiv 1406.6247,
        section 3.1 and figure 1A; with `soft`, Jaderberg et al. 2015, Spatial Transformer Networks, arXiv 1506.02025,
        equation 5, for translations.
    """

    def __init__(self, patch_size: int = 8, scales: int = 3, soft: bool = False, **kwargs):
        # bfloat16 locations would be off by several pixels, so inputs are not cast on the way in.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if patch_size < 1 or scales < 1:
            raise ValueError(f"patch_size and scales must be at least 1, got {patch_size} and {scales}")
        self.patch_size = patch_size
        self.scales = scales
        self.soft = soft

    def build(self, images_shape, locations_shape):
        """Checks the shapes; there are no weights."""
        if len(images_shape) != 4:
            raise ValueError(f"images must be (batch, height, width, channels), got {tuple(images_shape)}")
        if len(locations_shape) != 2 or locations_shape[-1] != 2:
            raise ValueError(f"locations must be (batch, 2), got {tuple(locations_shape)}")
        super().build(images_shape)

    def call(self, images, locations):
        images = ops.convert_to_tensor(images)
        crop, left = self._widest_crop(images, ops.cast(locations, "float32"))
        return ops.stack([self._patch(crop, left, scale) for scale in range(self.scales)], axis=1)

    def _widest_crop(self, images, locations):
        """Reads a crop of `(batch, side, side, channels)` around each location, and the parts of a pixel left.

        A soft sensor reads a row and a column more.
        """
        batch, height, width, channels = ops.shape(images)
        side = self.patch_size * 2 ** (self.scales - 1)
        rows, row_inside, down = self._span(locations[:, 0], height, side)
        columns, column_inside, right = self._span(locations[:, 1], width, side)
        indices = rows[:, :, None] * width + columns[:, None, :]
        read = rows.shape[1]
        # keras.ops.take has no batch dimensions, and take_along_axis copies the whole image.
        pixels = tf.gather(
            ops.reshape(images, (batch, height * width, channels)),
            ops.reshape(indices, (batch, read * read)),
            batch_dims=1,
        )
        # A gradient of the whole image would cost as much as reading all of it.
        pixels = ops.stop_gradient(ops.reshape(pixels, (batch, read, read, channels)))
        pixels = ops.cast(pixels, self.compute_dtype)
        inside = ops.logical_and(row_inside[:, :, None], column_inside[:, None, :])
        left = [ops.cast(part, self.compute_dtype)[:, None, None, None] for part in (down, right)]
        return ops.where(inside[..., None], pixels, ops.zeros_like(pixels)), left

    def _span(self, position, size, side):
        """Returns the indices along one axis, `(batch, side)`, which are in the image, and the part of a pixel left.

        A soft sensor reads one more.
        """
        start = (position + 1) / 2 * ops.cast(size, "float32") - side / 2
        # Wild locations must not overflow the integers: just outside is as good as far away.
        start = ops.clip(start, -float(side + 1), ops.cast(size, "float32"))
        whole = ops.stop_gradient(ops.floor(start) if self.soft else ops.round(start))
        indices = ops.cast(whole, "int32")[:, None] + ops.arange(side + self.soft, dtype="int32")
        inside = ops.logical_and(indices >= 0, indices < size)
        return ops.clip(indices, 0, size - 1), inside, start - whole

    def _patch(self, crop, left, scale):
        """Averages the middle of the widest crop down to one patch."""
        factor = 2**scale
        side = self.patch_size * factor
        start = (crop.shape[1] - side) // 2
        end = start + side + self.soft
        patch = crop[:, start:end, start:end]
        for axis, part in zip((1, 2), left, strict=True):
            patch = self._average(patch, axis, factor, part)
        return patch

    def _average(self, pixels, axis, factor, part):
        """Averages along one axis, interpolated between blocks that begin at a pixel and at the next one.

        To interpolate means is the same as to take means of what is interpolated, and there are fewer of them.
        """
        side = self.patch_size * factor
        shape = (-1, *pixels.shape[1:axis], self.patch_size, factor, *pixels.shape[axis + 1 :])

        def means(start):
            span = pixels[(slice(None),) * axis + (slice(start, start + side),)]
            return ops.mean(ops.reshape(span, shape), axis=axis + 1) if factor > 1 else span

        return means(0) * (1 - part) + means(1) * part if self.soft else means(0)

    def compute_output_shape(self, images_shape, locations_shape):
        """Returns `(batch, scales, patch_size, patch_size, channels)`."""
        return (images_shape[0], self.scales, self.patch_size, self.patch_size, images_shape[-1])

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "patch_size": self.patch_size, "scales": self.scales, "soft": self.soft}
