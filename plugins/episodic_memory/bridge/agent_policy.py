"""Agents as policies of TF-Agents."""

from typing import Any

import numpy as np
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step

from ..agents.agent import Agent


class AgentPolicy(py_policy.PyPolicy):
    """Takes the best action that an agent knows, for TF-Agents' drivers and metrics.

    Args:
        agent: The agent.
        time_step_spec: Of the environment.
        action_spec: Of the environment.
    """

    def __init__(self, agent: Agent, time_step_spec: Any, action_spec: Any):
        super().__init__(time_step_spec, action_spec)
        self._agent = agent

    def _action(self, time_step: Any, policy_state: Any = (), seed: Any = None) -> policy_step.PolicyStep:
        observation = np.asarray(time_step.observation)
        single = observation.shape == self.time_step_spec.observation.shape
        values = self._agent.values(observation[None] if single else observation)
        actions = (values.argmax(-1) + self.action_spec.minimum).astype(self.action_spec.dtype)
        return policy_step.PolicyStep(actions[0] if single else actions, policy_state, ())
