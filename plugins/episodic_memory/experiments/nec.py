"""Neural Episodic Control that plays."""

from ogbrain.training.optimizers import build_optimizer

from ..agents.key_encoders import learned_encoder
from ..agents.neural_episodic_control import NeuralEpisodicControl
from ..agents.random_shift import RandomShift
from ..environments.environments import Environments
from ..memories.prioritized_memory import PrioritizedMemory
from ..memories.replay_memory import ReplayMemory
from .episodic_config import NECConfig
from .episodic_experiment import EpisodicExperiment


class NEC(EpisodicExperiment):
    """Remembers n-step returns of situations, and learns by gradient which situations are alike.

    Reference: Pritzel et al. 2017, Neural Episodic Control, arXiv 1703.01988.
    """

    config: NECConfig

    def build_agent(self, environments: Environments, training: bool) -> NeuralEpisodicControl:
        """Returns an agent as the config describes it."""
        config, spec = self.config, environments.spec
        head = config.head_loss > 0
        encoder = learned_encoder(spec, config.units, config.depth)
        optimizer = memory = target = None
        if training:
            total = config.epochs * self.steps_per_epoch * config.stride // config.steps_per_update
            optimizer = build_optimizer(config.optimizer, total)
            kind = PrioritizedMemory if config.prioritized else ReplayMemory
            memory = self.make_memory(environments, config.n_step, kind)
            if head and config.target_every:
                target = learned_encoder(spec, config.units, config.depth)
        return NeuralEpisodicControl(
            encoder, len(spec.actions), environments.count, optimizer, memory, batch_size=config.batch_size,
            discount=config.discount, steps=config.n_step, capacity=config.capacity, neighbors=config.neighbors,
            delta=config.delta, write_rate=config.write_rate, key_rate=config.key_rate, value_rate=config.value_rate,
            leave_out=config.leave_out, refresh=config.refresh, revalue=config.revalue,
            head_loss=config.head_loss, head_share=config.head_share * head, dueling=config.dueling,
            target=target, target_every=config.target_every, double=config.double and head,
            clip_norm=config.optimizer.clip_norm, augment=RandomShift.of(spec, config.shift), xla=config.xla,
        )  # fmt: skip
