"""Sequence tasks that need memory, at the lengths that are wanted."""

from pathlib import Path

from ogbrain.data import builders
from ogbrain.data.pipeline import Pipeline
from ogbrain.data.sources.file_lock import file_lock
from ogbrain.errors import UserError

SPLITS = ("train", "validation", "test")


class MemoryTask(Pipeline):
    """Examples of one task, generated and kept like any other data set.

    A batch is `inputs`, `(batch, time, channels)`, `targets`, `(batch, time, classes)`, and `mask`, `(batch, time)`, 1
    where a target counts, all float32 and zero after the end; `inputs_length`, `(batch,)` int32.

    Example:
        >>> pipeline = MemoryTask("memory_tasks", "adding", shortest=100, longest=110, examples=1000)
        >>> next(iter(pipeline.batches("train", batch_size=20)))["inputs"].shape
        TensorShape([20, 110, 2])
    """

    def __init__(self, dataset: str, task: str, *, shortest: int, longest: int, examples: int, data_dir: str = ""):
        """Prepares the examples, if they are not.

        Args:
            dataset: Name of a data set whose configs have `task`, `shortest`, `longest` and `examples`.
            task: The task.
            shortest: Least length of an example, as the task counts it.
            longest: Most.
            examples: Examples for training; for validation and testing there is a tenth each.
            data_dir: The folder of data.

        Raises:
            UserError: The data set is of another kind, or has no such task or length.
        """
        known = type(builders.builder(f"{dataset}/{task}", data_dir, prepare=False))
        config_class = known.builder_config_cls
        if not {"task", "shortest", "longest"} <= set(getattr(config_class, "__dataclass_fields__", {})):
            raise UserError(f"config.data.name: {dataset!r} is not allowed; a data set of tasks, such as memory_tasks")
        config = config_class(name=f"{task}_{shortest}_{longest}_{examples}", description=f"{task}, for a run.",
                              task=task, shortest=shortest, longest=longest, examples=examples)
        folder = builders.builder(f"{dataset}/{task}", data_dir, prepare=False)._data_dir_root
        builder = known(config=config, data_dir=folder)
        if not builder.is_prepared():
            with file_lock(Path(builder.data_dir).parent / ".lock", f"preparing {builder.info.full_name}"):
                if not builder.is_prepared():
                    with builders.draws_kept():
                        builder.download_and_prepare()
        super().__init__(builder, splits={split: split for split in SPLITS}, features=["inputs", "targets", "mask"])
