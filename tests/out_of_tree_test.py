"""A plugin out of the tree, from its making to its exported model: in a folder, and in an installed package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import tensorflow as tf
from absl.testing import absltest

from tests import programs

FOLDER = Path(os.environ.get("TEST_TMPDIR", "/tmp"), "out_of_tree")
SMALL = (
    "--config.epochs=1", "--config.steps_per_epoch=4", "--config.evaluation_steps=2", "--config.batch_size=32",
    "--config.units=8", "--config.baseline=none",
)  # fmt: skip

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "packaged-plugin"
version = "1.0"

[project.entry-points."ogbrain.plugins"]
packaged = "packaged.plugin:PLUGIN"

[tool.setuptools]
packages = ["packaged"]
"""


class OutOfTreeTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = programs.writable_data(FOLDER / "data")

    def program(self, *arguments, **environment):
        outcome = programs.run(*arguments, OGBRAIN_DATA_DIR=self.data, **environment)
        self.assertEqual(outcome.code, 0, outcome.errors)
        return outcome.output

    def test_a_folder(self):
        self.program("plugins", "new", "outside", f"--out={FOLDER / 'plugins'}")
        path = f"--plugin_path={FOLDER / 'plugins'}"
        listed = json.loads(self.program("plugins", "list", "--json", path))["plugins"]
        (found,) = (plugin for plugin in listed if plugin["name"] == "outside")
        self.assertEqual((found["status"], found["problems"]), ("ok", []))
        self.trains_and_exports("outside", path)

    def test_a_package(self):
        source = FOLDER / "a package"
        self.program("plugins", "new", "packaged", "--kind=layer", f"--out={source}")
        (source / "pyproject.toml").write_text(PROJECT)
        # The environment of --config=plugins.
        self.install(f"'{source}'")
        path = {"python": str(FOLDER / "environment" / "bin" / "ogbrain-python"), "PYTHONPATH": str(programs.ROOT)}
        listed = json.loads(self.program("plugins", "list", "--json", **path))["plugins"]
        (found,) = (plugin for plugin in listed if plugin["name"] == "packaged")
        self.assertEqual((found["status"], found["origin"]), ("ok", "entry point of packaged-plugin 1.0"))
        self.trains_and_exports("packaged", **path)
        # What is changed in the folder holds at once.
        (source / "packaged" / "plugin.py").write_text("raise RuntimeError('under construction')")
        listed = json.loads(self.program("plugins", "list", "--json", **path))["plugins"]
        self.assertIn("RuntimeError: under construction", [plugin.get("why") for plugin in listed])

    def test_packages_that_cannot_be_installed(self):
        for packages, message in (
            ("/nowhere/at/all", "OGBRAIN_PLUGINS: /nowhere/at/all: there is no such folder or wheel"),
            (f"'{FOLDER / 'data'}'", f"OGBRAIN_PLUGINS: pip could not install '{FOLDER / 'data'}'"),
        ):
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                self.install(packages)
            self.assertEqual(caught.exception.stderr.strip().splitlines()[-1], message)

    def install(self, packages):
        script = programs.ROOT / "tools" / "bazel" / "install_environment.py"
        arguments = ["--over", str(FOLDER / "environment"), packages, str(FOLDER)]
        subprocess.run([sys.executable, "-I", str(script), *arguments], check=True, capture_output=True, text=True)

    def trains_and_exports(self, name, *path, **environment):
        run, exports = FOLDER / f"{name}_run", FOLDER / f"{name}_exports"
        self.program("train", f"--plugin={name}", *path, f"--run_dir={run}", *SMALL, **environment)
        evaluated = self.program("evaluate", f"--run={run}", "--split=test", **environment)  # the run knows its plugin
        self.assertIn("accuracy", evaluated)
        self.program("export", f"--run={run}", f"--export_dir={exports}", **environment)
        (version,) = exports.glob("*/*")
        answer = tf.saved_model.load(str(version)).signatures["serving_default"](image=tf.zeros((2, 28, 28, 1)))
        self.assertEqual(answer["probabilities"].shape, (2, 10))


if __name__ == "__main__":
    absltest.main()
