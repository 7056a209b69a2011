"""The contract between an experiment and the run loop."""

import abc
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import keras
import numpy as np
import tensorflow as tf

from ogbrain.config import ExperimentConfig
from ogbrain.errors import UserError
from ogbrain.training.embedding import Embedding
from ogbrain.training.prediction import Prediction


@dataclasses.dataclass(frozen=True)
class Sums:
    """Metrics of a training step, or of several in one call, summed so that steps can be averaged exactly."""

    names: tuple[str, ...]
    """Names of the metrics."""
    values: tf.Tensor
    """float32 of shape `(len(names) + 1,)`: each metric's sum over the examples, then the number of examples."""
    steps: int = 1
    """How many steps were taken."""

    def means(self, values: np.ndarray) -> dict[str, float]:
        """Returns the mean of each metric over steps whose `values` were added up."""
        return {name: float(total / values[-1]) for name, total in zip(self.names, values[:-1], strict=True)}


class Experiment(abc.ABC):
    """A named, runnable whole: model, data, objective, metrics, answers.

    The run loop calls `setup` once, `begin(step)` before the first step and after a
    resume, then `train_step` for every step and `evaluate` after every epoch. Whatever
    changes from step to step must be in `checkpoint_items`, so that a resumed run
    ends with the same numbers as an unbroken one.

    Most experiments derive from `SupervisedExperiment`, which fills this contract from a
    model, a pipeline and a loss.

    Args:
        config: The experiment's config, already checked.
    """

    monitor = "loss"
    """Metric of the validation split that chooses the best checkpoint."""
    monitor_mode = "min"
    """Whether a lower (`"min"`) or a higher (`"max"`) monitored metric is better."""

    model: keras.Model
    run_folder: Path | None = None
    """Where the run is written, for what is too large for its checkpoints; the run loop sets it before `setup`."""
    results: Mapping[str, Any] = MappingProxyType({})
    """What a run and its baselines reached, as `results.json` has it; the run loop sets it before `final_pictures`."""

    def __init__(self, config: ExperimentConfig):
        self.config = config

    @abc.abstractmethod
    def setup(self, strategy: tf.distribute.Strategy) -> None:
        """Builds all that training needs, under the strategy's scope where variables are made."""

    @abc.abstractmethod
    def setup_inference(self) -> None:
        """Builds `model` alone, for a run whose weights are then restored to evaluate, predict or export."""

    @abc.abstractmethod
    def checkpoint_items(self) -> Mapping[str, Sequence[tf.Variable]]:
        """Returns all variables that training changes, in a fixed order, by group; weights under `"model"`."""

    @property
    @abc.abstractmethod
    def steps_per_epoch(self) -> int:
        """Training steps in an epoch."""

    @abc.abstractmethod
    def begin(self, step: int) -> None:
        """Positions the input so that the next `train_step` is step number `step`, from 0."""

    @abc.abstractmethod
    def train_step(self) -> Sums:
        """Runs one training step and returns its metrics.

        It may run several, as long as none but the last ends an epoch or is a multiple of `config.log_every`.
        """

    @abc.abstractmethod
    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the metrics of `split`, a pure function of the weights and the config.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            steps: Number of batches; 0 takes the whole split.
        """

    def learning_rate(self) -> float | None:
        """Returns the present learning rate, for the logs, or None if there is none."""
        return None

    def graph(self) -> tf.Graph | None:
        """Returns the graph of the training step for TensorBoard, or None."""
        return None

    def build_baselines(self) -> dict[str, "Experiment"]:
        """Returns experiments to train in the same run on the same data, to compare with; none by default."""
        return {}

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Returns Keras callbacks, called as `fit` would call them; none by default."""
        return []

    def sample_pictures(self) -> dict[str, np.ndarray]:
        """Returns pictures of what the model does now, uint8 `(height, width, 3)` by name; none by default."""
        return {}

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Returns pictures of what the best weights do, drawn once after the last evaluation; none by default."""
        return {}

    def embeddings(self) -> dict[str, Embedding]:
        """Returns what the best weights make of some examples, for TensorBoard's projector; none by default."""
        return {}

    def final_animations(self) -> dict[str, bytes]:
        """Returns GIF or MP4 files of what the best weights do by name, made once at the end; none by default."""
        return {}

    def notes(self) -> dict[str, str]:
        """Returns facts for the model card and below the final figures, such as its cost; none by default."""
        return {}

    def description(self) -> dict[str, str]:
        """Returns what the model card says of the data; filled by `SupervisedExperiment`."""
        return {}

    def predict(self, inputs: Sequence[str | Path]) -> list[Prediction]:
        """Answers files or texts of the user's own, one `Prediction` for each input."""
        raise UserError(f"{type(self).__name__}: answers no single inputs; evaluate it on a split instead")

    def stream(self, source: BinaryIO) -> Iterator[str]:
        """Answers standard input piece by piece, while it comes in; the pieces together are the answer in one go."""
        raise UserError(f"--stream: {type(self).__name__} answers no streams; --input=FILE|TEXT instead")

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures to export: `tf.function`s with an input signature, dict in and dict out, by name."""
        raise UserError(f"{type(self).__name__}: has no signatures, so it cannot be exported")

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns real inputs for the signatures, by signature and input: arrays, strings as `bytes`; none by default.

        Exported models are checked and warmed up with them. What is left out is taken from the validation split,
        where a batch has an array of the input's name and type, or pictures for an input `NAME_bytes`.
        """
        return {}
