"""Each kind of new plugin is whole: it trains, passes its tests and exports as it is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from absl.testing import absltest, parameterized

import ogbrain
from ogbrain import testing
from ogbrain.errors import UserError
from ogbrain.scaffold.new_plugin import KINDS, new_plugin

PLUGINS = """
import sys
sys.path = {path!r}
from ogbrain import command, plugins
command.run(plugins.main, usage="", summary="", shown=plugins.SHOWN)
"""

BUILD = """py_library(
    name = "plugins",
    deps = [
        "//plugins/attention",
        "//plugins/transfer",
    ],
)
"""


class NewPluginTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    @parameterized.parameters(*KINDS)
    def test_passes_its_own_tests(self, kind):
        folder = new_plugin(f"fresh_{kind}", kind, self.folder)
        expected = {"BUILD", "README.md", "__init__.py", "plugin.py", f"fresh_{kind}_test.py"}
        self.assertContainsSubset(expected, {file.name for file in folder.iterdir()})
        # Its tests train, resume, predict and export; `check` runs them and more, as a user would.
        arguments = ["check", f"fresh_{kind}", f"--plugin_path={folder}", "--json"]
        command = [sys.executable, "-c", PLUGINS.format(path=sys.path), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        checks = json.loads(done.stdout)["checks"]
        self.assertEqual([check for check in checks if check["status"] == "failed"], [])
        passed = {check["name"] for check in checks if check["status"] == "ok"}
        expected = {"relocatable", "gradient flow", "resume equals unbroken", "predict", "export"}
        self.assertContainsSubset(expected, passed)
        lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=120", str(folder)]
        self.assertEqual(subprocess.run([*lint, "--select=E,F,I,B,UP"], check=False).returncode, 0)

    def test_nothing_is_overwritten(self):
        new_plugin("twice", "layer", self.folder)
        before = sorted(os.listdir(self.folder / "twice"))
        with self.assertRaisesRegex(UserError, "twice: is there already"):
            new_plugin("twice", "agent", self.folder)
        self.assertEqual(sorted(os.listdir(self.folder / "twice")), before)
        self.assertEqual(os.listdir(self.folder), ["twice"])

    @parameterized.parameters(
        ("Big", "layer", "lower_snake case"),
        ("a-b", "layer", "lower_snake case"),
        ("../up", "layer", "lower_snake case"),
        ("class", "layer", "a word of Python"),
        ("größe", "layer", "lower_snake case"),
        ("two words", "layer", "lower_snake case"),
        ("a/b", "layer", "lower_snake case"),
        ("", "layer", "the name '' is not allowed; lower_snake case"),
        ("_private", "layer", "lower_snake case"),
        ("1st", "layer", "lower_snake case"),
        ("name\n", "layer", "lower_snake case"),
        ("{{ name }}", "layer", "lower_snake case"),
        ("ogbrain", "layer", "that of a package of this project"),
        ("plugins", "layer", "that of a package of this project"),
        ("attention", "layer", "'attention' is taken by in tree, plugins/attention"),
        ("long" * 100, "layer", "cannot be written (File name too long)"),
        ("fine", "layr", "unknown --kind 'layr'; did you mean 'layer'?"),
    )
    def test_bad_arguments(self, name, kind, message):
        with self.assertRaisesRegex(UserError, re.escape(message)):
            new_plugin(name, kind, self.folder)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_place_that_cannot_be_written(self):
        (self.folder / "file").write_text("")
        (self.folder / "closed").mkdir(mode=0o500)
        for place in (self.folder / "file", Path("/proc/nowhere"), self.folder / "closed"):
            if os.access(place, os.W_OK) and place.is_dir():
                continue  # to root nothing is closed
            with self.assertRaisesRegex(UserError, "fine: cannot be written"):
                new_plugin("fine", "layer", place)
        self.assertEmpty(list((self.folder / "closed").iterdir()))

    def test_an_odd_place(self):
        for number, place in enumerate(("a place", "größe, ünd 字", "plugins", "-x")):
            folder = new_plugin(f"fine_{number}", "layer", self.folder / place)
            self.assertEqual(testing.load_plugin(folder).name, folder.name)
            self.assertEqual(os.listdir(self.folder / place), [folder.name])

    @parameterized.parameters("json", "numpy", "keras", "config", "plugin", "test", "pictures", "x", "match", "a1_b2")
    def test_an_odd_name(self, name):
        folder = new_plugin(name, "experiment", self.folder)
        self.assertEqual(testing.load_plugin(folder).name, name)
        config = ogbrain.configs.get(f"{name}/classify")()
        self.assertEqual(ogbrain.experiments.get(f"{name}/classify")(config).config, config)

    def test_in_the_tree_it_is_enlisted(self):
        package = self.folder / "plugins"
        package.mkdir()
        (package / "__init__.py").write_text('"""Plugins."""\n\nIN_TREE = ("attention", "transfer")\n')
        (package / "BUILD").write_text(BUILD)
        folder = new_plugin("memory_of_mine", "experiment", package, in_tree=True)
        self.assertIn('IN_TREE = ("attention", "memory_of_mine", "transfer")', (package / "__init__.py").read_text())
        expected = BUILD.replace('"//plugins/transfer"', '"//plugins/memory_of_mine",\n        "//plugins/transfer"')
        self.assertEqual((package / "BUILD").read_text(), expected)
        self.assertIn('"//ogbrain/testing"', (folder / "BUILD").read_text())
        for number in range(6):  # the list gets too long for a line
            new_plugin(f"one_of_several_{number}", "agent", package, in_tree=True)
        text = (package / "__init__.py").read_text()
        self.assertLess(max(map(len, text.splitlines())), 120)
        found: dict = {}
        exec(text, found)
        several = [f"one_of_several_{number}" for number in range(6)]
        self.assertEqual(found["IN_TREE"], ("attention", "memory_of_mine", *several, "transfer"))
        self.assertLen(re.findall('"//plugins/', (package / "BUILD").read_text()), 9)


if __name__ == "__main__":
    absltest.main()
