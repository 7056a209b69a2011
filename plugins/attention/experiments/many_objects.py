"""Deep recurrent attention: reads several objects one after another."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import ogbrain
from ogbrain.data.pipeline import Batch
from ogbrain.paths import user_path

from ..layers.deep_recurrent_attention import DeepRecurrentAttention
from ..pipelines.picture_file import decode_pictures, fit_to_canvas, read_picture
from .glimpse_pictures import draw_glimpses, stack
from .label_sequences import LabelSequences, mean_entropy, sequence_metrics, told
from .reinforce import reinforce
from .whole_canvas import WholeCanvas


class ManyObjects(LabelSequences):
    """Tells the digits on a canvas from left to right, and then that there are no more.

    Cross-entropy of the labels trains everything; where to look learns from it too, through interpolated glimpses, or
    with `gradient=reinforce` from whether the label that followed was right.

    Reference: Ba et al. 2015, Multiple Object Recognition with Visual Attention, arXiv 1412.7755.
    """

    def build_model(self) -> keras.Model:
        """Returns a model of pictures of any size, float in [0, 1].

        Its outputs are those of `DeepRecurrentAttention`, `logits`, `(batch, length, labels)`, `guesses`, the same
        after each glimpse, `(batch, glimpses, labels)`, and with `gradient=reinforce` `baselines`, `(batch, glimpses)`:
        the reward that each plan makes one expect.
        """
        config = self.config
        attention = DeepRecurrentAttention(
            labels=self.pipeline.length,
            glimpses=config.glimpses,
            patch_size=config.patch_size,
            scales=config.scales,
            units=config.units,
            patch_units=config.patch_units,
            filters=config.filters,
            context_size=config.context_size,
            place_units=config.place_units,
            salience=config.salience,
            inhibition=config.inhibition,
            gradient=config.gradient,
            stddev=config.stddev,
            seed=config.seed,
            name="attention",
        )
        images = keras.Input((None, None, self.channels), name="image")
        outputs = attention(images)
        tell = keras.layers.Dense(len(self.label_names), dtype="float32", name="logits")
        outputs["logits"], outputs["guesses"] = tell(outputs["states"]), tell(outputs["seen"])
        if config.gradient == "reinforce":
            expect = keras.layers.Dense(1, dtype="float32", name="baseline")
            outputs["baselines"] = expect(keras.ops.stop_gradient(outputs["plans"]))[..., 0]
        return keras.Model(images, outputs)

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy and, with `gradient=reinforce`, the losses of the policy and its baseline."""
        outputs = model(batch["image"], training=training)
        logits, labels = outputs["logits"], batch["labels"]
        metrics = sequence_metrics(logits, labels)
        # Each glimpse is asked for the label that it is for, or the first ones would learn from what follows alone.
        counted = told(labels, logits.shape[-1] - 1)
        asked, weights = (tf.repeat(value, self.config.glimpses, 1) for value in (labels, counted))
        total = tf.reduce_mean(mean_entropy(outputs["guesses"], asked, weights))
        if self.config.gradient == "reinforce":
            right = tf.cast(tf.argmax(logits, -1, output_type=labels.dtype) == labels, tf.float32)
            returns = tf.repeat(right * counted, self.config.glimpses, 1)
            policy_loss, baseline_loss = reinforce(
                returns, outputs["baselines"] * weights, outputs["log_probs"] * weights
            )
            total += self.config.policy_weight * policy_loss + baseline_loss
        return total, metrics

    def evaluate_batch(self, model: keras.Model, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the metrics of the places that `predict` looks at: nothing is drawn."""
        return sequence_metrics(self._graph(batch["image"])["logits"], batch["labels"])

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns the convolutional network, if the config names it."""
        if self.config.baseline == "none":
            return {}
        if not hasattr(self, "model"):
            self.pipeline = self.build_pipeline()
            self.model = self.build_model()
        return {"conv": WholeCanvas(dataclasses.replace(self.config, baseline="none"), self.multiply_adds())}

    def multiply_adds(self) -> int:
        """Returns the multiply-adds for one image, all labels told."""
        kernel = self.model.get_layer("logits").kernel
        return self.model.get_layer("attention").multiply_adds() + self.pipeline.length * int(np.prod(kernel.shape))

    def pictures(self, model: keras.Model, batch: Batch) -> dict[str, np.ndarray]:
        """Draws the glimpse paths of four pictures."""
        images = batch["image"][:4]
        drawn = [self._draw(image.numpy(), looked) for image, looked in zip(images, self._look(images), strict=True)]
        return {"glimpse_path": stack(drawn)}

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers image files: the sequence of labels, how sure, and where the model looked."""
        answers = []
        for given in inputs:
            picture = self._fit(tf.constant(read_picture(user_path(given)), tf.float32) / 255.0).numpy()
            looked = self._look(picture[None])[0]
            labels, scores = looked["labels"], looked["scores"]
            text = " ".join(labels) or "nothing"
            data: dict[str, Any] = {
                "labels": labels,
                "score": float(looked["score"]),
                "scores": [float(score) for score in scores.max(-1)[: len(labels) + 1]],
                "locations": looked["locations"].tolist(),
            }
            answers.append(ogbrain.Prediction(f"{text} {data['score']:.3f}", data, self._draw(picture, looked)))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures; files are PNG, JPEG and the like, pictures are of any size, float in [0, 1].

        `serving_default`, of files, and `image`, of pictures: `sequence`, `(batch,)`, the labels with a blank between;
        `labels`, `(batch, length)`, empty after the end; `score`, `(batch,)`, the probability of the whole; `scores`,
        `(batch, length, labels)`. `explain`: `locations`, `(batch, glimpses, 2)`, and `scores`.
        """
        side = self.config.canvas

        def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = self._graph(images)
            return {name: outputs[name] for name in ("sequence", "labels", "score", "scores")}

        def decode(image_bytes: tf.Tensor) -> tf.Tensor:
            return decode_pictures(image_bytes, self._fit, (side, side, self.channels))

        files = [tf.TensorSpec((None,), tf.string, name="image_bytes")]

        @tf.function(input_signature=files)
        def image_bytes(image_bytes):
            return answer(decode(image_bytes))

        @tf.function(input_signature=files)
        def explain(image_bytes):
            outputs = self._graph(decode(image_bytes))
            return {name: outputs[name] for name in ("locations", "scores")}

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, self.channels), tf.float32, name="image")])
        def image(image):
            return answer(image)

        return {"serving_default": image_bytes, "image": image, "explain": explain}

    def _fit(self, picture: tf.Tensor) -> tf.Tensor:
        side = self.config.canvas
        return fit_to_canvas(picture, canvas=side, item=side, channels=self.channels)

    def _graph(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Tells the sequences without drawing: the same picture gets the same answer."""
        outputs = dict(self.model.get_layer("attention")(images, sample=False))
        logits = self.model.get_layer("logits")(outputs["states"])
        scores = tf.nn.softmax(logits)
        end = len(self.label_names) - 1
        best = tf.argmax(scores, -1, output_type=tf.int32)
        counted = told(best, end)
        words = tf.gather(tf.constant([*self.label_names[:-1], ""]), tf.where(counted > 0, best, end))
        sure = tf.where(counted > 0, tf.reduce_max(scores, -1), 1.0)
        sequence = tf.strings.strip(tf.strings.reduce_join(words, axis=1, separator=" "))
        return {
            **outputs,
            "logits": logits,
            "scores": scores,
            "labels": words,
            "sequence": sequence,
            "score": tf.reduce_prod(sure, 1),
        }

    def _look(self, images: Any) -> list[dict[str, Any]]:
        """Returns labels, scores, locations and patches of each image."""
        attention = self.model.get_layer("attention")
        images = tf.convert_to_tensor(images)
        outputs = self._graph(images)
        locations = outputs["locations"]
        patches = [attention.sensor(images, locations[:, glimpse]) for glimpse in range(locations.shape[1])]
        seen = np.stack([tf.cast(patch, tf.float32).numpy() for patch in patches], 1)
        return [
            {
                "labels": [word.decode() for word in outputs["labels"][n].numpy() if word],
                "score": outputs["score"][n].numpy(),
                "scores": outputs["scores"][n].numpy(),
                "locations": locations[n].numpy(),
                "patches": seen[n],
            }
            for n in range(len(images))
        ]

    def _draw(self, picture: np.ndarray, looked: dict[str, Any]) -> np.ndarray:
        """Draws the glimpses up to the end mark."""
        each = self.config.glimpses
        count = min(len(looked["labels"]) + 1, self.pipeline.length)
        shown = {
            "locations": looked["locations"][: count * each],
            "patches": looked["patches"][: count * each],
            "probabilities": np.repeat(looked["scores"][:count], each, 0),
        }
        return draw_glimpses(picture, shown, self.label_names, answer=" ".join(looked["labels"]) or "nothing")
