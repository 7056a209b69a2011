"""What the experiments of this plugin share: classes, measures, and what is shown at the end."""

import abc
import dataclasses
import sys
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.config import ExperimentConfig
from ogbrain.data.pipeline import Batch

from ..pipelines.selected_examples import SelectedExamples
from .mistakes import draw_confusion

WORST = 24
"""Mistakes that are drawn."""
Pipelines = TypeVar("Pipelines", bound=SelectedExamples)


class Classifier(ogbrain.SupervisedExperiment):
    """Tells classes apart, and shows in the end which it mistakes for which."""

    monitor, monitor_mode = "accuracy", "max"

    config: ExperimentConfig
    pipeline: SelectedExamples

    def fit_batch(self, pipeline: Pipelines) -> Pipelines:
        """Makes the batch no larger than the training split, so that few examples need no other config."""
        few = pipeline.num_examples("train")
        if few < self.config.batch_size:
            print(f"note: batches of {few}, for there are no more training examples", file=sys.stderr)
            self.config = dataclasses.replace(self.config, batch_size=few)
        return pipeline

    @property
    def label_names(self) -> list[str]:
        """Names of the classes, in the order of the model's outputs."""
        return self.pipeline.label_names

    @abc.abstractmethod
    def scores(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Returns the logits of an evaluation batch, `(batch, classes)`."""

    @abc.abstractmethod
    def draw_worst(self, worst: list[dict[str, Any]]) -> np.ndarray:
        """Draws the surest mistakes: each has `label`, `guess`, `probability` and what the batch held of it."""

    def measures(self, logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.0) -> dict[str, tf.Tensor]:
        """Returns cross-entropy and whether the guess is right, `(batch,)` float32 each."""
        logits = tf.ensure_shape(tf.cast(logits, tf.float32), (None, len(self.label_names)))
        labels = tf.ensure_shape(labels, (None,))
        target = tf.one_hot(labels, len(self.label_names)) * (1.0 - smoothing) + smoothing / len(self.label_names)
        right = tf.equal(tf.argmax(logits, -1), tf.cast(labels, tf.int64))  # `==` would lose the shape
        return {
            "loss": -tf.reduce_sum(target * tf.nn.log_softmax(logits), -1),
            "accuracy": tf.cast(right, tf.float32),
        }

    def final_pictures(self) -> dict[str, np.ndarray]:
        """Draws the confusion matrix of the test split and the surest mistakes."""
        count = len(self.label_names)
        confusion = np.zeros((count, count), np.int64)
        wrong: list[dict[str, Any]] = []
        for batch in self.pipeline.batches("test", batch_size=self.config.batch_size, seed=self.config.seed):
            probabilities = tf.nn.softmax(tf.cast(self.scores(self.model, batch), tf.float32)).numpy()
            labels, guesses = batch["label"].numpy(), probabilities.argmax(-1)
            np.add.at(confusion, (labels, guesses), 1)
            for row in np.flatnonzero(labels != guesses):
                seen = {name: value[row].numpy() for name, value in batch.items() if name != "label"}
                guess = {"guess": self.label_names[guesses[row]], "probability": float(probabilities[row].max())}
                wrong.append({**seen, **guess, "label": self.label_names[labels[row]]})
            wrong = sorted(wrong, key=lambda mistake: -mistake["probability"])[:WORST]
        pictures = {"confusion": draw_confusion(confusion, self.label_names)}
        return {**pictures, "worst_mistakes": self.draw_worst(wrong)} if wrong else pictures

    def answer(self, probabilities: np.ndarray) -> tuple[str, dict[str, Any]]:
        """Returns the answer to one input in a line, and for programs."""
        best = int(np.argmax(probabilities))
        data = {
            "label": self.label_names[best],
            "probability": float(probabilities[best]),
            "probabilities": dict(zip(self.label_names, map(float, probabilities), strict=True)),
        }
        return f"{data['label']} {data['probability']:.3f}", data
