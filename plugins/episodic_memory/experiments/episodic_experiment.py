"""What experiments with episodic dictionaries share."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..agents.episodic_agent import EpisodicAgent
from .agent_experiment import AgentExperiment
from .episodic_config import EpisodicConfig
from .evaluation import greedy
from .remembered import draw_remembered

PICTURE_STEPS = 200
"""Steps that are played to find the situation that is drawn."""


class EpisodicExperiment(AgentExperiment):
    """An agent that remembers situations, shown with what it remembers and exported with it."""

    config: EpisodicConfig
    agent: EpisodicAgent

    def signatures(self) -> dict[str, Any]:
        """Returns `serving_default`: observations to the best action, its name, and what each action is worth.

        Keys and values are part of the exported model, and the neighbours are found in its graph.
        """
        spec, policy = self.environments.spec, self.agent.policy()
        names = tf.constant(spec.actions)
        # What is exported are the variables of `model`: the dictionaries have become some.
        self.model = policy
        shape = (None, *spec.observation_shape)

        @tf.function(input_signature=[tf.TensorSpec(shape, spec.observation_dtype, name="observations")])
        def serving_default(observations):
            values = policy(observations)
            action = tf.argmax(values, -1)
            return {"action": action, "name": tf.gather(names, action), "values": values}

        return {"serving_default": serving_default}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns situations that the agent comes to."""
        environments = self.make_environments(4)
        rng = np.random.default_rng(self.config.seed)
        observations = [environments.reset(self._seed("validation"))]
        for _ in range(31):
            step = environments.step(greedy(self.agent.values(observations[-1]), 0.1, rng))
            observations.append(step.observations)
        environments.close()
        return {"serving_default": {"observations": np.concatenate(observations)}}

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Returns the situation in which the choice of an action mattered most, and what decided it."""
        if not self.agent.dictionaries[0].notes.size:
            return {}
        environments = self.make_environments(1)
        rng = np.random.default_rng(self.config.seed)
        observations = environments.reset(self._seed("validation"))
        chosen, largest = observations, -np.inf
        for _ in range(PICTURE_STEPS):
            values = self.agent.values(observations)
            gap = float(values.max() - np.median(values))
            if gap > largest:
                chosen, largest = observations.copy(), gap
            observations = environments.step(greedy(values, self.config.evaluation_epsilon, rng)).observations
        environments.close()
        return {"remembered": draw_remembered(self.agent, chosen, self.environments.spec.actions)}

    def notes(self) -> dict[str, str]:
        """Returns how much is remembered."""
        counts = ", ".join(f"{len(dictionary):,}" for dictionary in self.agent.dictionaries)
        return {**super().notes(), "situations remembered, by action": counts}
