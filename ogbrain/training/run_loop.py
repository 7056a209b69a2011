"""The one run loop that every experiment goes through."""

import functools
import json
import math
import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.config import flat_values
from ogbrain.training.checkpoints import Checkpoints
from ogbrain.training.experiment import Experiment
from ogbrain.training.interruption import Interrupted, Interruption
from ogbrain.training.prediction import animation_kind
from ogbrain.training.progress import Progress, format_metrics
from ogbrain.training.run_directory import RunDirectory
from ogbrain.training.run_state import RunState
from ogbrain.training.strategies import worker_count
from ogbrain.training.tensorboard_writer import TensorBoardWriter

SHORT = 10.0
"""Seconds of training that are sooner done again than saved: shorter epochs are saved several at a time."""


class RunLoop:
    """Trains, evaluates, saves and records one experiment.

    A run that was interrupted or killed goes on from its last checkpoint when it is
    started again in the same folder, and ends with the same numbers as an unbroken one.

    Args:
        name: `plugin/experiment`, for titles and the model card.
        experiment: The experiment; the loop sets it up.
        folder: The run's folder.
        strategy: How it is distributed; the default strategy is one device.
        chief: Whether this process writes the run; the others of a cluster only train.
        log: Takes a line for people; by default standard output.

    Example:
        >>> results = RunLoop("attention/glimpse", Glimpse(config), Path("runs/mine")).run()
        >>> results["test"]["accuracy"]
    """

    def __init__(
        self,
        name: str,
        experiment: Experiment,
        folder: Path,
        strategy: tf.distribute.Strategy | None = None,
        chief: bool = True,
        log: Callable[[str], None] = print,
    ):
        self.name, self.experiment, self.folder = name, experiment, folder
        self._strategy = strategy or tf.distribute.get_strategy()
        self._chief = chief
        # Workers of a cluster cannot agree on a moment by the clock: they save at the end of each epoch only.
        self._cluster = worker_count(self._strategy) > 1
        self._log = log

    def run(self) -> dict[str, Any]:
        """Runs to the end and returns the results, as `results.json` holds them.

        Raises:
            Interrupted: A signal came; the run is saved.
            UserError: The checkpoints cannot be read.
            RunError: The run's folder cannot be written, or another process trains in it.
        """
        # Saving takes part in the cluster's exchange, so every worker saves; only the chief's files are read again.
        folder = self.folder if self._chief else self.folder / "workers" / str(self._strategy.cluster_resolver.task_id)
        self._directory = RunDirectory(folder)
        try:
            with Interruption() as self._interruption:
                return self._run()
        finally:
            self._directory.close()

    def _run(self) -> dict[str, Any]:
        if (self.folder / "results.json").exists():
            self._log(f"{self.name}: has ended already")
            return json.loads((self.folder / "results.json").read_text())
        baselines = self._run_baselines()
        experiment, self._state = self.experiment, RunState()
        experiment.run_folder = self.folder
        experiment.setup(self._strategy)
        items = experiment.checkpoint_items()
        self._checkpoints = Checkpoints(self._directory.checkpoints, items, self._state)
        chiefs = Checkpoints(self.folder / "checkpoints", items, self._state)
        step = chiefs.restore_last() if chiefs.steps("last") else 0
        self._directory.forget_after(step, int(self._state.epochs))
        if step:
            self._log(f"{self.name}: resumed at step {step:,}")
        self._tensorboard = TensorBoardWriter(self._directory.tensorboard)
        self._train()
        chiefs.restore_best(int(self._state.best_step))
        results = self._finish(baselines)
        self._tensorboard.close()
        return results

    def _run_baselines(self) -> dict[str, Any]:
        results = {}
        for name, baseline in self.experiment.build_baselines().items():
            self._log(f"baseline {name}:")
            loop = RunLoop(
                f"baseline {name}", baseline, self.folder / "baselines" / name, self._strategy, self._chief, self._log
            )
            results[name] = loop.run()
        return results

    def _train(self) -> None:
        experiment, state, config = self.experiment, self._state, self.experiment.config
        callbacks = keras.callbacks.CallbackList(
            experiment.callbacks(), model=experiment.model, epochs=config.epochs, steps=experiment.steps_per_epoch
        )
        experiment.model.stop_training = False
        self._saved = self._started = time.perf_counter()
        self._unsaved_best = self._unsaved_epoch = False
        self._seconds_before = float(state.seconds)
        experiment.begin(int(state.step))
        graph = experiment.graph() if config.tensorboard_graph else None
        if graph is not None:
            self._tensorboard.graph(graph)
        callbacks.on_train_begin()
        patience = config.early_stopping_patience
        while int(state.epochs) < config.epochs and not experiment.model.stop_training:
            if patience and int(state.stale_epochs) >= patience:
                self._log(f"stopped early: {experiment.monitor} no better for {patience} epochs")
                break
            epoch = int(state.epochs)
            callbacks.on_epoch_begin(epoch)
            logs = self._train_epoch(epoch, callbacks)
            callbacks.on_epoch_end(epoch, logs)
        if self._unsaved_epoch:
            self._save(int(state.epochs) * experiment.steps_per_epoch, _total([]))
        callbacks.on_train_end()

    def _train_epoch(self, epoch: int, callbacks: keras.callbacks.CallbackList) -> dict[str, float]:
        experiment, state, config = self.experiment, self._state, self.experiment.config
        steps, step = experiment.steps_per_epoch, int(state.step)
        title = f"epoch {epoch + 1}/{config.epochs}"
        progress = Progress(title, steps, step - epoch * steps)
        # Added up only where they are read: an eager op for each step would cost more than all the rest here.
        window: list[Any] = [state.window.numpy()] if state.window.numpy().size else []
        window_start, window_step = time.perf_counter(), step
        means: dict[str, float] = {}
        every_batch = any(map(_wants_batches, callbacks.callbacks))
        try:
            while step < (epoch + 1) * steps:
                if every_batch:
                    callbacks.on_train_batch_begin(step - epoch * steps)
                sums = experiment.train_step()
                window.append(sums.values)
                step += sums.steps
                if every_batch:
                    callbacks.on_train_batch_end(step - 1 - epoch * steps, sums.means(np.asarray(sums.values)))
                progress.step(sums.steps)
                if step % config.log_every == 0 or step == (epoch + 1) * steps:
                    means = sums.means(_total(window))
                    elapsed = time.perf_counter() - window_start
                    self._record_training(step, epoch, means, (step - window_step) / elapsed)
                    progress.metrics(means)
                    window = []
                    window_start, window_step = time.perf_counter(), step
                due = time.perf_counter() - self._saved >= config.checkpoint_seconds
                if self._cluster and self._interruption.requested:
                    raise Interrupted(f"interrupted at step {step:,}, saved at the end of the last epoch")
                if not self._cluster and (due or self._interruption.requested):
                    self._save(step, _total(window))
                    if self._interruption.requested:
                        raise Interrupted(f"interrupted at step {step:,} and saved")
        except BaseException:
            progress.close()
            raise
        validation = self._evaluate_epoch(step, epoch, callbacks)
        progress.close(format_metrics({**means, **{f"validation_{name}": value for name, value in validation.items()}}))
        state.step.assign(step)
        state.window.assign(_total([]))
        state.epochs.assign(epoch + 1)
        self._unsaved_epoch = True
        if self._cluster or time.perf_counter() - self._saved >= min(SHORT, config.checkpoint_seconds):
            self._save(step, _total([]))
        return {**means, **{f"val_{name}": value for name, value in validation.items()}}

    def _evaluate_epoch(self, step: int, epoch: int, callbacks: keras.callbacks.CallbackList) -> dict[str, float]:
        experiment, state = self.experiment, self._state
        callbacks.on_test_begin()
        validation = experiment.evaluate("validation", experiment.config.evaluation_steps)
        callbacks.on_test_end(validation)
        if experiment.monitor not in validation:
            raise KeyError(
                f"{type(experiment).__name__}.monitor {experiment.monitor!r} is none of {', '.join(validation)}"
            )
        self._directory.record(step=step, epoch=epoch + 1, split="validation", **validation)
        self._tensorboard.scalars("validation", validation, step)
        self._draw(experiment.sample_pictures(), step)
        if int(state.best_step) < 0 or state.improved(validation[experiment.monitor], experiment.monitor_mode):
            self._checkpoints.keep_best()
            self._unsaved_best = True
            state.best.assign(validation[experiment.monitor])
            state.best_step.assign(step)
            state.stale_epochs.assign(0)
        else:
            state.stale_epochs.assign_add(1)
        return validation

    def _record_training(self, step: int, epoch: int, means: Mapping[str, float], rate: float) -> None:
        rates = {"learning_rate": self.experiment.learning_rate(), "steps_per_second": round(rate, 3)}
        extra = {name: value for name, value in rates.items() if value is not None}
        self._directory.record(step=step, epoch=epoch + 1, split="train", **means, **extra)
        self._tensorboard.scalars("train", {**means, **extra}, step)
        if not all(map(math.isfinite, means.values())):
            self._log(
                f"warning: step {step:,}: {format_metrics(means)}; a lower config.optimizer.learning_rate may help"
            )

    def _save(self, step: int, window: np.ndarray) -> None:
        state = self._state
        state.step.assign(step)
        state.window.assign(window)
        state.seconds.assign(self._seconds_before + time.perf_counter() - self._started)
        if self._unsaved_best:
            self._checkpoints.save_best(int(state.best_step))
        self._checkpoints.save_last(step)
        self._unsaved_best = self._unsaved_epoch = False
        self._saved = time.perf_counter()

    def _draw(self, pictures: Mapping[str, np.ndarray], step: int) -> None:
        for name, picture in pictures.items():
            self._directory.write(self._directory.plots / f"{name}.png", tf.io.encode_png(picture).numpy())
            self._tensorboard.image(name, picture, step)

    def _finish(self, baselines: dict[str, Any]) -> dict[str, Any]:
        from ogbrain.training.learning_curves import draw_learning_curves  # matplotlib is slow to import
        from ogbrain.training.model_card import write_model_card

        experiment, state, directory = self.experiment, self._state, self._directory
        results: dict[str, Any] = {
            "experiment": self.name,
            "best_step": int(state.best_step),
            "steps": int(state.step),
            "seconds": round(float(state.seconds), 1),
            "parameters": experiment.model.count_params(),
            "validation": experiment.evaluate("validation", experiment.config.evaluation_steps),
            "test": experiment.evaluate("test", experiment.config.evaluation_steps),
            "notes": experiment.notes(),
            "baselines": baselines,
        }
        experiment.results = results
        for name, curve in draw_learning_curves(directory.records()).items():
            directory.write(directory.plots / f"{name}.png", curve)
        self._draw(experiment.final_pictures(), int(state.step))
        for name, animation in experiment.final_animations().items():
            kind = animation_kind(animation)
            directory.write(directory.plots / f"{name}.{kind}", animation)
            if kind == "gif":  # the board shows no films
                self._tensorboard.animation(name, animation, int(state.step))
        self._tensorboard.embeddings(experiment.embeddings())
        self._tensorboard.hyperparameters(flat_values(experiment.config), results["test"])
        directory.write(directory.model_card, write_model_card(self.name, experiment, results))
        # Last: a run that has results has ended.
        directory.write(directory.results_file, json.dumps(results, indent=2) + "\n")
        return results


def _total(window: list[Any]) -> np.ndarray:
    """Adds up metrics one step after the other, in the same order whether or not a checkpoint came between."""
    return functools.reduce(np.add, map(np.asarray, window)) if window else np.zeros(0, np.float32)


def _wants_batches(callback: keras.callbacks.Callback) -> bool:
    """Whether a callback does anything for a batch: its logs cost a copy off the device."""
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook) for hook in hooks)


def resume_command(folder: Path) -> str:
    """Returns what to type to resume a run."""
    return f"bazel run //ogbrain:train -- --run_dir={shlex.quote(str(folder))} --resume"
