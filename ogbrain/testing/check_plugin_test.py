"""`plugins check`: what it runs, what it shows, and its exit codes."""

import json
from pathlib import Path

from absl.testing import absltest

from ogbrain import plugins
from ogbrain.command_test_case import CommandTestCase
from ogbrain.registry.specimens import LAYER, WHOLE, manifest, write_plugin

GOOD_LAYER = LAYER + "    def compute_output_shape(self, input_shape):\n        return input_shape\n"
FORGETFUL_LAYER = GOOD_LAYER.replace(
    'return super().get_config() | {"factor": self.factor}', "return super().get_config()"
)
LAYER_TEST = """
import numpy as np
from absl.testing import absltest
import ogbrain
from ogbrain import testing

testing.load_plugin(__file__)

class ScaleTest(testing.LayerTestCase):
    def test_conformance(self):
        self.check_layer(ogbrain.layers.get("{name}/scale"), {{"factor": 2.0}}, np.ones((2, 3), "float32"))

class OtherTest(absltest.TestCase):
    def test_what_is_not_of_the_kit_is_not_run(self):
        self.fail("run")
"""


class CheckPluginTest(CommandTestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def check(self, name, *more):
        """Runs `plugins check`: its exit code, what it printed, and its errors."""
        return self.run_command(plugins.main, "check", name, f"--plugin_path={self.folder}", *more)

    def plugin(self, name, **files):
        test = {f"{name}_test.py": LAYER_TEST.format(name=name)}
        files = {file.replace("__", "/") + ".py": text for file, text in files.items()}
        write_plugin(self.folder / name, manifest(name), {**WHOLE, "layers/scale.py": GOOD_LAYER, **test, **files})

    def test_a_good_plugin(self):
        self.plugin("sound")
        code, output, _ = self.check("sound")
        self.assertEqual(code, 0, output)
        for line in (r"every string imports +ok", r"config round trip +ok", r"sound/tiny +conformance +left out"):
            self.assertRegex(output, line)
        self.assertRegex(output, r"sound: all \d+ checks passed or left out")

    def test_a_failing_check(self):
        self.plugin("leaky", layers__scale=FORGETFUL_LAYER)
        code, output, _ = self.check("leaky", "--json")
        self.assertEqual(code, 1)
        found = json.loads(output)
        failed = [check for check in found["checks"] if check["status"] == "failed"]
        self.assertEqual([(check["subject"], check["name"]) for check in failed], [("Scale", "config round trip")])
        self.assertEqual((found["name"], found["failed"]), ("leaky", 1))
        self.assertIn("lacks the argument 'factor'", failed[0]["why"])

    def test_a_test_that_cannot_be_imported_is_a_failing_check(self):
        for name, text in (("raises", "1 / 0"), ("exits", "raise SystemExit(0)"), ("unwritten", "class (")):
            self.plugin(name, more_test=text)
            code, output, _ = self.check(name)
            self.assertEqual(code, 1, output)
            self.assertRegex(output, r"more_test.py +import +failed")
            self.assertRegex(output, r"config round trip +ok")  # and the other test is run

    def test_a_failing_set_up_is_a_failing_check(self):
        set_up = "print('noise')\ndef setUpModule():\n    raise OSError('no data')\n"
        self.plugin("unready", more_test=set_up + LAYER_TEST.format(name="unready"))
        code, output, _ = self.check("unready", "--json")
        self.assertEqual(code, 1, output)
        failed = [check for check in json.loads(output)["checks"] if check["status"] == "failed"]
        self.assertEqual(failed, [
            {"subject": "more_test.py", "name": "set up", "status": "failed", "why": "OSError: no data"},
        ])  # fmt: skip

    def test_a_layer_that_cannot_be_built_is_a_failing_check(self):
        self.plugin("crumbles", layers__scale=GOOD_LAYER.replace("self.factor = factor", "raise OSError('no')"))
        code, output, _ = self.check("crumbles")
        self.assertEqual(code, 1, output)
        self.assertRegex(output, r"ScaleTest +conformance +failed +OSError: no")

    def test_bad_input(self):
        self.plugin("broken")
        (self.folder / "broken" / "plugin.py").write_text("1 / 0")
        self.plugin("known")
        for name, part in (
            ("broken", "cannot be used: ZeroDivisionError"),
            ("knwn", "unknown plugin 'knwn'; did you mean 'known'?"),
            ("../known", "unknown plugin '../known'"),
            ("", "unknown plugin ''"),
        ):
            code, output, errors = self.check(name)
            self.assertEqual((code, output), (2, ""), errors)
            self.assertLen(errors.splitlines(), 1)
            self.assertIn(part, errors)


if __name__ == "__main__":
    absltest.main()
