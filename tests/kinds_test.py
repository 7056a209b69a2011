"""Layers of one kind stand in for one another: every fitting pair across the plugins trains a step."""

import itertools
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

import ogbrain
from ogbrain import testing
from ogbrain.config import DataConfig
from ogbrain.errors import UserError
from ogbrain.registry import LAYER_KINDS
from ogbrain.training.run_loop import RunLoop

INPUTS = {
    "sequence_encoder": np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32"),
    "image_encoder": np.random.default_rng(1).random((4, 8, 8, 3), "float32"),
}
LABELS = np.array([0, 1, 2, 1])


class KindsTest(absltest.TestCase):
    def pairs(self, first, second):
        """Returns the fitting pairs by name; they are of more than one plugin."""
        pairs = list(itertools.product(ogbrain.layers.names(first), ogbrain.layers.names(second)))
        self.assertGreater(len({name.split("/")[0] for pair in pairs for name in pair}), 1)
        return pairs

    def assert_a_step_moves(self, model, inputs, wanted, loss, *parts):
        before = [[weight.numpy() for weight in part.trainable_weights] for part in parts]
        model.compile("sgd", loss)
        self.assertTrue(np.isfinite(model.train_on_batch(inputs, wanted)))
        for part, weights in zip(parts, before, strict=True):
            self.assertNotEmpty(weights, part.name)
            moved = [not np.array_equal(a, b.numpy()) for a, b in zip(weights, part.trainable_weights, strict=True)]
            self.assertTrue(any(moved), f"the step does not move {part.name}")

    def test_encoders_with_heads(self):
        for kind, given in INPUTS.items():
            for encoder_name, head_name in self.pairs(kind, "head"):
                with self.subTest(encoder=encoder_name, head=head_name):
                    encoder = ogbrain.layers.get(encoder_name)(units=6)
                    head = ogbrain.layers.get(head_name)(classes=3)
                    inputs = keras.Input(given.shape[1:])
                    features = encoder(inputs)
                    self.assertEqual(features.shape, (None, 6))
                    model = keras.Model(inputs, head(features))
                    self.assertEqual(model.output_shape, (None, 3))
                    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
                    self.assert_a_step_moves(model, given, LABELS, loss, encoder, head)

    def test_encoders_with_memories(self):
        random = np.random.default_rng(2)
        for kind, given in INPUTS.items():
            for encoder_name, memory_name in self.pairs(kind, "memory"):
                with self.subTest(encoder=encoder_name, memory=memory_name):
                    encoder = ogbrain.layers.get(encoder_name)(units=6)
                    memory = ogbrain.layers.get(memory_name)(capacity=20, depth=6)
                    inputs = keras.Input(given.shape[1:])
                    model = keras.Model(inputs, memory(encoder(inputs)))
                    self.assertEqual(model.output_shape, (None,))
                    memory.load(keys=random.normal(size=(9, 6)), values=random.normal(size=9))
                    self.assert_a_step_moves(model, given, np.ones(4, "float32"), "mse", encoder, memory)

    def test_recurrent_layers_with_decoders(self):
        given = INPUTS["sequence_encoder"]
        places = np.random.default_rng(3).normal(size=(4, 7, 2)).astype("float32")
        for recurrent_name, decoder_name in self.pairs("recurrent", "decoder"):
            with self.subTest(recurrent=recurrent_name, decoder=decoder_name):
                recurrent = ogbrain.layers.get(recurrent_name)(units=6, return_sequences=True)
                decoder = ogbrain.layers.get(decoder_name)(recurrent=recurrent, units=3)
                inputs, seen = keras.Input(given.shape[1:]), keras.Input(places.shape[1:])
                outputs, weights = decoder(inputs, memory=seen)
                self.assertEqual((outputs.shape, weights.shape), ((None, 5, 3), (None, 5, 7)))
                model = keras.Model([inputs, seen], outputs)
                wanted = np.ones((4, 5, 3), "float32")
                self.assert_a_step_moves(model, [given, places], wanted, "mse", decoder, recurrent)

    def test_sequence_encoders_answer_each_step_and_heed_masks(self):
        inputs = INPUTS["sequence_encoder"]
        mask = np.array([[True] * 3 + [False] * 2] * 4)
        for name in ogbrain.layers.names("sequence_encoder"):
            with self.subTest(name):
                layer = ogbrain.layers.get(name)(units=6, return_sequences=True)
                self.assertEqual(layer(inputs).shape[:2], (4, 5))
                other = np.where(mask[..., None], inputs, 9.0).astype("float32")
                first, second = layer(inputs, mask=mask)[:, :3], layer(other, mask=mask)[:, :3]
                np.testing.assert_allclose(first, second, atol=1e-6)

    def test_recurrent_layers_hand_over_their_state(self):
        inputs = INPUTS["sequence_encoder"]
        for name in ogbrain.layers.names("recurrent"):
            with self.subTest(name):
                layer = ogbrain.layers.get(name)(units=6, return_sequences=True, return_state=True)
                whole, *_ = layer(inputs, initial_state=layer.get_initial_state(4))
                _, *state = layer(inputs[:, :2])
                rest, *_ = layer(inputs[:, 2:], initial_state=state)
                np.testing.assert_allclose(rest, whole[:, 2:], atol=1e-5)
                output, _ = layer.step(state, inputs[:, 2])
                np.testing.assert_allclose(output, whole[:, 2], atol=1e-5)

    def test_eyes_of_the_glimpse_experiment(self):
        images = np.random.default_rng(0).random((2, 9, 9, 1), "float32")
        for name in ogbrain.layers.names("image_encoder"):
            with self.subTest(name):
                config = ogbrain.configs.get("attention/glimpse")(eye=name)
                layer = ogbrain.layers.get("attention/recurrent_attention")(
                    glimpses=2, patch_size=4, scales=2, units=6, eye=config.eye, seed=1
                )
                self.assertEqual(layer(images)["states"].shape, (2, 2, 6))
                self.assertEqual(type(layer.network.encoder), ogbrain.layers.get(name))
                again = type(layer).from_config(layer.get_config())
                self.assertEqual(again(images)["states"].shape, (2, 2, 6))
        for name, message in (
            ("attention/glimpse_netwrk", "did you mean 'attention/glimpse_network'.*config.eye"),
            ("working_memory/gru", "config.eye: 'working_memory/gru' is of recurrent, not an image_encoder"),
        ):
            with self.assertRaisesRegex(UserError, message):
                ogbrain.configs.get("attention/glimpse")(eye=name)

    def test_encoders_of_an_agent(self):
        agent, shapes = "episodic_memory/dqn", {"image_encoder": (), "sequence_encoder": (10, -1)}
        small = {"env": "MinAtar/Breakout-v1", "encoder_arguments": "units=4", "units": (8,), "xla": False}
        small |= {"environments": 2, "rounds": 8, "learning_starts": 8, "steps_per_update": 8, "batch_size": 4}
        for kind, shape in shapes.items():
            for name in ogbrain.layers.names(kind):
                with self.subTest(name):
                    config = ogbrain.configs.get(agent)(**small, encoder=name, encoder_shape=shape, memory=500)
                    experiment = ogbrain.experiments.get(agent)(config)
                    experiment.setup(tf.distribute.get_strategy())
                    encoder = next(
                        layer for layer in experiment.model.layers if type(layer) is ogbrain.layers.get(name)
                    )
                    before = [weight.numpy() for weight in encoder.trainable_weights]
                    experiment.begin(0)
                    for _ in range(2):
                        self.assertTrue(np.isfinite(experiment.train_step().values).all())
                    moved = [not np.array_equal(a, b) for a, b in zip(before, encoder.trainable_weights, strict=True)]
                    self.assertTrue(any(moved))
        for name in ("transfer/transfer_head", "episodic_memory/neural_dictionary", "transfer/word_vectors"):
            with self.assertRaisesRegex(UserError, f"config.encoder: '{name}' is of .*, not an encoder. Known: "):
                ogbrain.configs.get(agent)(encoder=name)

    def test_backbones_of_the_images_experiment(self):
        self.enterContext(testing.use_data(testing.TinyImages))
        name = "transfer/images"
        for backbone in ogbrain.layers.names("image_encoder"):
            with self.subTest(backbone):
                config = ogbrain.configs.get(name)(
                    backbone=backbone, weights="random", schedule="full", image_size=16, epochs=1, steps_per_epoch=2,
                    evaluation_steps=1, batch_size=8, baseline="none", data=DataConfig(name="tiny_images"),
                    splits=("train[:90%]", "train[90%:]", "test"),
                )  # fmt: skip
                experiment = ogbrain.experiments.get(name)(config)
                RunLoop(name, experiment, Path(self.create_tempdir().full_path)).run()
                pristine = ogbrain.experiments.get(name)(config)
                pristine.setup_inference()
                pairs = zip(experiment.model.trainable_weights, pristine.model.trainable_weights, strict=True)
                moved = [not np.array_equal(a.numpy(), b.numpy()) for a, b in pairs]
                self.assertTrue(any(moved[:-2]) and any(moved[-2:]), "the steps move backbone and head")
        with self.assertRaisesRegex(
            UserError, "config.backbone: 'working_memory/gru' is of recurrent, not an image_en"
        ):
            ogbrain.configs.get(name)(backbone="working_memory/gru")

    def test_names_by_kind(self):
        for kind in LAYER_KINDS:
            for name in ogbrain.layers.names(kind):
                ogbrain.layers.check(name, kind)
        for name, kind, message in (
            ("working_memory/lstn", "sequence_encoder", "did you mean 'working_memory/lstm'"),
            ("transfer/transfer_head", "sequence_encoder", "'transfer/transfer_head' is of head, not a sequence_enc"),
            ("transfer/word_vectors", "head", "is of no kind"),
            ("working_memory/lstm", "sequense_encoder", "did you mean 'sequence_encoder'"),
        ):
            with self.assertRaisesRegex(UserError, message):
                ogbrain.layers.get(name, kind=kind)

    def test_every_plugin_has_a_layer_of_a_kind_and_every_kind_a_layer(self):
        named = {kind: ogbrain.layers.names(kind) for kind in LAYER_KINDS}
        self.assertEmpty([kind for kind, names in named.items() if not names])
        plugins = {name.split("/")[0] for names in named.values() for name in names}
        self.assertEqual(plugins, set(ogbrain.registry.REGISTRY.plugins()))


if __name__ == "__main__":
    absltest.main()
