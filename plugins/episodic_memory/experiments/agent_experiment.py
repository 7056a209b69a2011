"""The loop of acting and learning that all agents share."""

import abc
import collections
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.errors import UserError
from ogbrain.paths import user_path
from ogbrain.training.experiment import Sums

from ..agents.agent import Agent
from ..agents.snapshot import Snapshot
from ..environments.environments import Environments
from ..environments.make import make_environments
from ..memories.frames import Frames
from ..memories.replay_memory import ReplayMemory
from .agent_config import AgentConfig
from .evaluation import evaluate, greedy
from .playing import play_episode
from .threads import share_cores

SEEDS = {"train": 0, "validation": 1, "test": 2}
"""Environments of each split have seeds of their own."""
RECENT = 100
"""Episodes over which the training return is averaged."""


class AgentExperiment(ogbrain.Experiment):
    """An agent that learns by acting in several environments at once.

    A training step of the run loop is `config.rounds` steps of every environment. In each of them all environments get
    their actions from one call; then the agent learns in a thread of its own while the environments step and the next
    batches are drawn. All that is drawn is a function of the seed and the step, and memory, environments and counters
    are part of the checkpoint, so a resumed run goes on as the unbroken one would have.
    """

    monitor, monitor_mode = "return", "max"
    config: AgentConfig

    @abc.abstractmethod
    def build_agent(self, environments: Environments, training: bool) -> Agent:
        """Returns the agent.

        Args:
            environments: What it plays; `spec` and `count` say what it must know.
            training: Whether it will learn; else it needs neither memory nor optimizer.
        """

    def setup(self, strategy: tf.distribute.Strategy) -> None:
        """Makes environments and agent, and begins the first episodes."""
        if strategy.num_replicas_in_sync > 1:
            raise UserError("--distribute: an agent learns on one device; none")
        config = self.config
        share_cores(config.operation_threads)
        self.environments = self.make_environments(config.environments, training=True)
        self._build(self.environments, training=True)
        self._observations = self.environments.reset(self._seed("train"))
        self._scores = np.zeros(config.environments)
        self._recent: collections.deque[float] = collections.deque(maxlen=RECENT)
        self._pool = ThreadPoolExecutor(1, "learner")
        self._snapshot = Snapshot(self._state, self._restore)

    def setup_inference(self) -> None:
        """Makes the agent without its memory."""
        environments = self.make_environments(1)
        self._build(environments, training=False)
        self.environments = environments

    def make_environments(self, count: int, training: bool = False) -> Environments:
        """Returns new environments as the config describes them."""
        return make_environments(self.config, count, training)

    def memory_path(self) -> Path | None:
        """Returns the folder of the remembered frames, or None where they are kept in RAM."""
        config = self.config
        if not config.memory_mapped or not (config.memory_folder or self.run_folder):
            return None
        return user_path(config.memory_folder) if config.memory_folder else self.run_folder / "memory"

    def make_memory(
        self, environments: Environments, steps: int, kind: type[ReplayMemory] = ReplayMemory, **kwargs: Any
    ) -> ReplayMemory:
        """Returns a memory of what these environments do, as large as the config says.

        Args:
            environments: What is remembered.
            steps: Rewards in a transition.
            kind: Class of the memory.
            **kwargs: What this class takes besides.
        """
        config, spec = self.config, environments.spec
        return kind(
            config.memory, environments.count, spec.observation_shape, spec.observation_dtype, Frames(spec.stacked, 0),
            steps, config.discount, folder=self.memory_path(), **kwargs,
        )  # fmt: skip

    def checkpoint_items(self) -> Mapping[str, Sequence[Any]]:
        """Returns weights, what the agent remembers, and where its environments are."""
        items = {"model": self.agent.model_items()}
        if hasattr(self, "_snapshot"):
            items |= {"agent": self.agent.variables(), "loop": [self._snapshot]}
        return items

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in an epoch, each of `config.stride` environment steps."""
        return max(1, round(self.config.steps_per_epoch / self.config.stride))

    def begin(self, step: int) -> None:
        """Sets the counter that all random numbers depend on."""
        self._position = step

    def train_step(self) -> Sums:
        """Takes `config.rounds` steps in every environment."""
        config, agent = self.config, self.agent
        acting, learning = (np.random.default_rng((config.seed, stream, self._position)) for stream in (3, 4))
        names = agent.metric_names()
        sums, learned = dict.fromkeys(names, 0.0), 0
        drawn: tuple[Any] | None = None
        for turn in range(config.rounds):
            step = self._position * config.stride + turn * config.environments
            values = agent.values(self._observations, training=True)
            actions = greedy(values, config.epsilon(step), acting)
            drawn = drawn or self._draw(step, learning)
            update = self._pool.submit(agent.learn, *drawn) if drawn else None
            outcome = self.environments.step(actions)
            # Nothing is kept between training steps, where a run may be saved.
            drawn = self._draw(step + config.environments, learning) if turn + 1 < config.rounds else None
            if update is not None:
                for name, value in update.result().items():
                    sums[name] += value
                learned += 1
            agent.observe(self._observations, actions, outcome.rewards, outcome.terminated, outcome.truncated)
            self._observations = outcome.observations
            self._count(outcome.scores, outcome.over | outcome.truncated)
        self._position += 1
        means = [sums[name] / max(1, learned) for name in names]
        extra = {
            "return": float(np.mean(self._recent)) if self._recent else float(self._scores.mean()),
            "epsilon": config.epsilon(self._position * config.stride),
        }
        return Sums((*names, *extra), np.array([*means, *extra.values(), 1.0], np.float32))

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the mean return of whole episodes, with the ends of its 95 % interval.

        Args:
            split: Chooses the seeds.
            steps: Number of episodes; 0 takes `config.evaluation_episodes`.
        """
        return self._evaluate(split, steps, self.config.evaluation_epsilon)

    def learning_rate(self) -> float | None:
        """Returns the present learning rate, where the agent has an optimizer."""
        optimizer = getattr(self.agent, "optimizer", None)
        return None if optimizer is None else float(keras.ops.convert_to_numpy(optimizer.learning_rate))

    def notes(self) -> dict[str, str]:
        """Returns how random play does on the same seeds, what the environments did, and what the agent has to say."""
        random = self._evaluate("test", self.config.evaluation_steps, 1.0)
        return {
            "random play": f"{random['return']:.2f} ({random['return_low']:.2f} to {random['return_high']:.2f})",
            "environment steps in a training step": str(self.config.stride),
            "environments restarted after a fault": str(self.environments.restarts),
            **self.agent.notes(),
        }

    def description(self) -> dict[str, str]:
        """Returns what the agent plays."""
        return {"Environment": f"{self.config.env}, actions: {', '.join(self.environments.spec.actions)}"}

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Plays an episode for each input, a whole number: the seed of its environment."""
        seeds = [_seed(given) for given in inputs]
        environments = self.make_environments(1)
        names = environments.spec.actions
        predictions = []
        for seed in seeds:
            episode = play_episode(self.agent, environments, self.config.evaluation_epsilon, seed)
            score, steps = float(episode.scores.sum()), len(episode.actions)
            data = {"score": score, "steps": steps, "actions": [names[action] for action in episode.actions]}
            text, film = f"score {score:g} in {steps} steps", episode.film(names, self.config.film)
            predictions.append(ogbrain.Prediction(text, data, episode.sheet(names), film))
        environments.close()
        return predictions

    def final_animations(self) -> dict[str, bytes]:
        """Returns a film of an episode of the test split."""
        environments = self.make_environments(1)
        episode = play_episode(self.agent, environments, self.config.evaluation_epsilon, self._seed("test"))
        environments.close()
        return {"episode": episode.film(environments.spec.actions, self.config.film)}

    def _build(self, environments: Environments, training: bool) -> None:
        keras.utils.set_random_seed(self.config.seed)
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.config.precision)
        try:
            self.agent = self.build_agent(environments, training)
        finally:
            keras.config.set_dtype_policy(previous)
        self.model = self.agent.model

    def _draw(self, step: int, rng: np.random.Generator) -> tuple[Any] | None:
        """Returns what is learned from while the environments take a step, or None where nothing is to be learned."""
        config = self.config
        updates = (step + config.environments) // config.steps_per_update - step // config.steps_per_update
        learns = updates and step >= config.learning_starts and self.agent.ready
        return (self.agent.draw(updates, rng),) if learns else None

    def _evaluate(self, split: str, steps: int, epsilon: float) -> dict[str, float]:
        episodes = steps or self.config.evaluation_episodes
        environments = self.make_environments(min(episodes, 32))
        try:
            return evaluate(self.agent, environments, episodes, epsilon, self._seed(split), self.config.env)
        finally:
            environments.close()

    def _seed(self, split: str) -> int:
        return int(np.random.default_rng((self.config.seed, SEEDS[split])).integers(2**31 - 2**20))

    def _count(self, scores: np.ndarray, over: np.ndarray) -> None:
        self._scores += scores
        for number in np.flatnonzero(over):
            self._recent.append(float(self._scores[number]))
            self._scores[number] = 0.0

    def _state(self) -> dict[str, np.ndarray]:
        own = {
            "observations": self._observations, "scores": self._scores, "recent": np.array(self._recent, np.float64),
            "restarts": np.array(self.environments.restarts),
        }  # fmt: skip
        state = self.environments.state() or {}
        return {**own, **{f"environment/{name}": value for name, value in state.items()}}

    def _restore(self, state: Mapping[str, np.ndarray]) -> None:
        self._recent.clear()
        self._recent.extend(state["recent"])
        prefix = "environment/"
        saved = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        self.environments.restarts = int(state["restarts"])
        if saved:
            self.environments.restore(saved)
            self._observations, self._scores = state["observations"].copy(), state["scores"].copy()
        else:
            print(f"{self.config.env}: cannot be saved in the middle of an episode; its episodes begin anew")


def _seed(given: str | Path) -> int:
    """Returns the seed that an input is."""
    try:
        seed = int(str(given))
    except ValueError:
        seed = -1
    if not 0 <= seed < 2**31:
        raise UserError(f"--input={given}: is not allowed; a whole number from 0 on, the seed of an episode to play")
    return seed
