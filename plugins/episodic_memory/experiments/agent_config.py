"""The fields that the config of every agent experiment has."""

import dataclasses

from ogbrain.config import ExperimentConfig, OptimizerConfig, checks
from ogbrain.errors import UserError

FILMS = ("gif", "mp4")


@dataclasses.dataclass(frozen=True)
class AgentConfig(ExperimentConfig):
    """An agent, what it plays and how it explores."""

    epochs: int = 10
    """Evaluations in a run, at its end and at even distances before."""
    steps_per_epoch: int = 100_000
    """Environment steps in an epoch, over all environments."""
    batch_size: int = 32
    """Transitions in an update."""
    log_every: int = 10
    """Training steps, of `rounds` steps of every environment each, between two records of the training metrics."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3e-4)
    """The optimizer."""
    xla: bool = True
    """Compile acting and learning with XLA."""
    operation_threads: int = 1
    """Threads of one TensorFlow operation, 0 for all cores: small networks are faster with one."""
    env: str = "MinAtar/Breakout-v1"
    """Environment: a Gymnasium id, or package.module:NAME, which imports the module first."""
    environments: int = 16
    """Environments that step together."""
    rounds: int = 25
    """Steps of every environment in one training step of the run loop."""
    steps_per_update: int = 4
    """Environment steps for each update."""
    discount: float = 0.99
    """gamma, what a reward one step later counts."""
    initial_epsilon: float = 1.0
    """Share of random actions at the start."""
    final_epsilon: float = 0.05
    """Share of random actions after `exploration_steps`."""
    exploration_steps: int = 100_000
    """Environment steps over which the share of random actions falls."""
    learning_starts: int = 5_000
    """Environment steps before the first update."""
    memory: int = 100_000
    """Steps that are remembered."""
    memory_mapped: bool = False
    """Keep the remembered frames in a file, mapped into memory, for what fits not into RAM or every checkpoint."""
    memory_folder: str = ""
    """Folder of that file, of this run alone; empty takes the run's own folder."""
    evaluation_episodes: int = 100
    """Episodes of an evaluation, in environments and with seeds of their own."""
    evaluation_epsilon: float = 0.0
    """Share of random actions in evaluations."""
    film: str = "gif"
    """What episodes are drawn as: gif, of at most 300 frames, or mp4, of all."""
    step_seconds: float = 20.0
    """Time after which an environment's step counts as hanging; it is restarted then."""
    sticky_actions: float = 0.25
    """Atari: probability that an action is repeated instead of the next one; 0 turns this off."""
    life_loss: bool = True
    """Atari: for the learner, a lost life ends the episode."""
    clip_rewards: bool = True
    """Atari: rewards are clipped to -1..1 in training; scores never are."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.at_least("steps_per_epoch", self.steps_per_epoch, 1)
        checks.at_least("environments", self.environments, 1)
        checks.at_least("rounds", self.rounds, 1)
        checks.at_least("operation_threads", self.operation_threads, 0)
        checks.at_least("steps_per_update", self.steps_per_update, 1)
        checks.between("discount", self.discount, 0.0, 1.0)
        for name in ("initial_epsilon", "final_epsilon", "evaluation_epsilon", "sticky_actions"):
            checks.between(name, getattr(self, name), 0.0, 1.0)
        checks.at_least("exploration_steps", self.exploration_steps, 0)
        checks.at_least("learning_starts", self.learning_starts, 0)
        checks.at_least("memory", self.memory, 1)
        checks.at_least("evaluation_episodes", self.evaluation_episodes, 1)
        checks.one_of("film", self.film, FILMS)
        checks.at_least("step_seconds", self.step_seconds, 0.001)
        if not self.env:
            raise UserError("config.env: '' is not allowed; a Gymnasium id, such as CartPole-v1")
        if self.memory_folder and not self.memory_mapped:
            raise UserError("config.memory_folder: not allowed without config.memory_mapped=true")
        if self.learning_starts >= self.memory:
            raise UserError(
                f"config.learning_starts: {self.learning_starts} is not allowed; less than config.memory, {self.memory}"
            )

    @property
    def stride(self) -> int:
        """Environment steps in one training step of the run loop."""
        return self.environments * self.rounds

    def epsilon(self, step: int) -> float:
        """Returns the share of random actions at an environment step."""
        done = min(1.0, step / self.exploration_steps) if self.exploration_steps else 1.0
        return self.initial_epsilon + done * (self.final_epsilon - self.initial_epsilon)
