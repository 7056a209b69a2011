"""Layers of one kind stand in for one another: every fitting pair across the plugins trains a step."""

import itertools

import keras
import numpy as np
from absl.testing import absltest

import ogbrain
from ogbrain.errors import UserError
from ogbrain.registry import LAYER_KINDS

INPUTS = {
    "sequence_encoder": np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32"),
    "image_encoder": np.random.default_rng(1).random((4, 8, 8, 3), "float32"),
}
LABELS = np.array([0, 1, 2, 1])


class KindsTest(absltest.TestCase):
    def test_every_pair_of_encoder_and_head_trains_a_step(self):
        pairs = [
            (kind, encoder, head)
            for kind in INPUTS
            for encoder, head in itertools.product(ogbrain.layers.names(kind), ogbrain.layers.names("head"))
        ]
        self.assertGreater(len(pairs), 4)
        self.assertGreater(len({encoder.split("/")[0] for _, encoder, _ in pairs}), 1)
        for kind, encoder, head in pairs:
            with self.subTest(encoder=encoder, head=head):
                keras.utils.set_random_seed(0)
                inputs = keras.Input(INPUTS[kind].shape[1:])
                features = ogbrain.layers.get(encoder, kind=kind)(units=6)(inputs)
                self.assertEqual(features.shape, (None, 6))
                model = keras.Model(inputs, ogbrain.layers.get(head, kind="head")(classes=3)(features))
                self.assertEqual(model.output_shape, (None, 3))
                before = [weight.numpy() for weight in model.trainable_weights]
                model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
                self.assertTrue(np.isfinite(model.train_on_batch(INPUTS[kind], LABELS)))
                moved = [
                    not np.array_equal(old, new.numpy())
                    for old, new in zip(before, model.trainable_weights, strict=True)
                ]
                self.assertTrue(any(moved[:-2]) and any(moved[-2:]), "the step moves encoder and head")

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

    def test_memories_hand_over_their_state(self):
        inputs = INPUTS["sequence_encoder"]
        for name in ogbrain.layers.names("memory"):
            with self.subTest(name):
                layer = ogbrain.layers.get(name)(units=6, return_sequences=True, return_state=True)
                whole, *_ = layer(inputs, initial_state=layer.get_initial_state(4))
                _, *state = layer(inputs[:, :2])
                rest, *_ = layer(inputs[:, 2:], initial_state=state)
                np.testing.assert_allclose(rest, whole[:, 2:], atol=1e-5)

    def test_an_eye_of_the_glimpse_experiment(self):
        config = ogbrain.configs.get("attention/glimpse")(eye="attention/glimpse_network")
        layer = ogbrain.layers.get("attention/recurrent_attention")(
            glimpses=2, patch_size=4, scales=2, units=6, eye=config.eye, seed=1
        )
        images = np.random.default_rng(0).random((2, 9, 9, 1), "float32")
        self.assertEqual(layer(images)["states"].shape, (2, 2, 6))
        self.assertEqual(type(layer.network.encoder), ogbrain.layers.get("attention/glimpse_network"))
        again = type(layer).from_config(layer.get_config())
        self.assertEqual(again(images)["states"].shape, (2, 2, 6))
        with self.assertRaisesRegex(UserError, "did you mean 'attention/glimpse_network'.*config.eye"):
            ogbrain.configs.get("attention/glimpse")(eye="attention/glimpse_netwrk")

    def test_an_eye_of_an_agent(self):
        name = "episodic_memory/dqn"
        arguments = {"env": "MinAtar/Breakout-v1", "encoder": "attention/glimpse_network", "xla": False}
        experiment = ogbrain.experiments.get(name)(ogbrain.configs.get(name)(**arguments))
        experiment.setup_inference()
        self.assertTrue(any("glimpse_network" in weight.path for weight in experiment.model.weights))

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


if __name__ == "__main__":
    absltest.main()
