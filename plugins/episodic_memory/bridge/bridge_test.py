"""Tests of the bridge to TF-Agents."""

import gymnasium as gym
import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from tf_agents.agents.dqn import dqn_agent
from tf_agents.drivers import py_driver
from tf_agents.environments import tf_py_environment
from tf_agents.metrics import py_metrics
from tf_agents.trajectories import trajectory

from plugins.episodic_memory.agents.dqn import DQN
from plugins.episodic_memory.agents.q_network import build_encoder, build_q_network
from plugins.episodic_memory.bridge.agent_policy import AgentPolicy
from plugins.episodic_memory.bridge.gymnasium_environment import GymnasiumEnvironment
from plugins.episodic_memory.bridge.keras_network import KerasNetwork
from plugins.episodic_memory.environments.environments import Spec

SPEC = Spec((4,), np.dtype(np.float32), ("left", "right"))


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_q_network(build_encoder(SPEC), 2, (32,), dueling=True)


class BridgeTest(absltest.TestCase):
    def test_tf_agents_trains_a_keras_3_model(self):
        environment = tf_py_environment.TFPyEnvironment(GymnasiumEnvironment(gym.make("CartPole-v1")))
        model = network()
        agent = dqn_agent.DdqnAgent(
            environment.time_step_spec(), environment.action_spec(),
            q_network=KerasNetwork(model, environment.observation_spec()),
            optimizer=tf.keras.optimizers.legacy.Adam(5e-3), target_update_period=5,
        )  # fmt: skip
        agent.initialize()
        self.assertIsNot(agent._target_q_network.model, model)
        # A state in which going left ends well and going right does not.
        states = tf.random.stateless_normal((64, 2, 4), (1, 2))
        actions = tf.cast(tf.tile(tf.range(64)[:, None] % 2, (1, 2)), tf.int64)
        experience = trajectory.Trajectory(
            step_type=tf.tile([[1, 2]], (64, 1)), observation=states, action=actions, policy_info=(),
            next_step_type=tf.tile([[2, 0]], (64, 1)), reward=tf.cast(actions == 0, tf.float32),
            discount=tf.zeros((64, 2)),
        )  # fmt: skip
        before = [variable.numpy() for variable in model.variables]
        losses = [float(agent.train(experience).loss) for _ in range(60)]
        self.assertLess(losses[-1], 0.3 * losses[0])
        self.assertTrue(any((a != b.numpy()).any() for a, b in zip(before, model.variables, strict=True)))
        values = model(states[:, 0]).numpy()
        self.assertGreater((values[:, 0] > values[:, 1]).mean(), 0.9)
        step = agent.policy.action(environment.reset())
        self.assertEqual(step.action.shape, (1,))

    def test_an_agent_under_tf_agents_driver_and_metrics(self):
        environment = GymnasiumEnvironment(gym.make("CartPole-v1"))
        environment.seed(3)
        policy = AgentPolicy(DQN(network()), environment.time_step_spec(), environment.action_spec())
        returns = py_metrics.AverageReturnMetric()
        lengths = py_metrics.AverageEpisodeLengthMetric()
        py_driver.PyDriver(environment, policy, [returns, lengths], max_episodes=3).run(environment.reset())
        self.assertEqual(float(returns.result()), float(lengths.result()))
        self.assertGreater(float(returns.result()), 7)


if __name__ == "__main__":
    absltest.main()
