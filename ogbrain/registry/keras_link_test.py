import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from absl.testing import absltest

from ogbrain.errors import UserError
from ogbrain.registry.keras_link import LayerStandIn
from ogbrain.registry.registry import Registry
from ogbrain.registry.specimens import FILES, manifest, write_plugin

# What a notebook or a server does that knows nothing of plugins but `import ogbrain`.
READER = """
import sys
import {first}, {second}
import numpy as np
model = keras.models.load_model(sys.argv[1])
layer = model.layers[-1]
assert type(layer).__module__ == "ogbrain_shark.layers.scale", type(layer).__module__
assert keras.saving.get_registered_name(type(layer)) == "ogbrain.shark>Scale"
np.testing.assert_array_equal(model(np.ones((1, 3))), np.full((1, 3), 3.0))
model.save(sys.argv[1])
"""


class KerasLinkTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.addCleanup(keras.saving.get_custom_objects().clear)

    def registry(self, name, **arguments) -> Registry:
        found = Registry(lambda: ())
        found.add_path(write_plugin(self.folder / name, manifest(name, **arguments)))
        return found

    def test_layer_has_its_plugin_in_its_registered_name(self):
        found = self.registry("orca")
        layer_class = found.load("layers", "orca/scale")
        self.assertEqual(keras.saving.get_registered_name(layer_class), "ogbrain.orca>Scale")
        self.assertIs(keras.saving.get_registered_object("ogbrain.orca>Scale"), layer_class)
        self.assertIs(found.load("layers", "orca/scale"), layer_class)

    def test_layers_that_an_experiment_imports_are_registered_with_it(self):
        experiment = self.registry("beluga").load("experiments", "beluga/tiny")
        self.assertEqual(keras.saving.get_registered_name(experiment.layer_class), "ogbrain.beluga>Scale")

    def test_saved_model_imports_the_layer_by_itself(self):
        layer_class = self.registry("narwhal").load("layers", "narwhal/scale")
        model = keras.Sequential([keras.Input((3,)), layer_class(factor=5.0)])
        model.save(self.folder / "model.keras")
        keras.saving.get_custom_objects().clear()
        with self.assertRaises(TypeError):
            keras.models.load_model(self.folder / "model.keras")
        anew = Registry(lambda: ())
        anew.add_path(self.folder / "narwhal")
        self.assertIsInstance(keras.saving.get_registered_object("ogbrain.narwhal>Scale"), LayerStandIn)
        again = keras.models.load_model(self.folder / "model.keras")
        self.assertEqual(again.layers[-1].factor, 5.0)
        np.testing.assert_array_equal(again(np.ones((2, 3))), np.full((2, 3), 5.0))
        self.assertIs(keras.saving.get_registered_object("ogbrain.narwhal>Scale"), layer_class)

    def test_stand_in_builds_the_layer_from_arguments_too(self):
        self.registry("fin")
        stand_in = keras.saving.get_registered_object("ogbrain.fin>Scale")
        self.assertEqual(repr(stand_in), "<layer fin/scale, not imported yet>")
        self.assertEqual(stand_in(factor=7.0).factor, 7.0)

    def test_saved_model_whose_layer_cannot_be_imported(self):
        self.registry("sperm", layers={"scale": ".gone:Scale"})
        config = {"module": "m", "class_name": "Scale", "config": {}, "registered_name": "ogbrain.sperm>Scale"}
        with self.assertRaisesRegex(UserError, "layer 'sperm/scale'.* cannot be loaded: ModuleNotFoundError"):
            keras.saving.deserialize_keras_object(config)

    def test_layer_that_is_none(self):
        found = self.registry("minke", layers={"size": ".tiny_config:TinyConfig"})
        with self.assertRaisesRegex(UserError, "layer minke/size: .* is no subclass of keras.layers.Layer"):
            found.load("layers", "minke/size")

    def test_installed_plugin_in_a_fresh_process(self):
        files = {**FILES, "__init__.py": ""}
        write_plugin(self.folder / "site" / "ogbrain_shark", manifest("shark"), files)
        info = self.folder / "site" / "ogbrain_shark-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ogbrain-shark\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[ogbrain.plugins]\nshark = ogbrain_shark.plugin:PLUGIN\n")
        found = Registry(lambda: ())
        found.add_path(self.folder / "site" / "ogbrain_shark")
        layer_class = found.load("layers", "shark/scale")
        keras.Sequential([keras.Input((3,)), layer_class(factor=3.0)]).save(self.folder / "model.keras")
        path = [str(self.folder / "site"), *sys.path]
        for first, second in (("ogbrain", "keras"), ("keras", "ogbrain")):
            code = f"import sys; sys.path = {path!r}\n" + READER.format(first=first, second=second)
            command = [sys.executable, "-c", code, str(self.folder / "model.keras")]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    absltest.main()
