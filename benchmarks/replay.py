"""Sampling from replay memories beside the update that uses the samples: `bazel run //benchmarks:replay -- --quick`."""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.report import Report
from plugins.episodic_memory.agents.dqn import DQN
from plugins.episodic_memory.agents.q_network import build_encoder, build_q_network
from plugins.episodic_memory.environments.environments import Spec
from plugins.episodic_memory.memories.frames import Frames
from plugins.episodic_memory.memories.prioritized_memory import PrioritizedMemory
from plugins.episodic_memory.memories.replay_memory import ReplayMemory

SHAPE, ENVIRONMENTS, BATCH = (4, 84, 84), 8, 32
SPEC = Spec(SHAPE, np.dtype(np.uint8), tuple("abcdef"), stacked=4)


def fill(memory: ReplayMemory, steps: int) -> None:
    """Adds steps of episodes of about 200 steps."""
    rng = np.random.default_rng(0)
    stacks = rng.integers(256, size=(50, ENVIRONMENTS, *SHAPE), dtype=np.uint8)
    for step in range(steps // ENVIRONMENTS):
        ended = rng.random(ENVIRONMENTS) < 0.005
        actions = rng.integers(6, size=ENVIRONMENTS)
        memory.add(stacks[step % 50], actions, rng.normal(size=ENVIRONMENTS), ended, np.zeros(ENVIRONMENTS, bool))


def milliseconds(function: Callable[[], object], calls: int) -> float:
    """Returns the time of a call, the median."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times[calls // 10 :])) * 1e3


def main(_: list[str]) -> None:
    """Measures both memories, and the update of a DQN on the same batches."""
    size, calls = (50_000, 100) if flags.FLAGS.quick else (400_000, 500)
    rng = np.random.default_rng(1)
    uniform = ReplayMemory(size, ENVIRONMENTS, SHAPE, np.uint8, Frames(4, 0), steps=3)
    prioritized = PrioritizedMemory(size, ENVIRONMENTS, SHAPE, np.uint8, Frames(4, 0), steps=3)
    last = ReplayMemory(50_000, ENVIRONMENTS, (84, 84, 4), np.uint8, Frames(4), steps=3)
    fill(uniform, size)
    fill(prioritized, size)
    for step in range(2_000):
        never = np.zeros(ENVIRONMENTS, bool)
        observations = np.full((ENVIRONMENTS, 84, 84, 4), step % 256, np.uint8)
        last.add(observations, np.zeros(ENVIRONMENTS), np.zeros(ENVIRONMENTS), never, never)

    def draw_and_update() -> None:
        batch = prioritized.sample(BATCH, rng)
        prioritized.update_priorities(batch.indices, batch.rewards)

    model, target = (build_q_network(build_encoder(SPEC), 6, (512,)) for _ in range(2))
    agent = DQN(model, target, keras.optimizers.Adam(1e-4), uniform, BATCH, double=True, xla=False)
    update = milliseconds(lambda: agent.learn(agent.draw(1, rng)), max(20, calls // 10))
    sample = milliseconds(lambda: uniform.sample(BATCH, rng), calls)
    report = Report("replay")
    report.add("uniform, 32 stacks of 4 frames of 84x84", sample, update - sample, "ms", "peer: the update itself")
    by_priority = milliseconds(lambda: prioritized.sample(BATCH, rng), calls)
    report.add("prioritised, the same", by_priority, sample, "ms", "peer: uniform")
    report.add("prioritised, priorities set again", milliseconds(draw_and_update, calls), sample, "ms", "peer: uniform")
    turned = milliseconds(lambda: last.sample(BATCH, rng), calls)
    report.add("uniform, frames along the last axis", turned, update - sample, "ms", "peer: the update itself")
    million = uniform.nbytes / size * 1e6 / 1e9
    report.add("a million transitions, uniform", million, None, "GB")
    report.add("a million transitions, prioritised", prioritized.nbytes / size * 1e6 / 1e9, None, "GB")
    report.finish()


if __name__ == "__main__":
    tf.config.threading.set_inter_op_parallelism_threads(1)
    app.run(main)
