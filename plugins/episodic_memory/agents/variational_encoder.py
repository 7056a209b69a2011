"""Keys by a variational autoencoder."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from ..environments.environments import Spec
from .key_encoders import learned_encoder

HIDDEN = 256
"""Units of the decoder's hidden layer, and of the encoder's."""


class VariationalEncoder:
    """A variational autoencoder of observations, whose means are keys.

    Observations are scaled to [0, 1] by what is seen in training and reconstructed by a decoder with one hidden layer;
    the loss is the squared error, summed over an observation, and the divergence of the codes from a unit Gaussian.

    Args:
        spec: What observations are like.
        depth: Length of a key.
        seed: Of the order and of what is drawn.

    Attributes:
        encoder: A model from observations to keys `(batch, depth)`.

    Source: Kingma and Welling, 2014, arXiv:1312.6114; keys of Blundell et al., 2016, arXiv:1606.04460, section 3.
    """

    def __init__(self, spec: Spec, depth: int, seed: int):
        self.seed, size = seed, math.prod(spec.observation_shape)
        self.encoder = learned_encoder(spec, (HIDDEN,), depth)
        hidden = self.encoder.layers[-2].output
        deviations = layers.Dense(depth, dtype="float32", name="log_variances")(hidden)
        self._both = keras.Model(self.encoder.input, [self.encoder.output, deviations])
        self._decoder = keras.Sequential(
            [keras.Input((depth,)), layers.Dense(HIDDEN, activation="relu"), layers.Dense(size)], name="decoder"
        )
        self._optimizer = keras.optimizers.Adam(1e-3)

    def fit(self, observations: np.ndarray, epochs: int, batch_size: int) -> list[float]:
        """Trains.

        Args:
            observations: `(n, ...)`.
            epochs: Passes over them.
            batch_size: Observations in a step.

        Returns:
            The mean loss of each epoch.
        """
        flat = observations.reshape(len(observations), -1)
        low, high = flat.min(0).astype(np.float32), flat.max(0).astype(np.float32)
        scale = 1 / np.maximum(high - low, 1e-6)
        variables = [*self._both.trainable_variables, *self._decoder.trainable_variables]
        self._optimizer.build(variables)

        @tf.function(jit_compile=True)
        def step(batch, targets, noise):
            with tf.GradientTape() as tape:
                means, log_variances = self._both(batch, training=True)
                codes = means + ops.exp(log_variances / 2) * noise
                errors = ops.sum(ops.square(self._decoder(codes, training=True) - targets), -1)
                divergence = ops.sum(ops.square(means) + ops.exp(log_variances) - 1 - log_variances, -1) / 2
                loss = ops.mean(errors + divergence)
            self._optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)
            return loss

        rng = np.random.default_rng((self.seed, 6))
        losses = []
        for _ in range(epochs):
            order = rng.permutation(len(observations))
            batches = order[: len(order) // batch_size * batch_size].reshape(-1, batch_size)
            total = 0.0
            for places in batches:
                targets = (flat[places].astype(np.float32) - low) * scale
                noise = rng.normal(size=(batch_size, self.encoder.output_shape[-1])).astype(np.float32)
                total += float(step(tf.convert_to_tensor(observations[places]), targets, noise))
            losses.append(total / len(batches))
        return losses
