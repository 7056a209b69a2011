"""The Recurrent Attention Model, trained on cluttered pictures."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import ogbrain
from ogbrain.data.pipeline import Batch
from ogbrain.paths import user_path

from ..layers.recurrent_attention import RecurrentAttention
from ..pipelines.picture_file import decode_pictures, fit_to_canvas, read_picture
from .classification import ClutteredClassification, guess_metrics
from .glimpse_baselines import Convolutional, FullyConnected
from .glimpse_pictures import draw_glimpses, stack
from .narrow_search import NarrowSearch
from .reinforce import glimpse_returns, reinforce

_EMBEDDED = 200
"""Examples that the board's projector shows."""


class Glimpse(ClutteredClassification):
    """Learns where to look in a cluttered picture, and what is there.

    The label is guessed after every glimpse. Cross-entropy of all guesses trains the glimpse network, the core
    and the classifier; REINFORCE with a learned baseline trains the location policy. In
    evaluation the places are drawn as in training, and the probabilities of
    `evaluation_samples` runs are averaged; `predict` and the exported model look at the policy's mean.

    Reference: Mnih et al. 2014, Recurrent Models of Visual Attention, arXiv 1406.6247.
    """

    def build_model(self) -> keras.Model:
        """Returns a model of pictures of any size, `(batch, height, width, channels)` float in [0, 1].

        Its outputs are those of `RecurrentAttention`, and `logits`, `(batch, glimpses, classes)`, and
        `baselines`, `(batch, glimpses)`: the reward that each state makes one expect.
        """
        config = self.config
        attention = RecurrentAttention(
            glimpses=config.glimpses,
            patch_size=config.patch_size,
            scales=config.scales,
            units=config.units,
            patch_units=config.patch_units,
            location_units=config.location_units,
            core=config.core,
            places=config.places,
            first_place=config.first_place,
            stddev=config.stddev,
            policy_units=config.policy_units,
            policy_shapes_state=config.policy_shapes_state,
            seed=config.seed,
            eye=config.eye,
            name="attention",
        )
        images = keras.Input((None, None, self.channels), name="image")
        outputs = attention(images)
        logits = keras.layers.Dense(len(self.label_names), dtype="float32", name="logits")(outputs["states"])
        # The reward's estimate must not shape the state either.
        expected = keras.layers.Dense(1, dtype="float32", name="baseline")(ops.stop_gradient(outputs["states"]))
        return keras.Model(images, {**outputs, "logits": logits, "baselines": expected[..., 0]})

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns cross-entropy, REINFORCE and baseline losses, added up."""
        samples = self.config.training_samples if training else 1
        images, labels = tf.repeat(batch["image"], samples, 0), tf.repeat(batch["label"], samples, 0)
        outputs = model(images, training=training)
        logits = outputs["logits"]
        every_label = tf.repeat(labels[:, None], logits.shape[1], 1)
        entropies = keras.losses.sparse_categorical_crossentropy(every_label, logits, from_logits=True)
        metrics = guess_metrics(tf.nn.softmax(logits[:, -1]), labels)
        total = tf.reduce_mean(entropies)
        if self.config.places == "learned" and self.config.glimpses > 1:
            returns = glimpse_returns(tf.nn.softmax(logits), labels, self.config.reward)
            policy_loss, baseline_loss = reinforce(returns, outputs["baselines"][:, :-1], outputs["log_probs"][:, 1:])
            total += self.config.policy_weight * policy_loss + baseline_loss
            metrics |= {"reward": tf.reduce_mean(returns, 1), "baseline_error": baseline_loss}
        else:
            # No policy, nothing to expect: this keeps the baseline's weights in the graph, with no gradient.
            total += 0.0 * tf.reduce_sum(outputs["baselines"])
        return total, {name: _mean_of_samples(metric, samples) for name, metric in metrics.items()}

    def evaluate_batch(self, model: keras.Model, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the metrics of the Monte-Carlo average after the last glimpse."""
        runs = [
            tf.nn.softmax(model(batch["image"], training=False)["logits"][:, -1])
            for _ in range(self.config.evaluation_samples)
        ]
        return guess_metrics(tf.add_n(runs) / len(runs), batch["label"])

    def callbacks(self) -> list[keras.callbacks.Callback]:
        """Returns what narrows the policy's search from epoch to epoch."""
        policy = self.model.get_layer("attention").policy
        return [] if policy is None else [NarrowSearch(policy, self.config)]

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns what `config.baseline` names."""
        plain = dataclasses.replace(self.config, baseline="none")
        built: dict[str, ogbrain.Experiment] = {}
        for name in self.config.baselines:
            if name == "random":
                built[name] = Glimpse(dataclasses.replace(plain, places="random"))
            else:
                kind = {"mlp": FullyConnected, "conv": Convolutional}[name]
                built[name] = kind(plain, self._budget())
        return built

    def _budget(self) -> int:
        if not hasattr(self, "model"):
            self.pipeline = self.build_pipeline()
            self.model = self.build_model()
        return self.multiply_adds()

    def multiply_adds(self) -> int:
        """Returns the multiply-adds of all Monte-Carlo runs over one image, guesses after the last glimpse only."""
        attention, logits = self.model.get_layer("attention"), self.model.get_layer("logits")
        run = attention.multiply_adds() + int(np.prod(logits.kernel.shape))
        return self.config.evaluation_samples * run

    def notes(self) -> dict[str, str]:
        """Returns cost and Monte-Carlo samples."""
        config = self.config
        samples = f"{config.evaluation_samples} in evaluation, {config.training_samples} in training"
        return {**super().notes(), "Monte-Carlo samples": samples}

    def pictures(self, model: keras.Model, batch: Batch) -> dict[str, np.ndarray]:
        """Draws the glimpse paths of four pictures."""
        few = {name: value[:4] for name, value in batch.items()}
        looked = self._look(few["image"])
        drawn = [
            draw_glimpses(few["image"][n].numpy(), example, self.label_names, int(few["label"][n]))
            for n, example in enumerate(looked)
        ]
        return {"glimpse_path": stack(drawn)}

    def embeddings(self) -> dict[str, ogbrain.Embedding]:
        """Returns the states after the last glimpse at pictures of the validation split."""
        batches = self.pipeline.batches("validation", batch_size=_EMBEDDED, seed=self.config.seed)
        batch = next(iter(batches))
        small = tf.image.grayscale_to_rgb(batch["image"]) if self.channels == 1 else batch["image"]
        return {
            "state_after_last_glimpse": ogbrain.Embedding(
                self._graph(batch["image"])["states"][:, -1].numpy(),
                [self.label_names[label] for label in batch["label"].numpy()],
                tf.cast(255 * tf.image.resize(small, (32, 32)), tf.uint8).numpy(),
            )
        }

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers image files: what is there, how sure, and where the model looked."""
        answers = []
        for given in inputs:
            picture = self._fit(tf.constant(read_picture(user_path(given)), tf.float32) / 255.0).numpy()
            looked = self._look(picture[None])[0]
            probabilities = looked["probabilities"][-1]
            best = int(np.argmax(probabilities))
            label = self.label_names[best]
            data: dict[str, Any] = {
                "label": label,
                "probability": float(probabilities[best]),
                "probabilities": dict(zip(self.label_names, map(float, probabilities), strict=True)),
                "locations": looked["locations"].tolist(),
            }
            drawn = draw_glimpses(picture, looked, self.label_names)
            answers.append(ogbrain.Prediction(f"{label} {probabilities[best]:.3f}", data, drawn))
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures; files are PNG, JPEG and the like, pictures are of any size, float in [0, 1].

        `serving_default`, of files, and `image`, of pictures: label, classes, their probabilities, where it looked.
        `features`: the state after the last glimpse, `(batch, units)`. `explain`: locations, `(batch, glimpses, 2)`,
        and what the model thought after each, `(batch, glimpses, classes)`.
        """

        def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = self._graph(images)
            answers = ogbrain.label_answers(self.label_names, outputs["probabilities"][:, -1])
            return {**answers, "locations": outputs["locations"]}

        def decode(image_bytes: tf.Tensor) -> tf.Tensor:
            return decode_pictures(image_bytes, self._fit, (self.config.canvas, self.config.canvas, self.channels))

        files = [tf.TensorSpec((None,), tf.string, name="image_bytes")]

        @tf.function(input_signature=files)
        def image_bytes(image_bytes):
            return answer(decode(image_bytes))

        @tf.function(input_signature=files)
        def features(image_bytes):
            return {"features": self._graph(decode(image_bytes))["states"][:, -1]}

        @tf.function(input_signature=files)
        def explain(image_bytes):
            outputs = self._graph(decode(image_bytes))
            return {name: outputs[name] for name in ("locations", "probabilities")}

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, self.channels), tf.float32, name="image")])
        def image(image):
            return answer(image)

        return {"serving_default": image_bytes, "image": image, "features": features, "explain": explain}

    def _fit(self, picture: tf.Tensor) -> tf.Tensor:
        item = max(self.pipeline.image_size)
        return fit_to_canvas(picture, canvas=self.config.canvas, item=item, channels=self.channels)

    def _graph(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Looks at the policy's mean: the same picture gets the same answer."""
        outputs = dict(self.model.get_layer("attention")(images, sample=False))
        outputs["probabilities"] = tf.nn.softmax(self.model.get_layer("logits")(outputs["states"]))
        return outputs

    def _look(self, images: Any) -> list[dict[str, np.ndarray]]:
        """Returns locations, probabilities and patches of each glimpse, by image."""
        attention = self.model.get_layer("attention")
        images = tf.convert_to_tensor(images)
        outputs = self._graph(images)
        locations = outputs["locations"]
        patches = [attention.sensor(images, locations[:, glimpse]) for glimpse in range(locations.shape[1])]
        seen = {
            "locations": locations.numpy(),
            "probabilities": outputs["probabilities"].numpy(),
            "patches": np.stack([tf.cast(patch, tf.float32).numpy() for patch in patches], 1),
        }
        return [{name: value[n] for name, value in seen.items()} for n in range(len(images))]


def _mean_of_samples(metric: tf.Tensor, samples: int) -> tf.Tensor:
    """Returns a metric of each image, `(batch,)`, of one of each run; a scalar is left as it is."""
    return tf.reduce_mean(tf.reshape(metric, (-1, samples)), 1) if metric.shape.rank else metric
