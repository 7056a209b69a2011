"""Config of the algorithmic tasks; imports no TensorFlow."""

import dataclasses

from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

CELLS = ("lstm", "gru", "simple_rnn", "min_lstm", "min_gru")
TASKS = ("adding", "copy", "temporal_order", "reber", "repeat_copy", "associative_recall")


@dataclasses.dataclass(frozen=True)
class AlgorithmicConfig(ExperimentConfig):
    """Tasks that need memory, generated; the default is the adding problem of 1997, in fewer sequences.

    An epoch is `steps_per_epoch` steps, between two evaluations. For a GPU:
    `--config_file=plugins/working_memory/configs/algorithmic_gpu.json`.
    """

    epochs: int = 30
    """Evaluations in a run."""
    steps_per_epoch: int = 100
    """Training steps between two evaluations; 0 takes all sequences."""
    batch_size: int = 20
    """Sequences in a training step."""
    data: DataConfig = DataConfig(name="memory_tasks")
    """The data set."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=5e-3, schedule="cosine", warmup_steps=50, final_fraction=0.01, clip_norm=1.0
    )
    """The optimizer."""

    task: str = "adding"
    """The task: adding, copy, temporal_order, reber, repeat_copy or associative_recall."""
    shortest: int = 100
    """Least length of a sequence, as the data set counts it: steps; vectors of copy, repeat_copy; items."""
    longest: int = 110
    """Most."""
    examples: int = 60_000
    """Sequences for training; a tenth as many to validate and to test."""
    cell: str = "lstm"
    """Recurrent layer: lstm, gru, simple_rnn, min_lstm, min_gru."""
    compare: tuple[str, ...] = ()
    """Cells that are trained first, in the same run, to compare with."""
    layers: int = 1
    """Recurrent layers."""
    units: int = 64
    """Size of each of them."""
    long_memory: bool = True
    """Begin with gates that forget slowly, over up to the longest sequence (arXiv 1804.11188); not simple_rnn."""
    lengths: tuple[int, ...] = ()
    """Lengths at which the error is measured in the end; empty takes a half, one, two and four times the longest."""
    length_examples: int = 2560
    """Sequences generated for each of these lengths; a tenth of them is the test."""

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("task", self.task, TASKS)
        one_of("cell", self.cell, CELLS)
        for cell in self.compare:
            one_of("compare", cell, CELLS)
        between("shortest", self.shortest, 1, 1_000_000)
        between("longest", self.longest, self.shortest, 1_000_000)
        between("examples", self.examples, 10, 100_000_000)
        between("length_examples", self.length_examples, 10, 100_000_000)
        between("layers", self.layers, 1, 16)
        between("units", self.units, 1, 65536)
        for length in self.lengths:
            at_least("lengths", length, 1)
        if self.batch_size > self.examples:
            raise UserError(f"config.batch_size: {self.batch_size} is not allowed; up to the {self.examples} examples")
