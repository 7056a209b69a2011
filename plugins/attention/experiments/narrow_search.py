"""A schedule for how widely the policy looks around."""

import keras

from ..layers.location_policy import LocationPolicy
from .glimpse_config import GlimpseConfig


class NarrowSearch(keras.callbacks.Callback):
    """Takes the policy's standard deviation from `stddev` to `final_stddev` over the first three quarters of a run.

    Wide at first, where the gradient needs to see what other places would bring; narrow at the
    end, where noise only makes the glimpses miss.
    """

    def __init__(self, policy: LocationPolicy, config: GlimpseConfig):
        super().__init__()
        self.policy, self.config = policy, config

    def on_epoch_begin(self, epoch, logs=None):
        """Sets the standard deviation of this epoch."""
        config = self.config
        share = min(1.0, epoch / max(1, 0.75 * config.epochs))
        self.policy.scale.assign(config.stddev + share * (config.final_stddev - config.stddev))
