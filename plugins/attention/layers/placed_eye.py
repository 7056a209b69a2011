"""Any image encoder as the eye of a glimpse."""

import keras
from keras import ops

import ogbrain


class PlacedEye(keras.layers.Layer):
    """Encodes the patches of a glimpse with a layer of any plugin, and adds where they are: `relu(eye(p) + D l)`.

    The patches of all scales are one picture to the eye, side by side as channels.

    Args:
        eye: Registered name of a layer of the kind `image_encoder`.
        units: Depth of the output.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `patches`, `(batch, scales, size, size, channels)`, and `locations`, `(batch, 2)`.

    Output: `(batch, units)` in the compute dtype.

    Example:
        >>> PlacedEye("attention/glimpse_network", units=256)(np.ones((4, 3, 8, 8, 1)), np.zeros((4, 2))).shape
        TensorShape([4, 256])
    """

    def __init__(self, eye: str, units: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.eye = eye
        self.units = units
        dtype = self.dtype_policy
        self.encoder = ogbrain.layers.get(eye, kind="image_encoder")(units=units, dtype=dtype, name="encoder")
        self.place = keras.layers.Dense(units, dtype=dtype, name="place")

    def build(self, patches_shape, locations_shape):
        """Builds both parts."""
        batch, scales, height, width, channels = patches_shape
        self.encoder.build((batch, height, width, scales * channels))
        self.place.build(locations_shape)

    def call(self, patches, locations):
        _, scales, height, width, channels = patches.shape
        picture = ops.reshape(ops.transpose(patches, (0, 2, 3, 1, 4)), (-1, height, width, scales * channels))
        return ops.relu(self.encoder(picture) + self.place(locations))

    def compute_output_shape(self, patches_shape, locations_shape):
        """Returns `(batch, units)`."""
        return (patches_shape[0], self.units)

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {**super().get_config(), "eye": self.eye, "units": self.units}
