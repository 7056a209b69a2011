"""What was seen and where, joined into one vector."""

import keras
from keras import ops


class GlimpseNetwork(keras.layers.Layer):
    """Encodes the patches of a glimpse together with its location.

    `g = relu(A relu(B patches) + C relu(D location))`: one hidden layer for what, one for
    where, and a sum, so that the code of an object carries its place. `A` and `C` are one
    dense layer over both hidden layers side by side, which is the same and one product fewer.

    Args:
        units: Depth of the output.
        patch_units: Depth of the hidden layer for the patches.
        location_units: Depth of the hidden layer for the location.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `patches`, `(batch, ...)` with a known number of values an example, and `locations`,
        `(batch, 2)`; left out, the centre. So it is an image encoder, too.

    Output: `(batch, units)` in the compute dtype.

    Example:
        >>> network = GlimpseNetwork(units=256)
        >>> network(np.ones((4, 3, 8, 8, 1)), np.zeros((4, 2))).shape
        TensorShape([4, 256])

    Reference: Mnih et al. 2014, arXiv 1406.6247, section 4, "Glimpse network".
    """

    def __init__(self, units: int = 256, patch_units: int = 128, location_units: int = 128, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.patch_units = patch_units
        self.location_units = location_units
        dtype = self.dtype_policy
        self.flatten = keras.layers.Flatten(dtype=dtype)
        self.patch_hidden = keras.layers.Dense(patch_units, activation="relu", dtype=dtype, name="patch_hidden")
        self.location_hidden = keras.layers.Dense(
            location_units, activation="relu", dtype=dtype, name="location_hidden"
        )
        self.joined = keras.layers.Dense(units, activation="relu", dtype=dtype, name="joined")

    def build(self, patches_shape, locations_shape=None):
        """Builds the dense layers."""
        self.patch_hidden.build(self.flatten.compute_output_shape(patches_shape))
        self.location_hidden.build(locations_shape or (patches_shape[0], 2))
        self.joined.build((None, self.patch_units + self.location_units))
        super().build(patches_shape)

    def call(self, patches, locations=None):
        if locations is None:
            locations = ops.zeros((ops.shape(patches)[0], 2), self.compute_dtype)
        what = self.patch_hidden(self.flatten(patches))
        where = self.location_hidden(locations)
        return self.joined(ops.concatenate([what, where], axis=-1))

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
        }
