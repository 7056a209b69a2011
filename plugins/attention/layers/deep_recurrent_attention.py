"""Reads several objects one after another: one state for what was seen, one for where to look."""

from collections.abc import Sequence

import keras
from keras import ops

from .context_network import ContextNetwork
from .glimpse_network import GlimpseNetwork
from .glimpse_sensor import GlimpseSensor
from .location_policy import LocationPolicy
from .place_attention import PlaceAttention, seen_from

GRADIENTS = ("soft", "reinforce")


class DeepRecurrentAttention(keras.layers.Layer):
    """Takes some glimpses for each label of a sequence.

    A context network gives the first state of the upper LSTM, which decides where to look, and is its input at each
    glimpse. What is seen there goes to the lower LSTM, from which labels are told, and from it to the upper one. The
    context reaches the labels by no other way than the places, so what is told has been looked at.

    Args:
        labels: Length of the sequence.
        glimpses: Glimpses for each label.
        patch_size: Sides of the sensor's patches, in pixels.
        scales: Number of the sensor's concentric crops.
        units: Depth of both states and of the glimpse code.
        patch_units: Depth of the glimpse network's hidden layer for patches.
        filters: Depths of its convolutions before that layer.
        location_units: Depth of its hidden layer for the location.
        context_size: Sides of the context network's small image.
        place_units: Depth of the keys with which the next place is found on the context network's map; 0: places are
            functions of the state alone, as in the paper.
        salience: Weight at the start of how much a cell of that map stands out.
        inhibition: Weight at the start of how much of it was looked at already; 0: that does not count.
        gradient: How places learn. `"soft"`: through the interpolated glimpse. `"reinforce"`: they are drawn, and
            their log-density is for a score-function estimate.
        stddev: Standard deviation of drawn places.
        seed: Seed of the draws; None for a random one.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `images`, `(batch, height, width, channels)`. With `sample=False` nothing is drawn.

    Output: A dict of
        `states`, `(batch, labels, units)` in the compute dtype, the lower state after each label's last glimpse;
        `seen`, `(batch, labels * glimpses, units)`, the lower state after each glimpse;
        `plans`, `(batch, labels * glimpses, units)`, the upper state that each place was chosen from;
        `locations`, `(batch, labels * glimpses, 2)` float32;
        `log_probs`, `(batch, labels * glimpses)` float32.

    Example:
        >>> DeepRecurrentAttention(labels=3)(np.zeros((2, 100, 100, 1), "float32"))["states"].shape
        TensorShape([2, 3, 128])

    Reference: Ba et al. 2015, Multiple Object Recognition with Visual Attention, arXiv 1412.7755, section 3.
        There places learn by REINFORCE alone, and the upper LSTM has the context as its first state only, which it
        must then remember.
    """

    def __init__(
        self,
        labels: int = 3,
        glimpses: int = 2,
        patch_size: int = 20,
        scales: int = 2,
        units: int = 128,
        patch_units: int = 256,
        filters: Sequence[int] = (),
        location_units: int = 64,
        context_size: int = 24,
        place_units: int = 32,
        salience: float = 8.0,
        inhibition: float = 0.0,
        gradient: str = "soft",
        stddev: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        # The sensor needs locations and pixels as they are; it casts what it has read.
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if labels < 1 or glimpses < 1:
            raise ValueError(f"labels and glimpses must be at least 1, got {labels} and {glimpses}")
        if gradient not in GRADIENTS:
            raise ValueError(f"gradient must be one of {GRADIENTS}, got {gradient!r}")
        self.labels = labels
        self.glimpses = glimpses
        self.patch_size = patch_size
        self.scales = scales
        self.units = units
        self.patch_units = patch_units
        self.filters = tuple(filters)
        self.location_units = location_units
        self.context_size = context_size
        self.place_units = place_units
        self.salience = salience
        self.inhibition = inhibition
        self.gradient = gradient
        self.stddev = stddev
        self.seed = seed
        dtype = self.dtype_policy
        self.context = ContextNetwork(units, context_size, dtype=dtype, name="context")
        self.sensor = GlimpseSensor(patch_size, scales, soft=gradient == "soft", dtype=dtype, name="sensor")
        self.network = GlimpseNetwork(units, patch_units, location_units, self.filters, dtype=dtype, name="network")
        self.lower = keras.layers.LSTMCell(units, dtype=dtype, name="lower")
        self.upper = keras.layers.LSTMCell(units, dtype=dtype, name="upper")
        self.policy = LocationPolicy(stddev, 0, seed, dtype=dtype, name="policy")
        self.places = None
        if place_units:
            self.places = PlaceAttention(place_units, salience, inhibition, dtype=dtype, name="places")

    def build(self, images_shape):
        """Builds the sub-layers."""
        batch = images_shape[0]
        self.context.build(images_shape)
        self.sensor.build(images_shape, (batch, 2))
        self.network.build(self.sensor.compute_output_shape(images_shape, (batch, 2)), (batch, 2))
        for layer in (self.lower, self.policy):
            layer.build((batch, self.units))
        self.upper.build((batch, 2 * self.units))
        if self.places is not None:
            self.places.build((batch, self.units), self.context.map_shape)
        super().build(images_shape)

    def call(self, images, sample: bool = True):
        batch = ops.shape(images)[0]
        lower = self.lower.get_initial_state(batch_size=batch)
        features = self.context.map_of(images)
        plan = context = self.context.summarize(features)
        keys = None if self.places is None else self.places.keys_of(features)
        upper = [plan, ops.zeros_like(plan)]
        rows, columns = self.context.map_shape[1:3]
        # From -1 to 1 half a patch is its sides over the image's.
        reach = self.patch_size / ops.cast(ops.convert_to_tensor(ops.shape(images)[1:3]), "float32")
        looked = ops.zeros((batch, rows, columns), "float32")
        states, plans, locations, log_probs = [], [], [], []
        for _ in range(self.labels * self.glimpses):
            # Adam moves each weight as far, however many there are: without the factor a step moves a place right to
            # the border, where the gradient vanishes, long before it is known what is to be seen.
            around = None if self.places is None else self.places(plan, features, keys, looked)
            location, log_prob, _ = self.policy(
                plan * self.units**-0.5, around, sample=sample and self.gradient == "reinforce"
            )
            looked = ops.maximum(looked, seen_from(ops.stop_gradient(location), reach, rows, columns))
            plans.append(plan)
            locations.append(location)
            log_probs.append(log_prob)
            code = self.network(self.sensor(images, location), location)
            state, lower = self.lower(code, lower)
            plan, upper = self.upper(ops.concatenate([state, context], axis=-1), upper)
            states.append(state)
        seen = ops.stack(states, axis=1)
        return {
            "states": seen[:, self.glimpses - 1 :: self.glimpses],
            "seen": seen,
            "plans": ops.stack(plans, axis=1),
            "locations": ops.stack(locations, axis=1),
            "log_probs": ops.stack(log_probs, axis=1),
        }

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one image: the context, and the kernels for each glimpse."""
        parts = (self.lower, self.upper, self.policy)
        kernels = [weight for part in parts for weight in part.weights if len(weight.shape) == 2]
        glimpse = self.network.multiply_adds() + sum(kernel.shape[0] * kernel.shape[1] for kernel in kernels)
        found = 0
        if self.places is not None:
            found = self.places.multiply_adds(*self.context.map_shape[1:3], self.labels * self.glimpses)
        return self.context.multiply_adds() + found + self.labels * self.glimpses * glimpse

    def compute_output_shape(self, images_shape):
        """Returns the shapes of the outputs."""
        batch, glimpses = images_shape[0], self.labels * self.glimpses
        return {
            "states": (batch, self.labels, self.units),
            "seen": (batch, glimpses, self.units),
            "plans": (batch, glimpses, self.units),
            "locations": (batch, glimpses, 2),
            "log_probs": (batch, glimpses),
        }

    def compute_output_spec(self, images, sample: bool = True):
        """Returns shapes and dtypes: locations and log-densities stay float32 in mixed precision."""
        shapes = self.compute_output_shape(images.shape)
        exact = ("locations", "log_probs")
        return {
            name: keras.KerasTensor(shape, dtype="float32" if name in exact else self.compute_dtype)
            for name, shape in shapes.items()
        }

    def get_config(self):
        """Returns the arguments of `__init__`."""
        names = (
            "labels",
            "glimpses",
            "patch_size",
            "scales",
            "units",
            "patch_units",
            "filters",
            "location_units",
            "context_size",
            "place_units",
            "salience",
            "inhibition",
            "gradient",
            "stddev",
            "seed",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
