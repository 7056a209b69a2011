"""The experiment: tells pictures apart."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import ogbrain
from ogbrain.data.pipeline import Batch
from ogbrain.paths import user_path

from .classify_config import ClassifyConfig
from .leaky_memory import LeakyMemory
from .pictures import Pictures


class Classify(ogbrain.SupervisedExperiment):
    """Reads pictures row by row into a leaky memory, and tells them apart."""

    monitor, monitor_mode = "accuracy", "max"

    config: ClassifyConfig
    pipeline: Pictures
    plain = False

    def build_pipeline(self) -> Pictures:
        """Returns the pictures."""
        return Pictures(self.config.data.name, data_dir=self.config.data.data_dir)

    def build_model(self) -> keras.Model:
        """Returns a network from pictures, `(batch, height, width, channels)`, to logits, `(batch, classes)`."""
        config, shape = self.config, self.pipeline.info.features["image"].shape
        pictures = keras.Input(shape, name="image")
        if self.plain:
            features = keras.layers.Dense(config.units, activation="relu")(keras.layers.Flatten()(pictures))
        else:
            rows = keras.layers.Reshape((shape[0], shape[1] * shape[2]), name="rows")(pictures)
            features = LeakyMemory(config.units, name="memory")(rows)
        logits = keras.layers.Dense(len(self.pipeline.label_names), dtype="float32", name="logits")(features)
        return keras.Model(pictures, logits)

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy, and whether the likeliest class is right."""
        logits = model(batch["image"], training=training)
        losses = keras.losses.sparse_categorical_crossentropy(batch["label"], logits, from_logits=True)
        right = tf.equal(tf.argmax(logits, -1), batch["label"])
        return tf.reduce_mean(losses), {"loss": losses, "accuracy": right}

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns the network without the plugin's layer."""
        if self.config.baseline == "none":
            return {}
        baseline = type(self)(dataclasses.replace(self.config, baseline="none"))
        baseline.plain = True
        return {"plain": baseline}

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers image files."""
        height, width, channels = self.pipeline.info.features["image"].shape
        answers = []
        for given in inputs:
            with Image.open(user_path(given)) as file:
                picture = file.convert("L" if channels == 1 else "RGB").resize((width, height))
            values = np.asarray(picture, np.float32).reshape(1, height, width, channels) / 255.0
            probabilities = tf.nn.softmax(self.model(values))[0].numpy()
            label, probability = self.pipeline.label_names[probabilities.argmax()], float(probabilities.max())
            data = {"label": label, "probability": probability}
            answers.append(ogbrain.Prediction(f"{label} {probability:.3f}", data))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns what is exported: pictures in, labels and probabilities out."""
        names = tf.constant(self.pipeline.label_names)
        shape = (None, *self.pipeline.info.features["image"].shape)

        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
        def serve(image):
            probabilities = tf.nn.softmax(self.model(image))
            return {"label": tf.gather(names, tf.argmax(probabilities, -1)), "probabilities": probabilities}

        return {"serving_default": serve}
