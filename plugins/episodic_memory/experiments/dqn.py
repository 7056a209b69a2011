"""A deep Q-network that plays."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.training.optimizers import build_optimizer

from ..agents.agent import Agent
from ..agents.dqn import DQN as DQNAgent
from ..agents.q_network import build_encoder, build_q_network
from ..agents.random_shift import RandomShift
from ..environments.environments import Environments, Spec
from ..memories.prioritized_memory import PrioritizedMemory
from .agent_experiment import AgentExperiment
from .dqn_config import DQNConfig


class DQN(AgentExperiment):
    """DQN and its relatives: double, dueling, n-step, prioritised, each by config."""

    config: DQNConfig

    def build_agent(self, environments: Environments, training: bool) -> Agent:
        """Returns a DQN agent as the config describes it."""
        config, spec = self.config, environments.spec
        model = self.build_model(spec)
        if not training:
            return DQNAgent(model, xla=config.xla)
        total = config.epochs * self.steps_per_epoch * config.stride // config.steps_per_update
        if config.prioritized:
            memory = self.make_memory(
                environments, config.n_step, PrioritizedMemory, alpha=config.priority_alpha, beta=config.priority_beta
            )
        else:
            memory = self.make_memory(environments, config.n_step)
        return DQNAgent(
            model, self.build_model(spec), build_optimizer(config.optimizer, total), memory,
            batch_size=config.batch_size, double=config.double, target_every=config.target_every,
            clip_norm=config.optimizer.clip_norm, augment=RandomShift.of(spec, config.shift), xla=config.xla,
        )  # fmt: skip

    def signatures(self) -> dict[str, Any]:
        """Returns observations -> the best action, its name, and the values of all actions."""
        spec, model = self.environments.spec, self.model
        names = tf.constant(spec.actions)
        kind = tf.TensorSpec((None, *spec.observation_shape), spec.observation_dtype, "observations")

        @tf.function(input_signature=[kind])
        def serving_default(observations):
            values = model(observations, training=False)
            action = tf.argmax(values, -1, tf.int32)
            return {"action": action, "name": tf.gather(names, action), "values": values}

        return {"serving_default": serving_default}

    def example_inputs(self) -> dict[str, dict[str, Any]]:
        """Returns observations of an episode played at random."""
        environments = self.make_environments(1)
        rng = np.random.default_rng(self.config.seed)
        observations = [environments.reset(self._seed("validation"))[0]]
        for _ in range(63):
            action = rng.integers(len(environments.spec.actions), size=1)
            observations.append(environments.step(action).observations[0])
        environments.close()
        return {"serving_default": {"observations": np.stack(observations)}}

    def build_model(self, spec: Spec) -> keras.Model:
        """Returns a network from observations to values."""
        config = self.config
        encoder = build_encoder(spec, config.encoder, config.encoder_arguments, config.encoder_shape)
        return build_q_network(encoder, len(spec.actions), config.units, config.dueling)
