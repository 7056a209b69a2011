import ast
import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

from absl.testing import absltest, parameterized

from ogbrain import plugins, registry
from ogbrain.command_test_case import CommandTestCase
from ogbrain.registry import discovery
from ogbrain.registry.specimens import FILES, manifest, write_plugin

LIGHT = """
import sys
sys.path = {path!r}
from ogbrain import plugins
from absl import flags
flags.FLAGS(["plugins"])
plugins.main(["list"])
for name in plugins.registry.REGISTRY.plugins():
    plugins.main(["describe", name])
heavy = sorted({{"tensorflow", "keras", "numpy", "tensorflow_datasets"}} & set(sys.modules))
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""


class PluginsTest(CommandTestCase):
    shown = plugins.SHOWN

    def setUp(self):
        super().setUp()
        # Each test finds the plugins for itself.
        self.enterContext(mock.patch.object(registry, "REGISTRY", registry.Registry()))

    def run_plugins(self, *arguments):
        return self.run_command(plugins.main, *arguments)

    def test_list_has_the_plugins_of_the_tree(self):
        tree = importlib.import_module(discovery.IN_TREE_PACKAGES[0])
        code, output, _ = self.run_plugins("list", "--json")
        self.assertEqual(code, 0)
        listed = {plugin["name"]: plugin for plugin in json.loads(output)["plugins"]}
        self.assertNotEmpty(tree.IN_TREE)
        for name in tree.IN_TREE:
            self.assertEqual((name, listed[name]["status"], listed[name]["problems"]), (name, "ok", []))
            self.assertEqual(listed[name]["origin"], f"in tree, plugins/{name}")

    def test_describe_tells_what_each_component_of_the_tree_is(self):
        for name in registry.REGISTRY.plugins():
            code, output, _ = self.run_plugins("describe", name, "--json")
            self.assertEqual(code, 0)
            described = json.loads(output)
            self.assertEqual(described["name"], name)
            for kind in ("layers", "pipelines", "experiments"):
                for component in described[kind]:
                    self.assertNotEmpty(component["doc"], component["name"])
            for experiment in described["experiments"]:
                for field in experiment["config"]:
                    self.assertNotEmpty(field["doc"], f"{experiment['name']} {field['name']}")

    def test_text_fits_a_terminal(self):
        for arguments in (["list"], *(["describe", name] for name in registry.REGISTRY.plugins())):
            code, output, errors = self.run_plugins(*arguments)
            self.assertEqual((code, errors), (0, ""))
            self.assertLessEqual(max(map(len, output.splitlines())), 120)

    def test_broken_and_clashing_plugins_of_a_folder(self):
        folder = Path(self.create_tempdir().full_path)
        first = next(iter(registry.REGISTRY.plugins()))
        write_plugin(folder / "bad", "import torch_of_nobody", {})
        write_plugin(folder / "copy", manifest(first))
        code, output, errors = self.run_plugins("list", f"--plugin_path={folder}")
        self.assertEqual((code, errors), (0, ""))
        (bad,) = re.findall(r"^  bad \(.*$", output, re.MULTILINE)
        self.assertIn("ModuleNotFoundError: No module named 'torch_of_nobody'", bad)
        (clash,) = re.findall(rf"^  {first} \(.*$", output, re.MULTILINE)
        self.assertIn(f"plugins/{first}", clash)
        self.assertIn(str(folder), clash)
        code, output, _ = self.run_plugins("describe", "bad")
        self.assertEqual(code, 0)
        self.assertIn("Traceback (most recent call last)", output)

    @parameterized.named_parameters(
        ("text", "", "has no PLUGIN; PLUGIN = ogbrain.Plugin(...)"),
        (
            "wrong_string",
            manifest("bad", layers={"scale": "layers/scale"}),
            "'layers/scale' is not allowed; MODULE:NAME",
        ),
        ("missing_argument", "import ogbrain\nPLUGIN = ogbrain.Plugin(name='bad', api=1)", "summary"),
        (
            "unknown_argument",
            manifest("bad", layer={}),
            "unknown argument of plugin bad 'layer'; did you mean 'layers'?",
        ),
        ("kind_of_no_layer", manifest("bad", kinds={"scal": "head"}), "did you mean 'scale'?"),
        ("no_such_kind", manifest("bad", kinds={"scale": "heads"}), "did you mean 'head'?"),
        ("name_taken", manifest("attention"), "'attention' is taken by in tree, plugins/attention"),
        ("api_of_tomorrow", manifest("bad", api=2), "was written for API 2, this ogbrain provides 1: update ogbrain"),
        ("raises", "raise RuntimeError('out of luck')", "RuntimeError: out of luck"),
        ("hangs", "import time\nwhile True:\n  try: time.sleep(60)\n  except BaseException: pass", "longer than 1 s"),
        ("exits", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("ends", "import os; os._exit(0)", "InterpreterEndedError: importing it ends the interpreter (exit code 0)"),
        ("aborts", "import os; os.abort()", "InterpreterEndedError: importing it ends the interpreter (signal 6)"),
        ("recurses", "def f(): f()\nf()", "RecursionError"),
    )
    def test_a_broken_manifest(self, text, why):
        folder = Path(self.create_tempdir().full_path)
        self.enterContext(mock.patch.object(registry.registry, "MANIFEST_SECONDS", 1.0))
        write_plugin(folder / "bad", text)
        write_plugin(folder / "good", manifest("good"))
        code, output, errors = self.run_plugins("list", f"--plugin_path={folder}")
        self.assertEqual((code, errors), (0, ""))
        (line,) = [line for line in output.splitlines() if f"folder {folder.resolve()}/bad)" in line]
        self.assertIn(why, line)
        self.assertRegex(output, r"(?m)^good +1 layer, 1 experiment")
        code, output, _ = self.run_plugins("describe", line.split()[0])
        self.assertEqual(code, 0)
        self.assertIn("Traceback (most recent call last)", output)
        self.assertIn(why, " ".join(output.split()))

    @parameterized.named_parameters(
        ("no_module", {"layers/scale.py": None}, "layer odd/scale: there is no module .layers.scale"),
        ("no_attribute", {"layers/scale.py": "class Scales: pass"}, "layer odd/scale: ", "scale.py has no Scale"),
        ("no_python", {"layers/scale.py": "class Scale("}, "layer odd/scale: ", "cannot be read"),
        ("abstract", {"tiny.py": "import ogbrain\nclass Tiny(ogbrain.SupervisedExperiment):\n  def loss(self): ..."},
         "experiment odd/tiny: .tiny:Tiny leaves out build_model, build_pipeline"),
        ("no_dataclass", {"tiny_config.py": "import ogbrain\nclass TinyConfig(ogbrain.config.ExperimentConfig): pass"},
         "config odd/tiny: .tiny_config:TinyConfig is no dataclass; @dataclasses.dataclass(frozen=True)"),
    )  # fmt: skip
    def test_a_manifest_that_is_not_true(self, files, *parts):
        folder = Path(self.create_tempdir().full_path)
        files = {file: text for file, text in {**FILES, **files}.items() if text is not None}
        write_plugin(folder / "odd", manifest("odd"), files)
        for arguments in (["list", f"--plugin_path={folder}"], ["describe", "odd"]):
            code, output, errors = self.run_plugins(*arguments)
            self.assertEqual((code, errors), (0, ""))
            (line,) = [line for line in output.splitlines() if parts[0] in line]
            for part in parts:
                self.assertIn(part, line)
        self.assertNotIn("tensorflow", sys.modules)

    @parameterized.named_parameters(
        ("raises", "raise ValueError('no config today')", "ValueError: no config today"),
        ("hangs", "import time; time.sleep(60)", "TimeLimitError: took longer than 1 s"),
        ("exits", "import sys; sys.exit(3)", "SystemExit: 3"),
        ("ends", "import os; os._exit(3)", "InterpreterEndedError: importing it ends the interpreter (exit code 3)"),
    )
    def test_a_config_that_cannot_be_imported(self, text, why):
        folder = Path(self.create_tempdir().full_path)
        self.enterContext(mock.patch.object(registry.registry, "MANIFEST_SECONDS", 1.0))
        write_plugin(folder / "odd", manifest("odd"), {**FILES, "tiny_config.py": f"{FILES['tiny_config.py']}\n{text}"})
        code, output, errors = self.run_plugins("describe", "odd", f"--plugin_path={folder}")
        self.assertEqual((code, errors), (0, ""))
        self.assertIn(why, output.partition("Traceback (most recent call last)")[0])
        self.assertIn(why.partition(":")[0], output.partition("Traceback (most recent call last)")[2])
        self.assertIn("Multiplies by a number.", output)

    def test_new_in_the_tree(self):
        tree = Path(self.create_tempdir().full_path)
        package = tree / "plugins"
        package.mkdir()
        shutil.copyfile(Path(plugins.__file__).parents[1] / "plugins" / "__init__.py", package / "__init__.py")
        self.enterContext(mock.patch.dict(os.environ, BUILD_WORKSPACE_DIRECTORY=str(tree)))
        code, output, errors = self.run_plugins("new", "of_mine", "--kind=agent", "--json")
        self.assertEqual((code, errors), (0, ""))
        folder = tree / "plugins" / "of_mine"
        self.assertEqual(json.loads(output), {"name": "of_mine", "folder": str(folder), "in_tree": True})
        self.assertTrue((folder / "plugin.py").is_file())
        names = importlib.import_module(discovery.IN_TREE_PACKAGES[0]).IN_TREE
        listed = ast.literal_eval((tree / "plugins/__init__.py").read_text().partition("IN_TREE = ")[2].splitlines()[0])
        self.assertEqual(listed, tuple(sorted([*names, "of_mine"])))
        code, output, errors = self.run_plugins("new", "of_mine")
        self.assertEqual((code, output), (2, ""))
        self.assertIn("of_mine: is there already", errors)

    def test_new_in_an_odd_place(self):
        out = Path(self.create_tempdir().full_path, "two words, 字 and 'quotes'")
        code, output, errors = self.run_plugins("new", "of_mine", "--kind=layer", f"--out={out}")
        self.assertEqual((code, errors), (0, ""))
        (line,) = [line for line in output.splitlines() if line.startswith("check: ")]
        code, output, errors = self.run_plugins("list", shlex.split(line)[-1])  # what it says to type works
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("of_mine", output)

    @parameterized.parameters(
        (["new"], "new takes the name of one plugin"),
        (["new", "a", "b"], "new takes the name of one plugin, not a b"),
        (["new", "class"], "a word of Python"),
        (["new", "Ünder"], "the name 'Ünder' is not allowed; lower_snake case"),
        (["new", "fine", "--kind=agents"], "unknown --kind 'agents'; did you mean 'agent'?"),
        (["new", "fine", "--out=/proc/nowhere"], "/proc/nowhere/fine: cannot be written"),
        (["new", "attention"], "is taken by in tree, plugins/attention"),
    )
    def test_new_with_bad_arguments(self, arguments, message):
        code, output, errors = self.run_plugins(*arguments)
        self.assertEqual((code, output), (2, ""))
        self.assertLen(errors.splitlines(), 1)
        self.assertIn(message, errors)

    def test_bad_arguments(self):
        for arguments, message in (
            (["lst"], "unknown command 'lst'; did you mean 'list'?"),
            (["describe"], "describe takes the name of one plugin"),
            (["list", "all"], "list takes no arguments, not all"),
            (["describe", "no_such_plugin"], "unknown plugin 'no_such_plugin'"),
        ):
            code, output, errors = self.run_plugins(*arguments)
            self.assertEqual((code, output), (2, ""), arguments)
            self.assertLen(errors.splitlines(), 1)
            self.assertIn(message, errors)

    def test_is_quick_and_imports_no_tensorflow(self):
        arguments = [sys.executable, "-c", LIGHT.format(path=sys.path)]
        before = os.times()
        result = subprocess.run(arguments, capture_output=True, text=True, check=False)
        after = os.times()
        self.assertEqual(result.returncode, 0, result.stderr)
        # The processor's time, which does not depend on what else the machine is doing.
        seconds = after.children_user + after.children_system - before.children_user - before.children_system
        self.assertLess(seconds, 1.0)  # TensorFlow alone takes several


if __name__ == "__main__":
    absltest.main()
