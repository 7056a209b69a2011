"""Tests of finding networks and of their weights."""

import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.data import resources
from ogbrain.errors import UserError
from plugins.transfer.backbones.backbone import Backbone, assign_weights, even_groups
from plugins.transfer.backbones.efficientnet_lite import efficientnet_lite, imagenet_names
from plugins.transfer.backbones.find_backbone import find_backbone
from plugins.transfer.backbones.fold import FoldedConvolution, fold

PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)


def small(classes: int = 0) -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 2, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Conv2D(6, 3, 2, activation="relu", name="last_map")(x)
    if classes:
        x = keras.layers.Dense(classes)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


class EfficientNetLiteTest(absltest.TestCase):
    network: Backbone

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = efficientnet_lite("lite0", pretrained=False)

    def test_size_and_groups(self):
        # Of the 4,694,024 numbers in the package, 1,281,000 are the classifier's.
        self.assertEqual(self.network.model.count_params(), 4_694_024 - 1_281_000)
        self.assertLen(self.network.groups, 9)
        grouped = [id(variable) for number in range(9) for variable in self.network.variables(number)]
        self.assertCountEqual(grouped, [id(variable) for variable in self.network.model.trainable_variables])
        self.assertEqual(self.network.model.compute_output_shape((None, 64, 64, 3)), (None, 2, 2, 1280))

    def test_statistics_of_random_weights_follow_within_few_steps(self):
        layer = self.network.groups[0][1]
        self.assertIsInstance(layer, keras.layers.BatchNormalization)
        self.assertLess(layer.momentum**60, 0.01)

    def test_halves_are_the_whole(self):
        whole = self.network.model(PICTURES, training=False)
        for above in (1, 3, 8):
            halves = self.network.split(above)
            assert halves
            below, top = halves
            np.testing.assert_allclose(top(below(PICTURES)), whole, rtol=1e-4, atol=1e-4)
            expected = sum(len(self.network.variables(number)) for number in range(9 - above, 9))
            self.assertLen(top.trainable_variables, expected)
        self.assertIsNone(self.network.split(9))
        self.assertIsNone(self.network.split(0))

    def test_weights_that_do_not_fit_are_named(self):
        broken = {"_conv_stem.weight": np.zeros((32, 4, 3, 3), np.float32)}
        with mock.patch.object(resources, "load", lambda name, data_dir: broken):
            misfit = r"_conv_stem.weight has shape \(3, 3, 4, 32\), the network needs \(3, 3, 3, 32\)"
            with self.assertRaisesRegex(UserError, misfit):
                efficientnet_lite("lite0")

    def test_unknown_name(self):
        with self.assertRaisesRegex(UserError, "did you mean 'lite"):
            efficientnet_lite("lite9", pretrained=False)

    def test_names_of_classes(self):
        names = imagenet_names()
        self.assertLen(names, 1000)
        some = [names[number] for number in (0, 1, 207, 999)]
        self.assertEqual(some, ["tench", "goldfish", "Golden Retriever", "toilet paper"])


class FoldTest(absltest.TestCase):
    def test_folded_gives_the_same_and_so_do_its_gradients(self):
        inputs = keras.Input((None, None, 3))
        x, made = inputs, []
        for convolution, normalization in (
            (keras.layers.Conv2D(4, 3, 2, "same"), {}),
            (keras.layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), {"scale": False}),
            (keras.layers.Conv2D(6, 1, activation="relu"), {"center": False}),
            (keras.layers.Conv2D(5, 1, use_bias=False), {"center": False, "epsilon": 0.1}),
        ):
            made += [convolution, keras.layers.BatchNormalization(**normalization)]
            x = keras.layers.ReLU()(made[-1](made[-2](x)))
        model = keras.Model(inputs, keras.layers.Add()([x, x]))
        random = np.random.default_rng(0)
        for variable in model.variables:
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
        folded = fold(model)
        self.assertLen([layer for layer in folded.layers if isinstance(layer, FoldedConvolution)], 3)
        self.assertEqual({id(v) for v in folded.variables}, {id(v) for v in model.variables})
        pictures = tf.constant(PICTURES / 255)

        def gradients(network):
            with tf.GradientTape() as tape:
                made = network(pictures, training=False)
                loss = tf.reduce_mean(made**2)
            return made, *tape.gradient(loss, [variable.value for variable in model.trainable_variables])

        for ours, plain in zip(gradients(folded), gradients(model), strict=True):
            np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-6 * np.abs(plain).max())

    def test_what_is_cut_out_of_a_network_is_folded_and_what_cannot_be_stays(self):
        halves = efficientnet_lite("lite0", pretrained=False).split(2)
        assert halves
        folded = fold(halves[1])
        self.assertLen([layer for layer in folded.layers if isinstance(layer, FoldedConvolution)], 4)
        plain = small()
        self.assertIs(fold(plain), plain)


class AssignWeightsTest(absltest.TestCase):
    def test_nothing_is_assigned_unless_all_fits(self):
        one, two = keras.Variable([1.0, 2.0]), keras.Variable([[1.0, 2.0]])
        places = {"one": (one, ()), "two": (two, (1, 0))}
        for weights, message in (
            ({"one": np.zeros(2)}, r"of it: two of shape \(1, 2\) is missing"),
            ({"one": np.zeros(2), "two": np.zeros((3, 1))}, r"two has shape \(1, 3\), the network needs \(1, 2\)"),
            ({"one": np.zeros(2), "two": np.array([[1.0], [np.nan]])}, "two holds numbers that are not finite"),
        ):
            with self.assertRaisesRegex(UserError, message):
                assign_weights(weights, places, "it")
            np.testing.assert_array_equal(one, [1, 2])
        assign_weights({"one": np.zeros(2), "two": np.array([[5.0], [6.0]])}, places, "it")
        np.testing.assert_array_equal(two, [[5, 6]])


class FindBackboneTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))

    def test_a_keras_file_is_cut_after_its_last_map(self):
        model = small(classes=5)
        model.save(self.folder / "model.keras")
        backbone = find_backbone(f"file:{self.folder}/model.keras")
        maps = keras.Model(model.inputs[0], model.get_layer("last_map").output)
        np.testing.assert_allclose(backbone.model(PICTURES), maps(PICTURES), rtol=1e-5)
        self.assertLen(backbone.groups, 2)
        fresh = find_backbone(f"file:{self.folder}/model.keras", pretrained=False)
        self.assertGreater(np.abs(fresh.model.weights[0] - backbone.model.weights[0]).max(), 0)

    def test_a_saved_model_gives_features_that_are_not_trained(self):
        model = small()
        model.export(self.folder / "saved", verbose=False)
        backbone = find_backbone(f"file:{self.folder}/saved")
        np.testing.assert_allclose(backbone.model(PICTURES), model(PICTURES), rtol=1e-4, atol=1e-5)
        self.assertEmpty(backbone.groups)
        with self.assertRaisesRegex(UserError, "random is not allowed with the SavedModel"):
            find_backbone(f"file:{self.folder}/saved", pretrained=False)

    def save_signatures(self, name, **signatures):
        module = tf.Module()
        specs = {"image": tf.TensorSpec((None, 32, 32, 3), name="image"), "text": tf.TensorSpec((None,), tf.string)}
        made = {key: tf.function(call, input_signature=[specs[given]]) for key, (given, call) in signatures.items()}
        tf.saved_model.save(module, str(self.folder / name), made)

    def test_a_saved_model_of_several_signatures(self):
        def answer(image):
            return {"label": tf.fill([tf.shape(image)[0]], "a"), "scores": tf.reduce_mean(image, (1, 2))}

        def length(text):
            return {"features": tf.cast(tf.strings.length(text), tf.float32)[:, None]}

        self.save_signatures("both", features=("text", length), image=("image", answer))
        backbone = find_backbone(f"file:{self.folder}/both")
        np.testing.assert_allclose(backbone.model(PICTURES), PICTURES.mean((1, 2)), rtol=1e-5)
        self.assertEqual((backbone.size, backbone.model.inputs[0].shape[1:]), (32, (32, 32, 3)))
        self.save_signatures("texts", features=("text", length))
        with self.assertRaisesRegex(UserError, "no signature takes colour pictures.*it has: features"):
            find_backbone(f"file:{self.folder}/texts")

    def test_a_damaged_saved_model(self):
        small().export(self.folder / "saved", verbose=False)
        for file, keep in (("variables/variables.data-00000-of-00001", 0.5), ("saved_model.pb", 0)):
            content = (self.folder / "saved" / file).read_bytes()
            (self.folder / "saved" / file).write_bytes(content[: int(keep * len(content))])
            with self.assertRaisesRegex(UserError, "saved: cannot be loaded"):
                find_backbone(f"file:{self.folder}/saved")

    def test_weights_that_are_no_numbers(self):
        model = small()
        model.get_layer("last_map").bias.assign(np.full(6, np.nan))
        model.save(self.folder / "model.keras")
        with self.assertRaisesRegex(UserError, "model.keras: last_map/bias holds numbers that are not finite"):
            find_backbone(f"file:{self.folder}/model.keras")

    def test_an_application_of_one_size(self):
        backbone = find_backbone("applications:NASNetMobile", pretrained=False)
        self.assertEqual(backbone.model.compute_output_shape((None, 224, 224, 3)), (None, 7, 7, 1056))
        self.assertEqual((backbone.size, backbone.model.inputs[0].shape[1]), (224, 224))

    def test_an_application_without_its_weights(self):
        backbone = find_backbone("applications:MobileNet", pretrained=False)
        self.assertEqual(backbone.model(PICTURES).shape, (2, 1, 1, 1024))
        self.assertLen(backbone.groups, 8)

    def test_weights_of_a_file_are_those_of_the_network(self):
        network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(None, None, 3))
        network.save_weights(self.folder / "whole.weights.h5")
        found = find_backbone(f"applications:MobileNet:{self.folder}/whole.weights.h5")
        prepared = keras.applications.mobilenet.preprocess_input(PICTURES.copy())
        np.testing.assert_allclose(found.model(PICTURES), network(prepared), rtol=1e-4, atol=1e-4)

    def test_weights_of_a_file_that_do_not_fit_are_named_with_both_shapes(self):
        other = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(None, None, 3), alpha=0.5)
        other.save_weights(self.folder / "half.weights.h5")
        with self.assertRaisesRegex(UserError, r"weights of MobileNet: .*\(3, 3, 3, 32\).*\(3, 3, 3, 16\)") as caught:
            find_backbone(f"applications:MobileNet:{self.folder}/half.weights.h5")
        self.assertNotIn("\n", str(caught.exception))

    def test_tampered_files(self):
        small().save(self.folder / "model.keras")
        network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(None, None, 3))
        network.save_weights(self.folder / "mobile.weights.h5")
        (self.folder / "arrays").mkdir()
        np.savez(self.folder / "arrays" / "arrays.npz", conv=np.ones((32, 3, 3, 3), np.float32))
        for file in ("model.keras", "mobile.weights.h5", "arrays/arrays.npz"):
            content = bytearray((self.folder / file).read_bytes())
            middle = len(content) // 2
            content[middle : middle + 64] = bytes(byte ^ 0x5A for byte in content[middle : middle + 64])
            (self.folder / file).write_bytes(content[:-7] if file.endswith(".h5") else content)
        with self.assertRaisesRegex(UserError, "model.keras: cannot be loaded"):
            find_backbone(f"file:{self.folder}/model.keras")
        with self.assertRaisesRegex(UserError, "weights of MobileNet: "):
            find_backbone(f"applications:MobileNet:{self.folder}/mobile.weights.h5")
        module = mock.Mock(from_arrays=dict)
        with mock.patch.object(resources, "prepare", return_value=(module, self.folder / "arrays")):
            with self.assertRaisesRegex(UserError, "'efficientnet_lite/lite0': .*arrays.npz is damaged"):
                find_backbone("efficientnet_lite/lite0")

    def test_a_model_that_holds_code_is_refused(self):
        inputs = keras.Input((8, 8, 3))
        keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(self.folder / "code.keras")
        with self.assertRaisesRegex(UserError, "code.keras: cannot be loaded .*Lambda"):
            find_backbone(f"file:{self.folder}/code.keras")

    def test_a_layer_of_a_plugin(self):
        backbone = find_backbone("attention/glimpse_network", pretrained=False, size=16)
        self.assertEqual(backbone.model.output_shape, (None, 256))
        self.assertLen(backbone.variables(0), len(backbone.model.trainable_variables))
        self.assertEqual(backbone.model(PICTURES[:, :16, :16]).shape, (2, 256))

    def test_presets_of_keras_hub(self):
        hub = mock.MagicMock()
        hub.models.Backbone.from_preset.return_value = small()
        hub.layers.ImageConverter.from_preset.return_value = keras.layers.Rescaling(2.0)
        with mock.patch.dict("sys.modules", {"keras_hub": hub}):
            found = find_backbone("hub:resnet_18_imagenet")
            expected = hub.models.Backbone.from_preset.return_value(2 * PICTURES)
            np.testing.assert_allclose(found.model(PICTURES), expected, rtol=1e-5)
            self.assertLen(found.groups, 2)
            hub.models.Backbone.from_preset.side_effect = ValueError("Unknown preset identifier\nand more")
            with self.assertRaisesRegex(UserError, "hub:resnet_19: Unknown preset identifier and more"):
                find_backbone("hub:resnet_19")
        with mock.patch.dict("sys.modules", {"keras_hub": None}):
            with self.assertRaisesRegex(UserError, "needs KerasHub: pip install keras-hub"):
                find_backbone("hub:resnet_18_imagenet")

    def test_bad_names_are_one_line(self):
        (self.folder / "text.keras").write_text("no model")
        grey = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
        grey.save(self.folder / "grey.keras")
        for name, message in (
            ("resnet", "'resnet' is not allowed; one of: efficientnet_lite/lite0"),
            ("efficientnet_lite/lite5", "unknown EfficientNet-Lite 'lite5'"),
            ("fil:x", "unknown kind of config.backbone 'fil'; did you mean 'file'"),
            (f"file:{self.folder}/tex.keras", "did you mean 'text.keras'"),
            (f"file:{self.folder}/text.keras", "cannot be loaded"),
            (f"file:{self.folder}/grey.keras", r"takes \[\(None, 8, 8, 1\)\]; colour pictures"),
            ("applications:ResNet51", "did you mean 'ResNet5"),
            ("applications:MobileNet:/no/such.h5", "there is no such file of weights"),
            (f"run:{self.folder}", "holds no config.json"),
            ("attention/glimpse_netwrk", "did you mean 'attention/glimpse_network'"),
            ("transfer/transfer_head", "is of head, not an image_encoder"),
            ("attention/glimpse_network", "config.weights: pretrained is not allowed with the layer"),
        ):
            with self.assertRaisesRegex(UserError, message):
                find_backbone(name)

    def test_even_groups_hold_every_layer_once(self):
        model = small(classes=3)
        for count in (1, 2, 8):
            groups = even_groups(model, count)
            layers = [layer for group in groups for layer in group]
            self.assertEqual(
                [layer.name for layer in layers], [made.name for made in model.layers if made.trainable_variables]
            )
            self.assertEqual(sum(len(Backbone(model, groups).variables(n)) for n in range(len(groups))), 6)


if __name__ == "__main__":
    tf.get_logger().setLevel("ERROR")
    absltest.main()
