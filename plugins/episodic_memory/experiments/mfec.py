"""Model-Free Episodic Control that plays."""

import keras
import numpy as np

from ..agents.key_encoders import projection_encoder
from ..agents.model_free_episodic_control import ModelFreeEpisodicControl
from ..agents.variational_encoder import VariationalEncoder
from ..environments.environments import Environments
from .episodic_config import MFECConfig
from .episodic_experiment import EpisodicExperiment


class MFEC(EpisodicExperiment):
    """Remembers the largest return of each situation and action, and repeats what went best.

    Reference: Blundell et al. 2016, Model-Free Episodic Control, arXiv 1606.04460.
    """

    config: MFECConfig

    def build_agent(self, environments: Environments, training: bool) -> ModelFreeEpisodicControl:
        """Returns an agent with keys as the config describes them."""
        config, spec = self.config, environments.spec
        encoder = self._variational(training) if config.keys == "vae" else projection_encoder(
            spec, config.depth, config.seed
        )  # fmt: skip
        return ModelFreeEpisodicControl(
            encoder, len(spec.actions), environments.count, config.discount, config.capacity, config.neighbors,
            xla=config.xla,
        )  # fmt: skip

    def _variational(self, training: bool) -> keras.Model:
        environments = self.make_environments(self.config.environments)
        autoencoder = VariationalEncoder(environments.spec, self.config.depth, self.config.seed)
        if training:
            print(f"autoencoder: {self.config.vae_steps:,} random steps of {self.config.env}", flush=True)
            losses = autoencoder.fit(self._random_play(environments), self.config.vae_epochs, self.config.batch_size)
            print(f"autoencoder: loss {losses[0]:.4f} in the first epoch, {losses[-1]:.4f} in the last", flush=True)
        environments.close()
        return autoencoder.encoder

    def _random_play(self, environments: Environments) -> np.ndarray:
        rng = np.random.default_rng((self.config.seed, 5))
        observations = [environments.reset(self._seed("train"))]
        for _ in range(self.config.vae_steps // environments.count):
            actions = rng.integers(len(environments.spec.actions), size=environments.count)
            observations.append(environments.step(actions).observations)
        return np.concatenate(observations)
