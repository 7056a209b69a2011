"""Config of the sentiment experiment; imports no TensorFlow."""

import dataclasses

import ogbrain
from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

VECTORS = ("random", "static", "tuned")
UNKNOWN = ("subwords", "learned")
ENCODERS = ("cnn", "lstm")


@dataclasses.dataclass(frozen=True)
class SentimentConfig(ExperimentConfig):
    """Classes of short texts from word vectors (Kim 2014, arXiv 1408.5882)."""

    epochs: int = 12
    """Passes over the training data."""
    batch_size: int = 64
    """Texts in a training step, over all devices."""
    data: DataConfig = DataConfig(name="rated_sentences/movie")
    """The data set; folder:PATH is a CSV, TSV or JSONL file with the fields text and label."""
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-3, schedule="cosine", warmup_steps=50, clip_norm=3.0)
    """The optimizer."""

    classes: tuple[str, ...] = ("negative", "positive")
    """Classes to keep; () keeps all, as is done with data of one's own (folder:PATH)."""
    label: str = ""
    """Feature of the data set that holds the class; empty takes the one there is."""
    per_class: int = 0
    """Training examples of each class, chosen by the seed; 0 takes all."""
    splits: tuple[str, ...] = ()
    """TFDS split strings of training, validation and test examples; empty takes what the data set has."""

    vectors: str = "tuned"
    """Word vectors: GloVe, learned further (tuned) or not (static), or random ones that are learned."""
    vocabulary: int = 20000
    """Most frequent words of GloVe that are known beside those of the training texts."""
    unknown: str = "subwords"
    """Vector of an unknown word: the mean of its subwords', or one that is learned for all."""
    buckets: int = 2000
    """Vectors of subwords, which share them by their hash."""
    most_words: int = 64
    """Words of a text that are looked at."""
    depth: int = 50
    """Length of random word vectors; those of GloVe have 50."""

    encoder: str = "cnn"
    """Reader of the words: cnn (convolutions over 3, 4 and 5 words), lstm (in both directions), or a sequence encoder
    of any plugin, such as working_memory/gru."""
    filters: int = 100
    """Filters of each width of the cnn."""
    units: int = 64
    """Depth of the lstm in each direction, or of the sequence encoder."""
    dropout: float = 0.5
    """Share of what the reader gives that is dropped in training."""
    tune_fraction: float = 0.5
    """Learning rate of tuned GloVe vectors as a fraction of the others'."""

    baseline: str = "random,static"
    """Baselines trained in the same run: other values of vectors, or none."""

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("vectors", self.vectors, VECTORS)
        one_of("unknown", self.unknown, UNKNOWN)
        if "/" in self.encoder:
            ogbrain.layers.check(self.encoder, "sequence_encoder", "encoder")
        else:
            one_of("encoder", self.encoder, ENCODERS)
        at_least("per_class", self.per_class, 0)
        between("vocabulary", self.vocabulary, 0, 400_000)
        between("buckets", self.buckets, 1, 10_000_000)
        between("most_words", self.most_words, 1, 4096)
        between("depth", self.depth, 1, 4096)
        between("filters", self.filters, 1, 4096)
        between("units", self.units, 1, 4096)
        between("dropout", self.dropout, 0.0, 0.99)
        between("tune_fraction", self.tune_fraction, 0.0, 1.0)
        if self.splits and (len(self.splits) != 3 or not all(self.splits)):
            raise UserError(
                f"config.splits: {self.splits} is not allowed; three TFDS splits: training, validation, test"
            )
        for name in self.baselines:
            one_of("baseline", name, (*VECTORS, "none"))

    @property
    def baselines(self) -> tuple[str, ...]:
        """The baselines by name; none is none."""
        names = (name.strip() for name in self.baseline.split(","))
        return tuple(name for name in names if name not in ("", "none"))
