"""Config of the translation experiment; imports no TensorFlow."""

import dataclasses

from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

MODELS = ("bahdanau", "luong", "luong_dot", "transformer", "no_attention")
CELLS = ("gru", "lstm")


@dataclasses.dataclass(frozen=True)
class TranslateConfig(ExperimentConfig):
    """Translation of sentences; the default is for a CPU.

    For a GPU: `--config.embedding=512 --config.units=512 --config.attention_units=512 --config.vocabulary=16000
    --config.batch_size=256 --config.dropout=0.4 --config.precision=mixed_bfloat16 --config.epochs=40`.
    """

    epochs: int = 8
    """Passes over the training data."""
    batch_size: int = 32
    """Sentences in a training step."""
    data: DataConfig = DataConfig(name="libreoffice_help/en_fr")
    """The data set, of pairs of texts."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=2e-3, schedule="cosine", warmup_steps=100, final_fraction=0.02, clip_norm=1.0
    )
    """The optimizer."""

    source: str = "en"
    """Feature of the data set that is translated."""
    target: str = "fr"
    """Feature that holds the translation."""
    splits: tuple[str, ...] = ("train", "validation", "test")
    """TFDS split strings of the training, validation and test pairs."""
    vocabulary: int = 4000
    """The most pieces of words in each language."""
    most_words: int = 0
    """Train and validate on sentences of so many words at most, and test on all; 0: all."""
    lengths: tuple[int, ...] = (16, 28, 40, 56, 80)
    """Lengths in pieces to which training sentences are padded; pairs longer than the last are left out of training."""

    model: str = "bahdanau"
    """The model: bahdanau (additive attention), luong (general), luong_dot, transformer or no_attention."""
    cell: str = "gru"
    """Recurrent layer of the encoder and the decoder: gru or lstm."""
    embedding: int = 128
    """Depth of the embedding of a piece."""
    units: int = 192
    """Size of the recurrent states; depth of the transformer."""
    attention_units: int = 128
    """Hidden depth of additive attention."""
    input_feeding: bool = False
    """Feed the attention's output of a step to the next; slower, as steps then wait for one another."""
    compiled: bool = True
    """Compile the loops of training with XLA, once for each of `lengths`; off, a run starts sooner and is slower."""
    layers: int = 3
    """Layers of the transformer's encoder and of its decoder."""
    heads: int = 4
    """Query heads of the transformer; keys and values have half as many."""
    dropout: float = 0.2
    """Part that is dropped of embeddings and of what goes into the logits."""

    beams: int = 5
    """Hypotheses of `predict` and of the exported signature `beam`; 1 is greedy search."""
    alpha: float = 0.6
    """How much longer hypotheses are favoured."""
    longest: int = 256
    """The most pieces that are read, and that are written; longer texts are cut, and `predict` says so."""
    bleu_sentences: int = 256
    """Validation sentences of which BLEU is taken after an epoch; 0 takes all. The test takes all."""
    baseline: str = "no_attention"
    """Trained first in the same run to compare with: no_attention, for as many epochs, or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.splits) != 3 or not all(self.splits):
            raise UserError(f"config.splits: {self.splits} is not allowed; three TFDS splits")
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)) or self.lengths[0] < 2:
            raise UserError(f"config.lengths: {self.lengths} is not allowed; lengths from 2 on that rise")
        between("vocabulary", self.vocabulary, 5, 100_000)
        at_least("most_words", self.most_words, 0)
        one_of("model", self.model, MODELS)
        one_of("cell", self.cell, CELLS)
        for name in ("embedding", "units", "attention_units"):
            between(name, getattr(self, name), 1, 65536)
        between("layers", self.layers, 1, 64)
        between("heads", self.heads, 1, 256)
        if self.model == "transformer" and (self.heads % 2 or self.units % (2 * self.heads)):
            raise UserError(
                f"config.units: {self.units} with config.heads={self.heads} is not allowed; "
                "an even number of heads, of an even depth each"
            )
        between("dropout", self.dropout, 0.0, 0.99)
        between("beams", self.beams, 1, 64)
        between("alpha", self.alpha, 0.0, 10.0)
        between("longest", self.longest, 2, 100_000)
        at_least("bleu_sentences", self.bleu_sentences, 0)
        one_of("baseline", self.baseline, ("no_attention", "none"))
        if self.xla:
            raise UserError("config.xla: True is not allowed: a training step handles texts; config.compiled")
