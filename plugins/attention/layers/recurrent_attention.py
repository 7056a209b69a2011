"""The recurrent attention core: look, remember, decide where to look next, again."""

import math

import keras
from keras import ops

from .glimpse_network import GlimpseNetwork
from .glimpse_sensor import GlimpseSensor
from .location_policy import LocationPolicy
from .placed_eye import PlacedEye

CORES = ("simple", "lstm")
PLACES = ("learned", "random")
FIRST_PLACES = ("centre", "random")


class RecurrentAttention(keras.layers.Layer):
    """Takes a number of glimpses of an image and sums them up in a recurrent state.

    At each glimpse the sensor reads patches at the location, the glimpse network encodes
    them, the core updates its state, and the policy draws the next location from that state.
    The location is a constant in the glimpse network's gradient, as in the paper. The policy's gradient goes on
    into the state (equation 2; by section 2.3 it trains the location network alone), unless `policy_shapes_state` is
    false: then the state learns from the loss on it alone. The loop is unrolled: it is meant for tens of
    glimpses, not hundreds.

    Args:
        glimpses: Number of glimpses.
        patch_size: Sides of the sensor's patches, in pixels.
        scales: Number of the sensor's concentric crops.
        units: Depth of the state and of the glimpse code.
        patch_units: Depth of the glimpse network's hidden layer for patches.
        location_units: Depth of its hidden layer for the location.
        core: `"simple"`, `h = relu(W h + U g + b)`, or `"lstm"`.
        places: `"learned"`, by the policy, or `"random"`, uniform over the image.
        first_place: `"centre"` of the image, or `"random"`.
        stddev: Standard deviation of the policy.
        policy_units: Depth of a hidden layer in the policy; 0 for none.
        policy_shapes_state: Whether the gradient of `log_probs` reaches the core and the glimpse network.
        seed: Seed of all the draws; None for a random one.
        eye: Registered name of an image encoder that takes the glimpse network's place; empty for none.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `images`, `(batch, height, width, channels)`. With `sample=False` nothing is drawn: each
        location is the mean of the policy, and random places are the same ones each time, for all images.

    Output: A dict of
        `states`, `(batch, glimpses, units)` in the compute dtype, the state after each glimpse;
        `locations`, `(batch, glimpses, 2)` float32, where each glimpse was taken;
        `log_probs`, `(batch, glimpses)` float32, log-density of each location under the policy, zero
        where the policy did not choose (always for the first).

    Example:
        >>> outputs = RecurrentAttention(glimpses=6, seed=1)(np.zeros((2, 60, 60, 1), "float32"))
        >>> outputs["locations"].shape
        TensorShape([2, 6, 2])

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, arXiv 1406.6247, section 3.
    """

    def __init__(
        self,
        glimpses: int = 6,
        patch_size: int = 8,
        scales: int = 3,
        units: int = 256,
        patch_units: int = 128,
        location_units: int = 128,
        core: str = "simple",
        places: str = "learned",
        first_place: str = "centre",
        stddev: float = 0.1,
        policy_units: int = 0,
        policy_shapes_state: bool = True,
        seed: int | None = None,
        eye: str = "",
        **kwargs,
    ):
        # The sensor needs locations and pixels as they are; it casts what it has read.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if glimpses < 1:
            raise ValueError(f"glimpses must be at least 1, got {glimpses}")
        for name, value, allowed in (
            ("core", core, CORES),
            ("places", places, PLACES),
            ("first_place", first_place, FIRST_PLACES),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
        self.glimpses = glimpses
        self.patch_size = patch_size
        self.scales = scales
        self.units = units
        self.patch_units = patch_units
        self.location_units = location_units
        self.core = core
        self.places = places
        self.first_place = first_place
        self.stddev = stddev
        self.policy_units = policy_units
        self.policy_shapes_state = policy_shapes_state
        self.seed = seed
        self.eye = eye
        self.seed_generator = keras.random.SeedGenerator(seed)
        dtype = self.dtype_policy
        self.sensor = GlimpseSensor(patch_size, scales, dtype=dtype, name="sensor")
        if eye:
            self.network = PlacedEye(eye, units, dtype=dtype, name="network")
        else:
            self.network = GlimpseNetwork(units, patch_units, location_units, dtype=dtype, name="network")
        if core == "lstm":
            self.cell = keras.layers.LSTMCell(units, dtype=dtype, name="cell")
        else:
            # One product over code and state side by side is faster than the two of SimpleRNNCell.
            self.cell = keras.layers.Dense(units, activation="relu", dtype=dtype, name="cell")
        self.policy = None
        if places == "learned" and glimpses > 1:
            self.policy = LocationPolicy(stddev, policy_units, seed, dtype=dtype, name="policy")

    def build(self, images_shape):
        """Builds the sub-layers."""
        batch = images_shape[0]
        self.sensor.build(images_shape, (batch, 2))
        self.network.build(self.sensor.compute_output_shape(images_shape, (batch, 2)), (batch, 2))
        self.cell.build((batch, self.units if self.core == "lstm" else 2 * self.units))
        if self.policy is not None:
            self.policy.build((batch, self.units))
        super().build(images_shape)

    def call(self, images, sample: bool = True):
        batch = ops.shape(images)[0]
        location = self._first_location(batch, sample)
        log_prob = ops.zeros((batch,), "float32")
        memory = self._no_memory(batch)
        states, locations, log_probs = [], [], []
        for glimpse in range(self.glimpses):
            locations.append(location)
            log_probs.append(log_prob)
            code = self.network(self.sensor(images, location), ops.stop_gradient(location))
            state, memory = self._remember(code, memory)
            states.append(state)
            if glimpse + 1 == self.glimpses:
                break
            if self.policy is None:
                location = self._anywhere(batch, sample, glimpse + 1)
            else:
                location, log_prob, _ = self.policy(
                    state if self.policy_shapes_state else ops.stop_gradient(state), sample=sample
                )
        return {
            "states": ops.stack(states, axis=1),
            "locations": ops.stack(locations, axis=1),
            "log_probs": ops.stack(log_probs, axis=1),
        }

    def _no_memory(self, batch):
        if self.core == "lstm":
            return self.cell.get_initial_state(batch_size=batch)
        return ops.zeros((batch, self.units), self.compute_dtype)

    def _remember(self, code, memory):
        if self.core == "lstm":
            return self.cell(code, memory)
        state = self.cell(ops.concatenate([code, memory], axis=-1))
        return state, state

    def _first_location(self, batch, sample):
        if self.first_place == "random" or self.places == "random":
            return self._anywhere(batch, sample, 0)
        return ops.zeros((batch, 2), "float32")

    def _anywhere(self, batch, sample, glimpse):
        if sample:
            return keras.random.uniform((batch, 2), -1.0, 1.0, dtype="float32", seed=self.seed_generator)
        # An exported model must give the same answer each time, whatever else is in the batch.
        place = keras.random.uniform((1, 2), -1.0, 1.0, dtype="float32", seed=(self.seed or 0) + glimpse)
        return ops.repeat(place, batch, axis=0)

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one image: the kernels of all glimpses; the layer must be built."""
        # A convolution of an eye counts as if it went over every pixel of the patch: at most too much.
        every_glimpse = _kernel_size(self.network, self.patch_size**2) + _kernel_size(self.cell)
        between = _kernel_size(self.policy) if self.policy is not None else 0
        return self.glimpses * every_glimpse + (self.glimpses - 1) * between

    def compute_output_shape(self, images_shape):
        """Returns the shapes of the three outputs."""
        batch = images_shape[0]
        return {
            "states": (batch, self.glimpses, self.units),
            "locations": (batch, self.glimpses, 2),
            "log_probs": (batch, self.glimpses),
        }

    def compute_output_spec(self, images, sample: bool = True):
        """Returns shapes and dtypes: locations and log-densities stay float32 in mixed precision."""
        dtypes = {"states": self.compute_dtype, "locations": "float32", "log_probs": "float32"}
        shapes = self.compute_output_shape(images.shape)
        return {name: keras.KerasTensor(shape, dtype=dtypes[name]) for name, shape in shapes.items()}

    def get_config(self):
        """Returns the arguments of `__init__`."""
        names = (
            "glimpses",
            "patch_size",
            "scales",
            "units",
            "patch_units",
            "location_units",
            "core",
            "places",
            "first_place",
            "stddev",
            "policy_units",
            "policy_shapes_state",
            "seed",
            "eye",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _kernel_size(layer: keras.layers.Layer, places: int = 1) -> int:
    """Returns the number of values in the kernels of dense layers and cells, and of convolutions over `places`."""
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) >= 2]
    return sum(math.prod(shape) * (places if len(shape) > 2 else 1) for shape in kernels)
