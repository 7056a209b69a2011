"""Experiments that learn from a pipeline of batches by the gradient of a loss."""

import abc
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.data.pipeline import Pipeline
from ogbrain.errors import UserError
from ogbrain.training.experiment import Experiment, Sums
from ogbrain.training.optimizers import build_optimizer, clip
from ogbrain.training.strategies import worker_count

Batch = dict[str, tf.Tensor]


class SupervisedExperiment(Experiment):
    """An experiment with a model, a pipeline and a loss.

    Subclasses give `build_pipeline`, `build_model` and `loss`; the rest has sensible
    defaults. The step is one `tf.function` under the strategy, compiled with XLA if
    the config says so.

    Example:
        >>> class Classifier(SupervisedExperiment):
        ...     monitor, monitor_mode = "accuracy", "max"
        ...
        ...     def build_pipeline(self):
        ...         return Pipeline(self.config.data.name, splits={"train": "train", "test": "test"})
        ...
        ...     def build_model(self):
        ...         return keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
        ...
        ...     def loss(self, model, batch, training):
        ...         logits = model(batch["image"], training=training)
        ...         losses = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        ...         correct = keras.ops.argmax(logits, -1) == batch["label"]
        ...         return tf.reduce_mean(losses), {"loss": losses, "accuracy": correct}
    """

    static_shapes = False
    """Whether each shape of a training batch gets a step of its own, all its sizes known: for few shapes only."""

    optimizer: keras.optimizers.Optimizer
    pipeline: Pipeline

    @abc.abstractmethod
    def build_pipeline(self) -> Pipeline:
        """Returns the data, with the splits `"train"`, `"validation"` and `"test"`."""

    @abc.abstractmethod
    def build_model(self) -> keras.Model:
        """Returns a new model; called with the config's precision as Keras' global policy."""

    @abc.abstractmethod
    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the loss to minimise and the metrics.

        Args:
            model: The model.
            batch: A batch of the pipeline.
            training: Whether this is a training step.

        Returns:
            The scalar loss, a mean over the batch, and metrics by name, each of shape
            `(batch,)` or `()`; metrics are averaged over examples.
        """

    def evaluate_batch(self, model: keras.Model, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the metrics of an evaluation batch, as `loss` does; by default those of `loss` itself."""
        return self.loss(model, batch, training=False)[1]

    def pictures(self, model: keras.Model, batch: Batch) -> dict[str, np.ndarray]:
        """Returns pictures of what the model does with a validation batch; none by default."""
        return {}

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        """Returns the optimizer; called once `model` is built, by default as the config says.

        A `GroupedOptimizer` gives each group of weights its own.
        """
        return build_optimizer(self.config.optimizer, self.config.epochs * self.steps_per_epoch)

    def stage(self, step: int) -> int:
        """Returns the number of the stage that a training step belongs to, a pure function of the step; by default 0.

        A new stage may train other weights, on batches of another form. As the step alone decides, a resumed run
        changes where an unbroken one does.
        """
        return 0

    def stage_pipeline(self, stage: int) -> Pipeline:
        """Returns what gives the training batches of a stage; by default `pipeline`."""
        return self.pipeline

    def stage_variables(self, stage: int) -> list[keras.Variable]:
        """Returns the weights that a stage trains; by default all that can be trained."""
        return self.model.trainable_variables

    def steps_per_call(self, stage: int) -> int:
        """Returns how many steps of a stage may go into one compiled call; by default 1.

        Many are faster where a step takes no longer than a call does. They are taken one by one all the same on several
        devices, and for callbacks.
        """
        return 1

    def setup_inference(self) -> None:
        keras.utils.set_random_seed(self.config.seed)
        previous = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.config.precision)
        try:
            self.pipeline = self.build_pipeline()
            self.model = self.build_model()
        finally:
            keras.config.set_dtype_policy(previous)
        if not self.model.built:
            # Such a model makes its weights when it first sees a batch; one of zeros will do.
            specification = self.pipeline.batches("train", batch_size=1, seed=self.config.seed).element_spec
            self.loss(self.model, tf.nest.map_structure(_zeros, specification), training=False)
        self._weights = {id(variable) for variable in self.model.weights}
        self._evaluation_data: dict[str, tf.data.Dataset] = {}
        self._evaluate_step = tf.function(self._evaluate_replica, reduce_retracing=True)

    def setup(self, strategy: tf.distribute.Strategy) -> None:
        config = self.config
        self._strategy = strategy
        replicas = strategy.num_replicas_in_sync
        if replicas > 1 and config.xla:
            raise UserError(f"config.xla: true is not allowed with {replicas} devices; false")
        if config.batch_size % replicas:
            raise UserError(
                f"config.batch_size: {config.batch_size} is not allowed; a multiple of the {replicas} devices"
            )
        with strategy.scope():
            self.setup_inference()
            self.optimizer = self.build_optimizer()
            self.optimizer.build(self.model.trainable_variables)
        self._steps: dict[int, Any] = {}
        self._one_by_one = replicas > 1 or bool(self.callbacks())

    def _build_step(self, stage: int) -> Any:
        strategy = self._strategy

        def train_replica(batch):
            return self._train_replica(batch, stage)

        if strategy.num_replicas_in_sync == 1:
            relaxed = not self.static_shapes
            return tf.function(train_replica, jit_compile=self.config.xla or None, reduce_retracing=relaxed)

        @tf.function(reduce_retracing=True)
        def step(batch):
            values = strategy.run(train_replica, args=(batch,))
            return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

        return step

    def _build_run(self, step: Any) -> Any:
        """Returns what takes several steps from an iterator."""

        @tf.function(reduce_retracing=True)
        def run(iterator, count):
            total = step(next(iterator))
            for _ in tf.range(count - 1):
                total += step(next(iterator))
            return total

        return run

    def _together(self) -> int:
        """Returns how many steps the next call takes, a function of the position alone."""
        if self._one_by_one or self.steps_per_call(self._stage) == 1:
            return 1
        left = [every - self._position % every for every in (self.config.log_every, self.steps_per_epoch)]
        count = min(self.steps_per_call(self._stage), *left)
        while self.stage(self._position + count - 1) != self._stage:
            count -= 1
        return count

    def checkpoint_items(self) -> Mapping[str, Sequence[tf.Variable]]:
        items = {"model": [variable.value for variable in self.model.variables]}
        if hasattr(self, "optimizer"):
            items["optimizer"] = [variable.value for variable in self.optimizer.variables]
        return items

    @property
    def steps_per_epoch(self) -> int:
        return self.config.steps_per_epoch or self.pipeline.steps_per_epoch("train", self.config.batch_size)

    def begin(self, step: int) -> None:
        strategy, config = self._strategy, self.config
        self._position, self._stage = step, self.stage(step)
        if self._stage not in self._steps:
            one = self._build_step(self._stage)
            self._steps[self._stage] = one, self._build_run(one)
        self._step, self._run = self._steps[self._stage]
        workers = worker_count(strategy)
        # Each worker takes its stride of every batch; the strategy splits that among the worker's own devices.
        dataset = self.stage_pipeline(self._stage).batches(
            "train",
            batch_size=config.batch_size,
            seed=config.seed,
            start_step=step,
            training=True,
            shard=(strategy.cluster_resolver.task_id, workers) if workers > 1 else (0, 1),
        )
        if strategy.num_replicas_in_sync == 1:
            self._iterator = iter(dataset)
        elif workers > 1:
            self._iterator = iter(strategy.distribute_datasets_from_function(lambda _: dataset))
        else:
            self._iterator = iter(strategy.experimental_distribute_dataset(dataset))

    def train_step(self) -> Sums:
        if self.stage(self._position) != self._stage:
            self.begin(self._position)
        count = self._together()
        if count == 1:
            values = self._step(next(self._iterator))
        else:
            values = self._run(self._iterator, tf.constant(count))
        self._position += count
        return Sums(self._train_names, values, count)

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        if split not in self._evaluation_data:
            self._evaluation_data[split] = self.pipeline.batches(
                split, batch_size=self.config.batch_size, seed=self.config.seed
            )
        dataset = self._evaluation_data[split]
        # What the model draws must depend on the weights alone, and evaluating must not disturb training.
        seeds = [variable for variable in self.model.variables if id(variable) not in self._weights]
        before = [keras.ops.convert_to_numpy(variable) for variable in seeds]
        for index, variable in enumerate(seeds):
            variable.assign(np.array([self.config.seed, index], dtype=before[index].dtype).reshape(before[index].shape))
        total: Any = 0.0
        for batch in dataset.take(steps) if steps else dataset:
            total = total + self._evaluate_step(batch)
        for variable, value in zip(seeds, before, strict=True):
            variable.assign(value)
        return Sums(self._evaluate_names, total).means(np.asarray(total))

    def sample_pictures(self) -> dict[str, np.ndarray]:
        if type(self).pictures is SupervisedExperiment.pictures:
            return {}
        dataset = self.pipeline.batches("validation", batch_size=min(16, self.config.batch_size), seed=self.config.seed)
        return self.pictures(self.model, next(iter(dataset)))

    def graph(self) -> tf.Graph:
        return self._step.get_concrete_function(self._iterator.element_spec).graph

    def learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.optimizer.learning_rate))

    def description(self) -> dict[str, str]:
        info = self.pipeline.info
        counts = ", ".join(
            f"{self.pipeline.num_examples(split):,} {split}" for split in ("train", "validation", "test")
        )
        licence = info.redistribution_info.license if info.redistribution_info else None
        return {
            "Data": f"{info.full_name} ({counts} examples)",
            "Licence of the data": licence or "not stated",
            "Citation": info.citation or "not stated",
        }

    def _train_replica(self, batch: Batch, stage: int) -> tf.Tensor:
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        variables = self.stage_variables(stage)
        with tf.GradientTape() as tape:
            loss, metrics = self.loss(self.model, batch, training=True)
            if self.model.losses:
                loss = loss + tf.cast(tf.add_n(self.model.losses), loss.dtype)
            loss = loss / replicas
        pairs = list(zip(tape.gradient(loss, [variable.value for variable in variables]), variables, strict=True))
        unused = [variable.path for gradient, variable in pairs if gradient is None]
        if unused:
            warnings.warn(
                f"the loss does not depend on these weights, they stay as they are: {', '.join(unused)}", stacklevel=1
            )
        gradients, used = zip(*[pair for pair in pairs if pair[0] is not None], strict=True)
        self.optimizer.apply(clip(list(gradients), self.config.optimizer.clip_norm), list(used))
        self._train_names, values = _sums(metrics, batch)
        return values

    def _evaluate_replica(self, batch: Batch) -> tf.Tensor:
        self._evaluate_names, values = _sums(self.evaluate_batch(self.model, batch), batch)
        return values


def _zeros(specification: tf.TensorSpec) -> tf.Tensor:
    return tf.zeros([size or 1 for size in specification.shape], specification.dtype)


def _sums(metrics: dict[str, tf.Tensor], batch: Batch) -> tuple[tuple[str, ...], tf.Tensor]:
    examples = tf.cast(tf.shape(tf.nest.flatten(batch)[0])[0], tf.float32)
    sums = []
    for metric in metrics.values():
        metric = tf.cast(metric, tf.float32)
        sums.append(tf.reduce_sum(metric) if metric.shape.rank else metric * examples)
    return tuple(metrics), tf.stack([*sums, examples])
