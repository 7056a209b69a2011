"""Training steps a second of DQN: `bazel run //benchmarks:agents -- --peer_python=PYTHON`.

The same work as in Stable-Baselines3 and in TF-Agents' own loop: the same network, batch and number of updates a step,
one replay memory. The peers take one environment, as they do by default; ours takes several at once. Rates leave out
start-up and compilation. Each measurement has a process of its own, for TensorFlow takes its number of threads once.
"""

import concurrent.futures
import dataclasses
import multiprocessing
import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from ogbrain.config import OptimizerConfig
from plugins.episodic_memory.experiments.dqn import DQN
from plugins.episodic_memory.experiments.dqn_config import AtariConfig, DQNConfig

flags.DEFINE_string("peer_python", "", "Interpreter with Stable-Baselines3; its rows are left out otherwise.")
flags.DEFINE_list("only", [], "Rows to measure: cartpole, pong; all by default.")

CARTPOLE = DQNConfig(
    env="CartPole-v1", environments=40, rounds=25, steps_per_update=1, batch_size=64, units=(128, 128), double=False,
    n_step=1, memory=20_000, learning_starts=400, target_every=100, exploration_steps=1_000, final_epsilon=0.1,
    optimizer=OptimizerConfig(learning_rate=1e-3),
)  # fmt: skip
PONG = AtariConfig(
    environments=8, rounds=10, steps_per_update=4, batch_size=32, double=False, dueling=False, n_step=1,
    prioritized=False, memory=50_000, learning_starts=400, sticky_actions=0.0, life_loss=False, precision="float32",
)  # fmt: skip


def apart(function: Callable[..., float], *arguments: Any) -> float:
    """Returns what a function returns in a new process."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def ours(config: DQNConfig, steps: int) -> float:
    """Returns environment steps a second of our loop."""
    experiment = DQN(config)
    experiment.setup(tf.distribute.get_strategy())
    experiment.begin(0)
    for _ in range(2 + config.learning_starts // config.stride):
        experiment.train_step()
    turns = max(1, steps // config.stride)
    start = time.perf_counter()
    for _ in range(turns):
        experiment.train_step()
    rate = turns * config.stride / (time.perf_counter() - start)
    experiment.environments.close()
    return rate


def bare_update(config: DQNConfig, updates: int) -> float:
    """Returns milliseconds of one update alone, on batches that are there already."""
    experiment = DQN(config)
    experiment.setup(tf.distribute.get_strategy())
    agent: Any = experiment.agent
    spec, size = experiment.environments.spec, config.batch_size
    rng = np.random.default_rng(0)
    together = config.environments // config.steps_per_update or 1

    def draw(shape: tuple[int, ...], dtype: str) -> tf.Tensor:
        return tf.constant(rng.integers(0, 2, (together, size, *shape)).astype(dtype))

    observations = [draw(spec.observation_shape, str(spec.observation_dtype)) for _ in range(2)]
    numbers = [draw((), "float32") for _ in range(3)]
    batch = (observations[0], draw((), "int32"), numbers[0], numbers[1], observations[1], numbers[2])
    agent._learn(*batch)
    start = time.perf_counter()
    for _ in range(max(1, updates // together)):
        loss, *_ = agent._learn(*batch)
    float(loss)
    experiment.environments.close()
    return 1e3 * (time.perf_counter() - start) / (max(1, updates // together) * together)


def stable_baselines(task: str, steps: int) -> float:
    """Returns environment steps a second of Stable-Baselines3, or 0 without its interpreter."""
    if not flags.FLAGS.peer_python:
        return 0.0
    script = pathlib.Path(__file__).resolve().with_name("agents_peer.py")
    command = [flags.FLAGS.peer_python, str(script), task, str(steps)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def tf_agents(steps: int) -> float:
    """Returns environment steps a second of TF-Agents on CartPole, in the loop of its DQN tutorial."""
    from tf_agents.agents.dqn import dqn_agent
    from tf_agents.drivers import dynamic_step_driver
    from tf_agents.environments import tf_py_environment
    from tf_agents.networks import q_network
    from tf_agents.policies import random_tf_policy
    from tf_agents.replay_buffers import tf_uniform_replay_buffer
    from tf_agents.utils import common

    from plugins.episodic_memory.bridge.gymnasium_environment import GymnasiumEnvironment

    environment = tf_py_environment.TFPyEnvironment(GymnasiumEnvironment(gym.make("CartPole-v1")))
    agent = dqn_agent.DqnAgent(
        environment.time_step_spec(), environment.action_spec(),
        q_network=q_network.QNetwork(
            environment.observation_spec(), environment.action_spec(), fc_layer_params=(128, 128)
        ),
        optimizer=tf.keras.optimizers.legacy.Adam(1e-3), td_errors_loss_fn=common.element_wise_huber_loss,
        target_update_period=100,
    )  # fmt: skip
    agent.initialize()
    buffer = tf_uniform_replay_buffer.TFUniformReplayBuffer(agent.collect_data_spec, 1, max_length=20_000)
    policy = random_tf_policy.RandomTFPolicy(environment.time_step_spec(), environment.action_spec())
    dynamic_step_driver.DynamicStepDriver(environment, policy, [buffer.add_batch], num_steps=500).run()
    driver = dynamic_step_driver.DynamicStepDriver(environment, agent.collect_policy, [buffer.add_batch], num_steps=1)
    driver.run = common.function(driver.run)
    train = common.function(agent.train)
    batches = iter(buffer.as_dataset(sample_batch_size=64, num_steps=2, num_parallel_calls=2).prefetch(2))
    for _ in range(20):
        driver.run()
        train(next(batches)[0])
    start = time.perf_counter()
    for _ in range(steps):
        driver.run()
        train(next(batches)[0])
    return steps / (time.perf_counter() - start)


def cartpole(report: Report, quick: bool) -> None:
    """Measures CartPole: one update of 64 transitions a step, two hidden layers of 128."""
    own, sb3, peers = [], [], []
    for _ in range(1 if quick else 3):
        own.append(apart(ours, CARTPOLE, 12_000 if quick else 40_000))
        sb3.append(stable_baselines("cartpole", 2_000 if quick else 5_000))
        peers.append(apart(tf_agents, 500 if quick else 2_000))
    rate, update = statistics.median(own), apart(bare_update, CARTPOLE, 4_000)
    if sb3[0]:
        report.add("CartPole beside SB3", rate, statistics.median(sb3), unit="steps/s")
    report.add("CartPole beside TF-Agents", rate, statistics.median(peers), unit="steps/s")
    report.add("CartPole beside bare updates", rate, 1e3 / update, unit="steps/s", note=f"{update:.3f} ms an update")


def pong(report: Report, quick: bool) -> None:
    """Measures Pong: one update of 32 transitions every 4 steps, the network of Mnih et al., 2015."""
    for precision in ("float32", "mixed_bfloat16"):
        config = dataclasses.replace(PONG, precision=precision)
        own, sb3 = [], []
        for _ in range(1 if quick else 3):
            own.append(apart(ours, config, 400 if quick else 2_000))
            sb3.append(stable_baselines("pong", 300 if quick else 1_500))
        rate, update = statistics.median(own), apart(bare_update, config, 20 if quick else 100)
        if sb3[0]:
            report.add(f"Pong beside SB3, {precision}", rate, statistics.median(sb3), unit="steps/s")
        report.add(
            f"Pong beside bare updates, {precision}", rate, 1e3 / update * config.steps_per_update, unit="steps/s",
            note=f"{update:.1f} ms an update",
        )  # fmt: skip


def main(_: list[str]) -> None:
    """Measures and prints."""
    report, values = Report("agents"), flags.FLAGS
    for name, measure in {"cartpole": cartpole, "pong": pong}.items():
        if not values.only or name in values.only:
            measure(report, bool(values.quick))
    report.finish()


if __name__ == "__main__":
    app.run(main)
