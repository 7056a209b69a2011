"""Sequence tasks that need memory, generated."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.errors import UserError, unknown_name

from .tasks import SHORTEST, TASKS, WIDTHS

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(eq=False)
class MemoryTasksConfig(tfds.core.BuilderConfig):
    """One task, at the lengths that are wanted.

    Attributes:
        task: Name of the task.
        shortest: Least length of an example; what it counts is said by each function of `tasks.py`.
        longest: Most.
        examples: Examples for training; for validation and testing there is a tenth each.
        seed: The same seed gives the same examples.

    Example:
        >>> Builder(config=MemoryTasksConfig(name="copy_100", task="copy", shortest=100, longest=100))
    """

    task: str = "copy"
    shortest: int = 1
    longest: int = 20
    examples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises a `UserError` if the task is unknown or the lengths are not possible."""
        if self.task not in TASKS:
            raise unknown_name("memory task", self.task, TASKS)
        if not SHORTEST[self.task] <= self.shortest <= self.longest:
            raise UserError(
                f"memory task {self.task!r}: lengths {self.shortest} to {self.longest} are not allowed; "
                f"from {SHORTEST[self.task]} on, the shortest first"
            )
        if self.examples < 10:
            raise UserError(f"memory task {self.task!r}: {self.examples} examples are not allowed; 10 or more")


class Builder(PackageBuilder):
    """Builds `memory_tasks`: inputs, targets and mask, one config for each task."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Six tasks at their published lengths."}
    builder_config_cls = MemoryTasksConfig
    BUILDER_CONFIGS = [
        MemoryTasksConfig(name="copy", description="NTM copy, 1-20 vectors.", task="copy", longest=20),
        MemoryTasksConfig(
            name="repeat_copy", description="NTM repeat copy, 1-10 vectors 1-10 times.", task="repeat_copy", longest=10
        ),
        MemoryTasksConfig(
            name="associative_recall",
            description="NTM associative recall, 2-6 items.",
            task="associative_recall",
            shortest=2,
            longest=6,
        ),
        MemoryTasksConfig(
            name="adding", description="LSTM adding problem, 100-110 steps.", task="adding", shortest=100, longest=110
        ),
        MemoryTasksConfig(
            name="temporal_order",
            description="LSTM temporal order, 100-110 steps.",
            task="temporal_order",
            shortest=100,
            longest=110,
        ),
        MemoryTasksConfig(
            name="reber",
            description="Embedded Reber grammar, inner strings of 5 or more.",
            task="reber",
            shortest=5,
            longest=5,
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        inputs, targets = WIDTHS[self.builder_config.task]
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "inputs": tfds.features.Tensor(
                        shape=(None, inputs), dtype=np.float32, doc="What is seen, by step."
                    ),
                    "targets": tfds.features.Tensor(shape=(None, targets), dtype=np.float32, doc="What is wanted."),
                    "mask": tfds.features.Tensor(
                        shape=(None,), dtype=np.float32, doc="1 where a target counts, else 0."
                    ),
                }
            ),
            supervised_keys=("inputs", "targets"),
            homepage="https://arxiv.org/abs/1410.5401",
            license="Apache-2.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # nothing is downloaded
        config = self.builder_config
        self.info.metadata["generated"] = {
            "task": config.task,
            "shortest": config.shortest,
            "longest": config.longest,
            "seed": config.seed,
        }
        counts = (config.examples, config.examples // 10, config.examples // 10)
        return {split: self._generate_examples(split, count) for split, count in zip(SPLITS, counts, strict=True)}

    def _generate_examples(self, split: str, count: int):
        config = self.builder_config
        for index in range(count):
            # A generator of its own for each: an example is the same however many there are.
            rng = np.random.default_rng([config.seed, SPLITS.index(split), index])
            length = int(rng.integers(config.shortest, config.longest + 1))
            yield index, TASKS[config.task](length, rng)
