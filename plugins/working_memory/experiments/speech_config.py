"""Config of the speech experiment; imports no TensorFlow."""

import dataclasses

from ogbrain.config import DataConfig, ExperimentConfig, OptimizerConfig, at_least, between, one_of
from ogbrain.errors import UserError

CELLS = ("lstm", "gru", "min_lstm", "min_gru")


@dataclasses.dataclass(frozen=True)
class SpeechConfig(ExperimentConfig):
    """Deep recurrent layers with CTC, from sound to characters; the default is for a CPU.

    For a GPU: `--config_file=plugins/working_memory/configs/speech_gpu.json`.
    """

    epochs: int = 10
    """Rounds of `steps_per_epoch`, each followed by an evaluation."""
    steps_per_epoch: int = 800
    """Training steps in a round, by default six passes over the training clips; 0: one pass."""
    batch_size: int = 16
    """The most clips in a training step; of long ones there are fewer, see `batch_seconds`."""
    precision: str = "mixed_bfloat16"
    """Arithmetic: float32 or mixed_bfloat16; weights stay float32."""
    data: DataConfig = DataConfig(name="asterisk_sounds/all")
    """The data set: asterisk_sounds/all, or one language: en, es, fr, it, ru."""
    optimizer: OptimizerConfig = OptimizerConfig(
        learning_rate=3e-3, schedule="cosine", warmup_steps=100, final_fraction=0.02, clip_norm=1.0
    )
    """The optimizer."""

    audio: str = "audio"
    """Feature of the data set that holds the sound, 16-bit at 16 kHz."""
    transcript: str = "transcript"
    """Feature that holds what is said."""
    group: str = "speaker"
    """Feature whose beginning, up to the first underscore, tells groups apart that have error rates of their own."""
    splits: tuple[str, ...] = ("train", "validation", "test")
    """TFDS split strings of the training, validation and test clips."""
    lengths: tuple[float, ...] = (1.2, 2.0, 3.5, 6.0)
    """Seconds to which training clips are padded, rising: the loops are compiled once for each. Longer clips are not
    trained on (one in thirteen); all are evaluated."""
    batch_seconds: float = 100.0
    """The most seconds of sound, padding and all, in a training step."""
    bands: int = 40
    """Mel bands of the spectrogram."""
    stacked_frames: int = 3
    """Frames of 10 ms that the network reads in one step."""
    cell: str = "lstm"
    """Recurrent layer: lstm, gru, min_lstm, min_gru."""
    bidirectional: bool = True
    """Read the sound in both directions; off, the model can transcribe while one speaks."""
    layers: int = 2
    """Recurrent layers."""
    units: int = 128
    """Size of each of them, in each direction."""
    dropout: float = 0.25
    """Dropout between the layers."""
    augment: bool = True
    """Change speed and loudness of training clips and hide parts of their spectrogram."""
    beam: int = 16
    """Prefixes that the beam search keeps."""
    language_weight: float = 0.5
    """Of the n-gram model of the training transcripts in the fused beam, which the test split has beside the others."""
    language_bonus: float = 1.0
    """Added to the fused score for each character, against the n-gram model's liking of short texts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.splits) != 3 or not all(self.splits):
            raise UserError(f"config.splits: {self.splits} is not allowed; three TFDS splits")
        one_of("cell", self.cell, CELLS)
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)) or self.lengths[0] < 0.1:
            raise UserError(f"config.lengths: {self.lengths} is not allowed; seconds that rise, from 0.1 on")
        at_least("batch_seconds", self.batch_seconds, self.lengths[-1])
        between("bands", self.bands, 1, 128)
        between("stacked_frames", self.stacked_frames, 1, 8)
        between("layers", self.layers, 1, 16)
        between("units", self.units, 1, 65536)
        between("dropout", self.dropout, 0.0, 0.99)
        between("beam", self.beam, 1, 1000)
        between("language_weight", self.language_weight, 0.0, 10.0)
        between("language_bonus", self.language_bonus, -10.0, 10.0)
