"""A pretrained network of pictures, made to tell other classes."""

import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import ogbrain
from ogbrain.data.decode_picture import decode_picture
from ogbrain.data.pipeline import Batch
from ogbrain.data.user_data import read_png
from ogbrain.errors import UserError
from ogbrain.paths import user_path
from ogbrain.training.experiment import Sums

from ..backbones.backbone import Backbone
from ..backbones.find_backbone import can_be_trained, find_backbone
from ..backbones.fold import fold
from ..layers.transfer_head import TransferHead
from ..pipelines.feature_cache import FeatureCache
from ..pipelines.image_classes import ImageClasses, fit_picture
from .classifier import Classifier
from .first_weights import FirstWeights
from .images_config import ImagesConfig
from .mistakes import draw_pictures
from .unfreezing import Unfreezing, tuned_groups


class Images(Classifier):
    """Tells classes of pictures with a network that was trained on others.

    The head alone is trained first, on features that the frozen network computes once; then the network with it, its
    groups of layers each at a lower rate than the one above. Full fine-tuning from the first step distorts what was
    learned (Kumar et al. 2022, arXiv 2202.10054); it, and the same network with random weights, are trained beside it.
    """

    config: ImagesConfig
    pipeline: ImageClasses
    backbone: Backbone

    def build_pipeline(self) -> ImageClasses:
        """Returns the pictures with no end of views, for tuning; the frozen network's come from `_frozen`."""
        self._frozen = self._pictures(self.config.views)
        return self.fit_batch(self._pictures(0))

    def _pictures(self, views: int) -> ImageClasses:
        config = self.config
        return ImageClasses(
            config.data.name,
            size=self.size,
            views=views,
            mirror=config.mirror,
            label=config.label,
            classes=config.classes,
            per_class=config.per_class,
            choice=config.seed,
            splits=config.splits,
            data_dir=config.data.data_dir,
        )

    @property
    def size(self) -> int:
        """Height and width of the pictures, in pixels."""
        if not hasattr(self, "backbone"):
            config = self.config
            self.backbone = find_backbone(
                config.backbone, config.weights == "pretrained", config.data.data_dir, config.image_size
            )
        fixed = self.backbone.model.inputs[0].shape[1]
        return fixed or self.config.image_size or self.backbone.size or 224

    def build_model(self) -> keras.Model:
        """Returns the network from pictures, `(batch, size, size, 3)` float in [0, 255], to logits."""
        config = self.config
        model = self.backbone.model
        model.name = "backbone"
        self.head = TransferHead(
            len(self.label_names),
            pooling=config.pooling,
            normalization=config.normalization,
            dropout=config.dropout,
            kind=config.head,
            units=config.head_units,
            seed=config.seed,
            name="head",
        )
        pictures = keras.Input((self.size, self.size, 3), name="image")
        try:
            features = model(pictures)
        except ValueError as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"config.image_size: {self.size} does not fit {config.backbone}: {reason}") from error
        self._features = self.head.reduce(features)
        logits = keras.layers.Activation("linear", dtype="float32", name="logits")(self.head(features))
        return keras.Model(pictures, logits)

    def setup_inference(self) -> None:
        super().setup_inference()
        pictures = tf.TensorSpec((None, self.size, self.size, 3), tf.float32)
        features = tf.TensorSpec(self._features.shape, self._features.dtype)
        self._keeps_features = self._fits(features.shape)
        self._halves = self._cut()
        above = self._halves[1] if self._halves else self.backbone.model
        self._learns_statistics = self.config.weights == "random" or not self.config.freeze_statistics
        self._tuned = above if self._learns_statistics else fold(above)
        self._first = FirstWeights(self.backbone.model, self._halves, self.head.reduce, pictures)
        self._kept: dict[tuple[str, bool], list[tuple[tf.Tensor, tf.Tensor]]] = {}
        self._cache: FeatureCache | None = None
        self._encode = tf.function(self._frozen_features, input_signature=[pictures])
        self._judge = tf.function(self._judge_features, input_signature=[features, tf.TensorSpec((None,), tf.int64)])

    def build_optimizer(self) -> Any:
        """Returns an optimizer for the head and one for each group of layers."""
        groups = [self.backbone.variables(number) for number in range(len(self.backbone.groups))]
        head = self.head.trainable_variables
        known = {id(variable) for group in [head, *groups] for variable in group}
        # What can be trained but is in no group, such as a layer of another framework, goes with the first.
        rest = [variable for variable in self.model.trainable_variables if id(variable) not in known]
        self._unfreezing = Unfreezing(
            self.config, self.steps_per_epoch, head, [groups[0] + rest, *groups[1:]] if groups else []
        )
        return self._unfreezing.build_optimizer()

    def stage(self, step: int) -> int:
        """Returns how many groups of layers are trained beside the head."""
        return self._unfreezing.stage(step)

    def stage_variables(self, stage: int) -> list[keras.Variable]:
        """Returns the weights of the head and of that many groups from the top."""
        return self._unfreezing.variables(stage)

    def stage_pipeline(self, stage: int) -> Any:
        """Returns cached features for a frozen network, else pictures."""
        if stage:
            return self._cached().only("trunk") if self._halves else self.pipeline
        return self._cached().only("features") if self._keeps_features else self._frozen

    def steps_per_call(self, stage: int) -> int:
        """Returns an epoch of steps for a head on cached features, which takes less than the call of a step would."""
        return self.steps_per_epoch if stage == 0 and self._keeps_features else 1

    def _cached(self) -> FeatureCache:
        if self._cache is None:
            first = self._first
            # A run that is resumed while it tunes has no more use for the features.
            encode = first.parts if all(first.unchanged()) else lambda images: {"trunk": first.trunk(images)}
            self._cache = FeatureCache(self._frozen, encode, self.config.batch_size, self.config.seed)
        return self._cache

    def _cut(self) -> tuple[keras.Model, keras.Model] | None:
        """Returns the network below and above the lowest layer that is ever tuned, if what is below can be kept."""
        if not self._keeps_features or self.config.schedule == "full":
            return None
        halves = self.backbone.split(tuned_groups(self.config, len(self.backbone.groups)))
        if halves and not self._fits(halves[0].compute_output_shape((None, self.size, self.size, 3))):
            return None
        return halves

    def _fits(self, shape: Sequence[int | None], split: str = "train") -> bool:
        """Whether what is made of every view of a split, `(batch, ...)`, may be kept in memory."""
        config = self.config
        views = config.views if split == "train" else 1
        numbers = views * self._frozen.num_examples(split) * int(np.prod([size or 1 for size in shape[1:]]))
        return config.feature_cache and 4 * numbers <= config.cache_megabytes * 2**20

    def loss(self, model: keras.Model, batch: Batch, training: bool) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the cross-entropy with smoothed labels, and the pull to the first weights."""
        total = tf.constant(0.0)
        if "features" in batch:
            features = batch["features"]
        elif not training or (self._stage == 0 and "image" in batch):
            features = self._frozen_features(batch["image"])
        else:
            below = batch["trunk"] if self._halves else batch["image"]
            features = self._tuned(below, training=self._learns_statistics)
            if self.config.l2_sp:
                total += self.config.l2_sp * self._first.distance()
        logits = self.head(features, training=training)
        smoothed = self.measures(logits, batch["label"], self.config.label_smoothing if training else 0.0)
        return total + tf.reduce_mean(smoothed["loss"]), smoothed

    def _frozen_features(self, images: tf.Tensor) -> tf.Tensor:
        return self.head.reduce(self.backbone.model(images, training=False))

    def _judge_features(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        measures = self.measures(self.head(features, training=False), labels)
        self._measured = tuple(measures)
        return tf.stack(
            [*(tf.reduce_sum(value) for value in measures.values()), tf.cast(tf.shape(labels)[0], tf.float32)]
        )

    def evaluate(self, split: str, steps: int = 0) -> dict[str, float]:
        """Returns the metrics of a split; what layers that are still as they were at first make of it is kept."""
        # Which function is taken depends on the weights alone, and it is the same whether what it gave is kept or not:
        # so the figures are the same bit for bit.
        below, above = self._first.unchanged()
        whole = below and above
        batches = self._kept.get((split, whole)) if below else None
        if batches is None:
            pictures = self.pipeline.batches(split, batch_size=self.config.batch_size, seed=self.config.seed)
            encode = self._first.features if whole else self._first.trunk if below else self._encode
            chosen = pictures.take(steps) if steps else pictures
            batches = [(encode(batch["image"]), batch["label"]) for batch in chosen]
        if below and self._fits(batches[0][0].shape, split):
            self._kept[split, whole] = batches
        total: Any = 0.0
        for features, labels in batches:
            if below and not whole:
                features = self._first.rest(features)
            total = total + self._judge(features, labels)
        return Sums(self._measured, total).means(np.asarray(total))

    def scores(self, model: keras.Model, batch: Batch) -> tf.Tensor:
        """Returns the logits of pictures."""
        return self.head(self._encode(batch["image"]), training=False)

    def build_baselines(self) -> dict[str, ogbrain.Experiment]:
        """Returns what `config.baseline` names; none for a network that cannot be trained."""
        if not can_be_trained(self.config.backbone):
            return {}
        given = self.config
        config = dataclasses.replace(
            given,
            baseline="none",
            schedule="full",
            epochs=given.baseline_epochs,
            probe_epochs=0,
            layer_decay=1.0,
            tune_groups=0,
        )
        rate = dataclasses.replace(config.optimizer, learning_rate=config.baseline_rate)
        known = {
            "full": dataclasses.replace(config, optimizer=rate, tune_rate=config.baseline_rate),
            "scratch": dataclasses.replace(config, weights="random", tune_rate=config.optimizer.learning_rate),
        }
        return {name: type(self)(known[name]) for name in self.config.baselines}

    def notes(self) -> dict[str, str]:
        """Returns what was pretrained and how long its features took."""
        notes = {"backbone": f"{self.config.backbone}, {self.config.weights} weights, {self.size}x{self.size} pixels"}
        if self._cache is not None:
            notes["features computed once"] = f"{self.config.views} views in {self._cache.seconds:.1f} s"
        return notes

    def draw_worst(self, worst: list[dict[str, Any]]) -> np.ndarray:
        """Draws the pictures that were mistaken."""
        captions = [f"is {mistake['label']}\nnot {mistake['guess']} {mistake['probability']:.2f}" for mistake in worst]
        return draw_pictures([mistake["image"].astype(np.uint8) for mistake in worst], captions)

    def predict(self, inputs: Sequence[str | Path]) -> list[ogbrain.Prediction]:
        """Answers picture files: what is there and how sure, with the picture as the network saw it."""
        answers = []
        for given in inputs:
            image = self._decode(tf.constant(read_png(user_path(given))))[None]
            probabilities = tf.nn.softmax(tf.cast(self.scores(self.model, {"image": image}), tf.float32))[0].numpy()
            text, data = self.answer(probabilities)
            ranked = sorted(data["probabilities"].items(), key=lambda pair: -pair[1])[:2]
            caption = "\n".join(f"{name[:15]} {value:.2f}" for name, value in ranked)
            answers.append(
                ogbrain.Prediction(text, data, draw_pictures([image[0].numpy().astype(np.uint8)], [caption], columns=1))
            )
        return answers

    def signatures(self) -> dict[str, Any]:
        """Returns the signatures; a picture is a file's bytes or, for `image`, numbers in [0, 255], of any size.

        `serving_default` and `image`: label, classes and their probabilities. `features`: what the head sees after
        pooling, `(batch, depth)`.
        """

        def answer(images: tf.Tensor) -> dict[str, tf.Tensor]:
            logits = self.head(self._frozen_features(images), training=False)
            return ogbrain.label_answers(self.label_names, tf.nn.softmax(tf.cast(logits, tf.float32)))

        def decode(files: tf.Tensor) -> tf.Tensor:
            shape = tf.TensorSpec((self.size, self.size, 3), tf.float32)
            return tf.map_fn(self._decode, files, fn_output_signature=shape)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
        def image_bytes(image_bytes):
            return answer(decode(image_bytes))

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image_bytes")])
        def features(image_bytes):
            pooled = self.head.pool(self._frozen_features(decode(image_bytes)))
            return {"features": tf.cast(pooled, tf.float32)}

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, name="image")])
        def image(image):
            return answer(fit_picture(image, self.size))

        return {"serving_default": image_bytes, "image": image, "features": features}

    def example_inputs(self) -> Mapping[str, Mapping[str, Any]]:
        """Returns two validation pictures, as files and as numbers."""
        batch = next(iter(self.pipeline.batches("validation", batch_size=2, seed=self.config.seed)))
        files = []
        for picture in batch["image"].numpy().astype(np.uint8):
            output = io.BytesIO()
            Image.fromarray(picture).save(output, "PNG")
            files.append(output.getvalue())
        given = {"image_bytes": np.array(files, object)}
        return {"serving_default": given, "features": given, "image": {"image": batch["image"].numpy()}}

    def _decode(self, content: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(fit_picture(decode_picture(content), self.size), (self.size, self.size, 3))
