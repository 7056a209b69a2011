"""Configs of the experiments with episodic dictionaries."""

import dataclasses

from ogbrain.config import OptimizerConfig, checks
from ogbrain.errors import UserError

from .agent_config import AgentConfig

KEYS = ("projection", "vae")


@dataclasses.dataclass(frozen=True)
class EpisodicConfig(AgentConfig):
    """What Model-Free and Neural Episodic Control have in common."""

    epochs: int = 10
    """Evaluations in a run, at its end and at even distances before."""
    steps_per_epoch: int = 10_000
    """Environment steps in an epoch, over all environments."""
    environments: int = 8
    """Environments that step together."""
    exploration_steps: int = 2_000
    """Environment steps over which the share of random actions falls."""
    final_epsilon: float = 0.01
    """Share of random actions after `exploration_steps`."""
    evaluation_epsilon: float = 0.005
    """Share of random actions in evaluations."""
    learning_starts: int = 1_000
    """Environment steps before the first update."""
    depth: int = 64
    """Length of a key."""
    capacity: int = 100_000
    """Most keys for each action."""
    neighbors: int = 11
    """Keys that value a situation, k."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("depth", "capacity", "neighbors"):
            checks.at_least(name, getattr(self, name), 1)
        if self.neighbors > self.capacity:
            raise UserError(
                f"config.neighbors: {self.neighbors} is not allowed; at most config.capacity, {self.capacity}"
            )
        if self.precision != "float32":
            raise UserError(f"config.precision: {self.precision} is not allowed: near keys would be alike; float32")


@dataclasses.dataclass(frozen=True)
class MFECConfig(EpisodicConfig):
    """Model-Free Episodic Control on MinAtar Breakout; the same on anything else by `env`."""

    keys: str = "projection"
    """How keys are made: projection (random, fixed) or vae (a variational autoencoder, trained before the run)."""
    vae_steps: int = 10_000
    """Random environment steps that the autoencoder is trained on; they come before those of the run."""
    vae_epochs: int = 5
    """Passes of the autoencoder's training over them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("keys", self.keys, KEYS)
        checks.at_least("vae_steps", self.vae_steps, self.batch_size)
        checks.at_least("vae_epochs", self.vae_epochs, 1)


@dataclasses.dataclass(frozen=True)
class NECConfig(EpisodicConfig):
    """Neural Episodic Control on MinAtar Breakout; the same on anything else by `env`."""

    exploration_steps: int = 5_000
    """Environment steps over which the share of random actions falls."""
    n_step: int = 2
    """Rewards in a return before the value of what follows is taken."""
    neighbors: int = 30
    """Keys that value a situation, k."""
    delta: float = 0.3
    """What keeps the weight of a key that equals the query finite; the larger, the more alike the neighbours count."""
    write_rate: float = 1.0
    """alpha: how much of a new return is taken where its key is there already."""
    key_rate: float = 1e-3
    """Length of a gradient step of keys: where they lie close together, long ones throw them apart."""
    value_rate: float = 0.1
    """Length of a gradient step of values."""
    leave_out: bool = True
    """A step that is learned from is valued by others alone, not by what was written of itself."""
    refresh: bool = True
    """The key that was written of a step is made anew when it is learned from."""
    revalue: bool = True
    """The return of a step is made anew, by what the steps after it are now worth, when it is learned from."""
    head_loss: float = 1.0
    """What the error of a linear head on the keys counts, beside that of the dictionaries: it shapes the keys, too. 0
    leaves the head out, and what its share, dueling, its target and double would do."""
    head_share: float = 0.5
    """How much of a value is the head's; the rest is remembered."""
    dueling: bool = False
    """The head says what the situation is worth and by how much each action is better: all learn from each."""
    target_every: int = 500
    """Updates between two copies of encoder and head, which say in place of the head what follows is worth, in returns
    that are made anew; 0 for none."""
    double: bool = True
    """A return that is made anew takes the value of the action that the newest encoder and head, with what is
    remembered, think best, not the largest value with the older copy; without one it changes nothing."""
    shift: int = 0
    """Pixels, at most, that a picture is moved by, each time in another direction, for the encoder to learn from; 0 for
    none. Observations that are no pictures are taken as they are."""
    prioritized: bool = False
    """Steps with larger errors are drawn more often."""
    units: tuple[int, ...] = (128,)
    """Units of the hidden layers between convolutions, if any, and keys."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=5e-4)
    """The optimizer of the encoder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.at_least("n_step", self.n_step, 1)
        checks.at_least("delta", self.delta, 1e-9)
        checks.between("write_rate", self.write_rate, 0.0, 1.0)
        checks.at_least("key_rate", self.key_rate, 0.0)
        checks.at_least("value_rate", self.value_rate, 0.0)
        checks.at_least("head_loss", self.head_loss, 0.0)
        checks.at_least("target_every", self.target_every, 0)
        checks.at_least("shift", self.shift, 0)
        checks.between("head_share", self.head_share, 0.0, 1.0)
        for units in self.units:
            checks.at_least("units", units, 1)
