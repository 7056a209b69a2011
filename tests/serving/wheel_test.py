"""The wheel: what is in it, and saved models that find their plugin."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import keras
import numpy as np
from absl.testing import absltest

import ogbrain
from tests import programs

LOAD = """
import json, sys
import keras
model = keras.models.load_model(sys.argv[1])
import numpy as np
layer = model.get_layer("eye")
answer = model([np.load(sys.argv[2]), np.zeros((2, 2), "float32")])
print(json.dumps({"module": type(layer).__module__, "answer": np.asarray(answer).tolist()}))
"""


class WheelTest(absltest.TestCase):
    folder: Path
    wheel: Path
    python: str

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(absltest.get_default_test_tmpdir(), "wheel")
        shutil.rmtree(cls.folder, ignore_errors=True)
        source = cls.folder / "source"
        ignored = shutil.ignore_patterns("__pycache__", "*.runfiles")
        for name in ("ogbrain", "plugins", "datasets"):
            shutil.copytree(programs.ROOT / name, source / name, ignore=ignored)
        for name in ("setup.py", "pyproject.toml", "LICENSE"):
            shutil.copyfile(programs.ROOT / name, source / name)
        build = f"from setuptools import build_meta; build_meta.build_wheel({str(cls.folder)!r})"
        subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
        (cls.wheel,) = cls.folder.glob("*.whl")
        # As `pip install --no-deps` leaves it: unpacked into the site-packages of an environment.
        environment = cls.folder / "environment"
        venv.create(environment, with_pip=False, symlinks=True)
        (site,) = environment.glob("lib/python*/site-packages")
        zipfile.ZipFile(cls.wheel).extractall(site)
        (site / "zz_dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
        cls.python = str(environment / "bin" / "python")

    def run_python(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RUNFILES"))}
        done = subprocess.run(
            [self.python, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_its_packages_shadow_nobodys(self):
        names = zipfile.ZipFile(self.wheel).namelist()
        top = {name.split("/")[0] for name in names if ".dist-info" not in name}
        self.assertEqual(top, {"ogbrain", "ogbrain_plugins", "ogbrain_datasets", "ogbrain_keras.pth"})
        self.assertEmpty([name for name in names if name.endswith("_test.py") or "dummy_data" in name])
        self.assertIn("ogbrain_plugins/attention/plugin.py", names)

    def test_a_saved_model_finds_its_plugin_with_keras_alone(self):
        sensor = ogbrain.layers.get("attention/glimpse_sensor")(patch_size=3, scales=2, name="eye")
        image, place = keras.Input((None, None, 1)), keras.Input((2,))
        model = keras.Model([image, place], sensor(image, place))
        model.save(self.folder / "model.keras")
        images = np.random.default_rng(0).random((2, 9, 9, 1), np.float32)
        np.save(self.folder / "images.npy", images)
        output = self.run_python("-c", LOAD, str(self.folder / "model.keras"), str(self.folder / "images.npy"))
        found = json.loads(output.splitlines()[-1])
        self.assertStartsWith(found["module"], "ogbrain_plugins.attention.")
        np.testing.assert_allclose(found["answer"], model([images, np.zeros((2, 2), np.float32)]), atol=1e-6)

    def test_plugins_and_data_sets_are_found(self):
        listing = json.loads(self.run_python("-m", "ogbrain.plugins", "list", "--json"))
        status = {plugin["name"]: plugin["status"] for plugin in listing["plugins"]}
        self.assertEqual(status["attention"], "ok")
        code = "from ogbrain.data import catalog; print(catalog.entries()['fashion_mnist'].module)"
        module = "ogbrain_datasets.fashion_mnist.fashion_mnist_dataset_builder"
        self.assertEqual(self.run_python("-c", code).strip(), module)

    def test_starting_python_costs_next_to_nothing(self):
        code = "import sys; sys.exit('ogbrain' in sys.modules or 'keras' in sys.modules)"
        self.run_python("-c", code)


if __name__ == "__main__":
    absltest.main()
