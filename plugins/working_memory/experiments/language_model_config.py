"""Config of the language-model experiment; imports no TensorFlow."""

import dataclasses

import ogbrain
from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

CELLS = ("lstm", "gru", "min_lstm", "min_gru", "keras")


@dataclasses.dataclass(frozen=True)
class LanguageModelConfig(ExperimentConfig):
    """A recurrent language model of running text; the default is for a CPU.

    For a GPU: `--config_file=plugins/working_memory/configs/language_model_gpu.json`.
    """

    epochs: int = 8
    """Passes over the training data."""
    batch_size: int = 32
    """Rows of running text in a training step."""
    data: DataConfig = DataConfig(name="libreoffice_help/en_fr")
    """The data set."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=3e-3, schedule="cosine", warmup_steps=200, final_fraction=0.01, clip_norm=1.0
    )
    """The optimizer."""

    feature: str = "en"
    """Feature of the data set that holds the texts: en, fr or it in LibreOffice's help."""
    splits: tuple[str, ...] = ("train", "validation", "test")
    """TFDS split strings of the training, validation and test texts."""
    tokens: str = "characters"
    """What is predicted: characters or subwords."""
    vocabulary: int = 2000
    """The most different tokens."""
    steps: int = 100
    """Tokens in a window; gradients end at its borders, the state does not."""
    cell: str = "lstm"
    """Recurrent layer: lstm, gru, min_lstm, min_gru, or one of any plugin, PLUGIN/LAYER; or keras, the stock LSTM, to
    compare with."""
    layers: int = 1
    """Recurrent layers."""
    units: int = 384
    """Size of each of them."""
    embedding: int = 64
    """Depth of the embedding of a token."""
    dropout: float = 0.0
    """Dropout between the layers and before the logits."""
    carry_state: bool = True
    """Begin each batch in training with the state after the one before; off, with zero."""
    baseline: str = "none"
    """Trained first in the same run to compare with: keras, the same model with the stock LSTM; or none."""
    baseline_epochs: int = 0
    """Epochs of the baseline, such as give it as much time; 0: as many as the model has."""
    length: int = 200
    """Tokens with which `predict` continues a text."""
    temperature: float = 0.7
    """Sharpens what `predict` draws below 1, flattens it above; 0 takes the likeliest token."""
    nucleus: float = 0.95
    """`predict` draws from the likeliest tokens that make up this part of the probability."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.splits) != 3 or not all(self.splits):
            raise UserError(f"config.splits: {self.splits} is not allowed; three TFDS splits")
        one_of("tokens", self.tokens, ("characters", "subwords"))
        if "/" in self.cell:
            ogbrain.layers.check(self.cell, "recurrent", "cell")
        else:
            one_of("cell", self.cell, CELLS)
        one_of("baseline", self.baseline, ("keras", "none"))
        at_least("baseline_epochs", self.baseline_epochs, 0)
        between("vocabulary", self.vocabulary, 5, 100_000)
        between("steps", self.steps, 2, 100_000)
        if self.steps % 2:
            raise UserError(f"config.steps: {self.steps} is not allowed; an even number")
        between("layers", self.layers, 1, 16)
        between("units", self.units, 1, 65536)
        between("embedding", self.embedding, 1, 65536)
        between("dropout", self.dropout, 0.0, 0.99)
        between("length", self.length, 1, 100_000)
        at_least("temperature", self.temperature, 0.0)
        between("nucleus", self.nucleus, 1e-6, 1.0)
