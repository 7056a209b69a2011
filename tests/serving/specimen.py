"""A small experiment with every kind of signature, exported in seconds."""

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ogbrain.config import ExperimentConfig
from ogbrain.serving.export import export
from ogbrain.training.experiment import Experiment, Sums
from ogbrain.training.label_answers import label_answers

LABELS = ("red", "green", "blue", "other")
SIDE = 8
UNITS = 16


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Returns pictures, `(count, 8, 8, 3)` uint8."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def pngs(count: int, seed: int = 0) -> np.ndarray:
    """Returns pictures as PNG files, `(count,)` of `bytes`."""
    return np.array([tf.io.encode_png(picture).numpy() for picture in pictures(count, seed)], object)


class Specimen(Experiment):
    """Classifies pictures and words, with weights as they were made.

    Args:
        seed: Seed of the weights; versions of different seeds answer differently.
    """

    def __init__(self, seed: int = 0):
        super().__init__(ExperimentConfig(seed=seed))
        self.setup_inference()

    def setup(self, strategy: tf.distribute.Strategy) -> None:
        raise NotImplementedError

    def setup_inference(self) -> None:
        keras.utils.set_random_seed(self.config.seed)
        picture = keras.Input((SIDE, SIDE, 3))
        features = keras.layers.Dense(UNITS, "tanh", name="features")(keras.layers.Flatten()(picture))
        self.model = keras.Model(picture, keras.layers.Dense(len(LABELS), name="logits")(features))
        self._folder = tempfile.TemporaryDirectory()
        vocabulary = Path(self._folder.name, "verbs.txt")
        vocabulary.write_text("walk\nrun\nsit\n")
        self.words = keras.layers.StringLookup(vocabulary=str(vocabulary))
        self.cell = self.model.cell = keras.layers.GRUCell(UNITS)
        self.cell.build((None, 3))

    def checkpoint_items(self) -> Any:
        return {"model": [variable.value for variable in self.model.variables]}

    @property
    def steps_per_epoch(self) -> int:
        return 1

    def begin(self, step: int) -> None:
        raise NotImplementedError

    def train_step(self) -> Sums:
        raise NotImplementedError

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        return {"mean_score": float(tf.reduce_mean(tf.reduce_max(self.model(pictures(64) / np.float32(255)), -1)))}

    def example_inputs(self) -> dict[str, dict[str, Any]]:
        return {
            "serving_default": {"image_bytes": pngs(8)},
            "features": {"image": pictures(8) / np.float32(255)},
            "words": {"text": ["walk", "fly", "run"]},
            "step": {"observation": np.eye(3), "state": np.zeros((3, UNITS))},
        }

    def signatures(self) -> dict[str, Any]:
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
        def default(image_bytes):
            decoded = tf.map_fn(
                lambda file: tf.io.decode_image(file, 3, expand_animations=False),
                image_bytes,
                fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
            )
            images = tf.image.resize(tf.cast(decoded, tf.float32) / 255.0, (SIDE, SIDE))
            probabilities = tf.nn.softmax(self.model(images))
            return label_answers(LABELS, probabilities)

        @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")])
        def features(image):
            return {"features": self.model.get_layer("features")(tf.reshape(image, (-1, SIDE * SIDE * 3)))}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def words(text):
            return {"word": self.words(text), "length": tf.strings.length(text, "UTF8_CHAR")}

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, 3), tf.float32, name="observation"),
                tf.TensorSpec((None, UNITS), tf.float32, name="state"),
            ]
        )
        def step(observation, state):
            output, states = self.cell(observation, state)
            return {
                "action": tf.argmax(output, -1),
                "state": states[0] if isinstance(states, (list, tuple)) else states,
            }

        return {"serving_default": default, "features": features, "words": words, "step": step}


def export_versions(folder: Path, count: int) -> Path:
    """Exports versions 1 to `count`, of different weights, as the model `test_specimen`; returns the model's folder."""
    for seed in range(count):
        export("test/specimen", Specimen(seed), folder)
    return folder / "test_specimen"
