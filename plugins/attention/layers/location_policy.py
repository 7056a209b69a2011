"""Where to look next: a Gaussian around a point that the state decides."""

import math

import keras
from keras import ops


class LocationPolicy(keras.layers.Layer):
    """Draws the next location from a Gaussian whose mean is a function of the state.

    The mean is `tanh(W state + b)`, or with `hidden_units` that of a hidden layer of the state; the
    standard deviation is the same for all states; it is a weight that is not trained, `scale`, so that a schedule can
    narrow the search as training goes on. The density is the one of the location before it is
    clipped to the image, and the location is a constant in its gradient (a score
    function, not a reparameterisation), as REINFORCE needs it.

    Args:
        stddev: Standard deviation of each coordinate at the start; the image is 2 wide.
        hidden_units: Depth of a hidden layer before the mean; 0 for none, as in the paper.
        seed: Seed of the draws; None for a random one.
        **kwargs: Passed on to `keras.layers.Layer`.

    Input: `state`, `(batch, depth)`, and `around`, `(batch, 2)`, places that are added to the mean; left out, none.
        With `sample=False` the location is the mean.

    Output: `(locations, log_probs, means)`, all float32: `(batch, 2)` in [-1, 1], `(batch,)` log-density
        of the drawn location, `(batch, 2)` in (-1, 1).

    Example:
        >>> locations, log_probs, means = LocationPolicy(stddev=0.1, seed=1)(state)

    Reference: Mnih et al. 2014, arXiv 1406.6247, section 4, "Location network", and Williams
        1992, Simple statistical gradient-following algorithms.
    """

    def __init__(self, stddev: float = 0.1, hidden_units: int = 0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if stddev <= 0:
            raise ValueError(f"stddev must be above 0, got {stddev}")
        self.stddev = stddev
        self.hidden_units = hidden_units
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.hidden = None
        if hidden_units:
            self.hidden = keras.layers.Dense(hidden_units, activation="relu", dtype=self.dtype_policy, name="hidden")
        # A half-precision mean would tie locations to a coarse grid, and log-densities lose their digits.
        self.mean = keras.layers.Dense(
            2,
            activation="tanh",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01, seed=seed),
            dtype="float32",
            name="mean",
        )

    def build(self, state_shape, around_shape=None):
        """Builds the dense layers of the mean."""
        if self.hidden is not None:
            self.hidden.build(state_shape)
            state_shape = (state_shape[0], self.hidden_units)
        self.mean.build(state_shape)
        self.scale = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(self.stddev),
            trainable=False,
            autocast=False,
            dtype="float32",
            name="scale",
        )
        super().build(state_shape)

    def call(self, state, around=None, sample: bool = True):
        if self.hidden is not None:
            state = self.hidden(state)
        means = self.mean(ops.cast(state, "float32"))
        if around is not None:
            means = means + ops.cast(around, "float32")
        if not sample:
            return ops.clip(means, -1.0, 1.0), self.log_prob(means, means), means
        noise = keras.random.normal(ops.shape(means), dtype="float32", seed=self.seed_generator)
        drawn = ops.stop_gradient(means + self.scale * noise)
        return ops.clip(drawn, -1.0, 1.0), self.log_prob(drawn, means), means

    def log_prob(self, locations, means):
        """Returns the log-density `(batch,)` of locations `(batch, 2)` before clipping, given means."""
        distance = ops.sum(ops.square(locations - means), axis=-1)
        variance = ops.square(ops.convert_to_tensor(self.scale))
        return -0.5 * distance / variance - ops.log(2 * math.pi * variance)

    def compute_output_spec(self, state, around=None, sample: bool = True):
        """Returns the shapes, float32 whatever the dtype policy."""
        batch = state.shape[0]
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in self.compute_output_shape((batch,)))

    def compute_output_shape(self, state_shape, around_shape=None):
        """Returns `((batch, 2), (batch,), (batch, 2))`."""
        return ((state_shape[0], 2), (state_shape[0],), (state_shape[0], 2))

    def get_config(self):
        """Returns the arguments of `__init__`."""
        return {
            **super().get_config(),
            "stddev": self.stddev,
            "hidden_units": self.hidden_units,
            "seed": self.seed,
        }
