"""Config of the DQN experiments."""

import dataclasses

import ogbrain
from ogbrain.config import OptimizerConfig, checks
from ogbrain.errors import UserError

from .agent_config import AgentConfig


@dataclasses.dataclass(frozen=True)
class DQNConfig(AgentConfig):
    """A deep Q-network on MinAtar Breakout; the same on anything else by `env`."""

    steps_per_update: int = 1
    """Environment steps for each update."""
    final_epsilon: float = 0.1
    """Share of random actions after `exploration_steps`."""
    double: bool = True
    """The network chooses the next action, its older copy values it."""
    dueling: bool = False
    """The value of a situation and the advantages of actions have streams of their own."""
    n_step: int = 1
    """Rewards in a transition before the value of what follows is taken."""
    prioritized: bool = False
    """Transitions with larger errors are drawn more often."""
    priority_alpha: float = 0.6
    """How much priorities count; 0 is uniform."""
    priority_beta: float = 0.4
    """How much of the bias of priorities the loss takes back."""
    target_every: int = 1_000
    """Updates between two copies of the network to the target network."""
    shift: int = 0
    """Pixels, at most, that a picture is moved by, each time in another direction, for the network to learn from; 0 for
    none. Observations that are no pictures are taken as they are."""
    encoder: str = ""
    """Layer of a kind of encoder, PLUGIN/LAYER, that sees observations; by default convolutions for pictures."""
    encoder_arguments: str = ""
    """What that layer is made with: "units=64, dropout=0.1"."""
    encoder_shape: tuple[int, ...] = ()
    """Shape that observations get before that layer, -1 for the rest; empty leaves them as they are."""
    units: tuple[int, ...] = (128,)
    """Units of the hidden layers after the encoder."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4)
    """The optimizer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.at_least("n_step", self.n_step, 1)
        checks.between("priority_alpha", self.priority_alpha, 0.0, 1.0)
        checks.between("priority_beta", self.priority_beta, 0.0, 1.0)
        checks.at_least("target_every", self.target_every, 1)
        checks.at_least("shift", self.shift, 0)
        for units in self.units:
            checks.at_least("units", units, 1)
        if self.encoder:
            ogbrain.layers.check(self.encoder, "encoder", "encoder")
        elif self.encoder_arguments or self.encoder_shape:
            raise UserError("config.encoder_arguments: not allowed without config.encoder; a layer as PLUGIN/LAYER")


@dataclasses.dataclass(frozen=True)
class CartPoleConfig(DQNConfig):
    """A deep Q-network that balances a pole within a minute."""

    steps_per_epoch: int = 10_000
    """Environment steps in an epoch, over all environments."""
    env: str = "CartPole-v1"
    """Environment: a Gymnasium id, or package.module:NAME, which imports the module first."""
    environments: int = 40
    """Environments that step together."""
    final_epsilon: float = 0.05
    """Share of random actions after `exploration_steps`."""
    n_step: int = 3
    """Rewards in a transition before the value of what follows is taken."""
    batch_size: int = 64
    """Transitions in an update."""
    units: tuple[int, ...] = (128, 128)
    """Units of the hidden layers after the encoder."""
    memory: int = 50_000
    """Steps that are remembered."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""
    target_every: int = 500
    """Updates between two copies of the network to the target network."""
    exploration_steps: int = 10_000
    """Environment steps over which the share of random actions falls."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3e-4, schedule="linear", final_fraction=0.05)
    """The optimizer."""


@dataclasses.dataclass(frozen=True)
class AtariConfig(DQNConfig):
    """A deep Q-network on an Atari game: double, dueling, three steps, prioritised."""

    env: str = "ALE/Pong-v5"
    """Environment: ALE/GAME-v5."""
    environments: int = 8
    """Environments that step together."""
    batch_size: int = 32
    """Transitions in an update."""
    n_step: int = 3
    """Rewards in a transition before the value of what follows is taken."""
    dueling: bool = True
    """The value of a situation and the advantages of actions have streams of their own."""
    steps_per_update: int = 4
    """Environment steps for each update."""
    prioritized: bool = True
    """Transitions with larger errors are drawn more often."""
    units: tuple[int, ...] = (512,)
    """Units of the hidden layers after the encoder."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=1e-4, schedule="cosine", final_fraction=0.05, clip_norm=10.0
    )
    """The optimizer."""
    precision: str = "mixed_bfloat16"
    """Arithmetic: float32 or mixed_bfloat16; weights stay float32."""
    xla: bool = False
    """Compile acting and learning with XLA, whose convolutions are slower on a CPU."""
    operation_threads: int = 0
    """Threads of one TensorFlow operation, 0 for all cores."""
    exploration_steps: int = 50_000
    """Environment steps over which the share of random actions falls."""
    final_epsilon: float = 0.01
    """Share of random actions after `exploration_steps`."""
    learning_starts: int = 10_000
    """Environment steps before the first update."""
    evaluation_episodes: int = 10
    """Episodes of an evaluation, in environments and with seeds of their own."""
    evaluation_epsilon: float = 0.001
    """Share of random actions in evaluations."""
    memory_mapped: bool = True
    """Keep the remembered frames in a file, mapped into memory, for what fits not into RAM or every checkpoint."""
    checkpoint_seconds: float = 600.0
    """Longest time between two checkpoints."""
