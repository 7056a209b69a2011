import contextlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

from absl.testing import absltest, flagsaver

from ogbrain import command, plugins, registry
from ogbrain.registry import discovery
from ogbrain.registry.specimens import manifest, write_plugin

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


class PluginsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        # Each test finds the plugins for itself.
        self.enterContext(mock.patch.object(registry, "REGISTRY", registry.Registry()))

    def run_plugins(self, *arguments):
        """Runs the command in this process: its exit code, what it printed, and its errors."""
        output, errors = io.StringIO(), io.StringIO()
        with (
            flagsaver.flagsaver(),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            self.assertRaises(SystemExit) as exit_,
        ):
            command.run(
                plugins.main, usage=plugins.USAGE, summary=plugins.SUMMARY, shown=("json",), argv=["x", *arguments]
            )
        return exit_.exception.code or 0, output.getvalue(), errors.getvalue()

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
        self.assertLess(seconds, 0.5)


if __name__ == "__main__":
    absltest.main()
