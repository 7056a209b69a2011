"""What was seen and where, joined into one vector."""

import math
from collections.abc import Sequence

import keras
from keras import ops


class GlimpseNetwork(keras.layers.Layer):
    """Encodes the patches of a glimpse together with its location.

    `g = relu(A relu(B patches) + C relu(D location))`: one hidden layer for what, one for
    where, and a sum, so that the code of an object carries its place. `A` and `C` are one
    dense layer over both hidden layers side by side, which is the same and one product fewer.

    With `filters`, convolutions see the patches first, those of all scales side by side as channels.

    Args:
        units: Depth of the output.
        patch_units: Depth of the hidden layer for the patches.
        location_units: Depth of the hidden layer for the location.
        filters: Depths of 4x4 convolutions before it, each of which halves the sides.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `patches`, `(batch, ...)` with a known number of values an example, and `locations`,
        `(batch, 2)`; left out, the centre. So it is an image encoder, too.

    Output: `(batch, units)` in the compute dtype.

    Example:
        >>> network = GlimpseNetwork(units=256)
        >>> network(np.ones((4, 3, 8, 8, 1)), np.zeros((4, 2))).shape
        TensorShape([4, 256])

    Reference: Mnih et al. 2014, arXiv 1406.6247, section 4, "Glimpse network"; with convolutions, Ba et al. 2015,
        arXiv 1412.7755, section 3.
    """

    def __init__(
        self,
        units: int = 256,
        patch_units: int = 128,
        location_units: int = 128,
        filters: Sequence[int] = (),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if any(depth < 1 for depth in filters):
            raise ValueError(f"filters must be at least 1, got {tuple(filters)}")
        self.units = units
        self.patch_units = patch_units
        self.location_units = location_units
        self.filters = tuple(filters)
        dtype = self.dtype_policy
        self.convolutions = [
            keras.layers.Conv2D(
                depth, 4, 2, padding="same", activation="relu", dtype=dtype, name=f"convolution_{number}"
            )
            for number, depth in enumerate(self.filters)
        ]
        self.flatten = keras.layers.Flatten(dtype=dtype)
        self.patch_hidden = keras.layers.Dense(patch_units, activation="relu", dtype=dtype, name="patch_hidden")
        self.location_hidden = keras.layers.Dense(
            location_units, activation="relu", dtype=dtype, name="location_hidden"
        )
        self.joined = keras.layers.Dense(units, activation="relu", dtype=dtype, name="joined")

    def build(self, patches_shape, locations_shape=None):
        """Builds the convolutions and the dense layers."""
        shape = patches_shape
        if self.filters and len(shape) == 5:
            batch, scales, height, width, channels = patches_shape
            shape = (batch, height, width, scales * channels)
        self._convolved = 0
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            self._convolved += shape[1] * shape[2] * math.prod(convolution.kernel.shape)
        self.patch_hidden.build(self.flatten.compute_output_shape(shape))
        self.location_hidden.build(locations_shape or (patches_shape[0], 2))
        self.joined.build((None, self.patch_units + self.location_units))
        super().build(patches_shape)

    def call(self, patches, locations=None):
        if locations is None:
            locations = ops.zeros((ops.shape(patches)[0], 2), self.compute_dtype)
        features = patches
        if self.filters and len(patches.shape) == 5:
            _, scales, height, width, channels = patches.shape
            features = ops.transpose(patches, (0, 2, 3, 1, 4))
            features = ops.reshape(features, (-1, height, width, scales * channels))
        for convolution in self.convolutions:
            features = convolution(features)
        what = self.patch_hidden(self.flatten(features))
        where = self.location_hidden(locations)
        return self.joined(ops.concatenate([what, where], axis=-1))

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one glimpse; the layer must be built."""
        dense = (self.patch_hidden, self.location_hidden, self.joined)
        return self._convolved + sum(math.prod(layer.kernel.shape) for layer in dense)

    def compute_output_shape(self, patches_shape, locations_shape=None):
        """Returns `(batch, units)`."""
        return (patches_shape[0], self.units)

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "units": self.units,
            "patch_units": self.patch_units,
            "location_units": self.location_units,
            "filters": list(self.filters),
        }
