"""The kit for plugins fails with just the check that a broken plugin breaks."""

import re
from pathlib import Path

from absl.testing import absltest, parameterized

from ogbrain import testing
from ogbrain.registry.specimens import CONFIG, FILES, LAYER, WHOLE, WHOLE_EXPERIMENT, manifest, write_plugin


class PluginTestCaseTest(parameterized.TestCase):
    def check(self, name, text, files):
        folder = write_plugin(Path(self.create_tempdir().full_path, name), text, files)
        case = testing.PluginTestCase()
        try:
            case.check_plugin(folder)
        except AssertionError as error:
            self.assertStartsWith(str(error), f"{name}: ")
        return case.checks

    def test_a_right_plugin_passes(self):
        checks = self.check("right", manifest("right"), WHOLE)
        self.assertEmpty(checks.failed, checks.done)
        self.assertLen(checks.done, 5)

    @parameterized.named_parameters(
        ("light", "light manifest", "import tensorflow\n", {}, {}, "tensorflow"),
        ("config", "light manifest", "", {"tiny_config.py": "import keras\n" + CONFIG}, {}, "configs imports keras"),
        ("abstract", "experiments are whole", "",
         {"tiny.py": WHOLE_EXPERIMENT.replace("def loss", "def lost")}, {}, "leaves out loss"),
        ("no_experiment", "experiments are whole", "", {"tiny.py": FILES["tiny.py"]}, {}, "no subclass"),
        ("readme", "documented", "", {"README.md": None}, {}, "README.md"),
        ("docstring", "documented", "",
         {"layers/scale.py": LAYER.replace('"""Multiplies', 'a = """Multiplies')}, {}, "scale has no docstring"),
        ("field", "documented", "", {"tiny_config.py": CONFIG.replace('"""Size', '#"""Size')}, {}, "config.size"),
        ("moved", "relocatable", "",
         {"tiny.py": WHOLE_EXPERIMENT
          + "\nif __file__.endswith('moved/tiny.py'):\n    raise ImportError('only at home')\n"}, {}, "only at home"),
    )  # fmt: skip
    def test_a_wrong_plugin_fails_just_that_check(self, check, head, files, arguments, why):
        name = "wrong_" + re.sub(r"[^a-z]+", "_", why.lower()).strip("_")
        files = {file: text for file, text in {**WHOLE, **files}.items() if text is not None}
        checks = self.check(name, head + manifest(name, **arguments), files)
        self.assertEqual(checks.failed, [check], checks.done)
        self.assertIn(why, next(each.why for each in checks.done if each.status == "failed"))

    def test_a_string_that_does_not_import(self):
        text = manifest("misspelt", layers={"scale": ".layers.scale:Scales"})
        checks = self.check("misspelt", text, WHOLE)
        self.assertIn("every string imports", checks.failed)
        self.assertNotIn("light manifest", checks.failed)

    def test_absolute_imports_of_itself(self):
        folder = Path(self.create_tempdir().full_path, "stuck")
        write_plugin(folder, manifest("stuck"), {**WHOLE, "helper.py": "import plugins.stuck.layers\n"})
        case = testing.PluginTestCase()
        with self.assertRaisesRegex(AssertionError, "helper.py:1 imports plugins.stuck.layers"):
            case.check_relocatable(testing.load_plugin(folder))


if __name__ == "__main__":
    absltest.main()
