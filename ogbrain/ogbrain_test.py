import subprocess
import sys

from absl.testing import absltest

import ogbrain

LIGHT = """
import sys
sys.path = {path!r}
import ogbrain
ogbrain.Plugin, ogbrain.layers, ogbrain.pipelines, ogbrain.experiments, ogbrain.errors, ogbrain.config
heavy = sorted({{"tensorflow", "keras", "numpy", "tensorflow_datasets"}} & set(sys.modules))
sys.exit(f"imported: {{heavy}}" if heavy else 0)
"""


class OgbrainTest(absltest.TestCase):
    def test_every_public_name_is_there(self):
        for name in ogbrain.__all__:
            self.assertIn(name, dir(ogbrain))
            self.assertIsNotNone(getattr(ogbrain, name))
        self.assertTrue(issubclass(ogbrain.SupervisedExperiment, ogbrain.Experiment))

    def test_unknown_name(self):
        with self.assertRaisesRegex(AttributeError, "no attribute 'layer'; it has .*layers"):
            ogbrain.layer  # noqa: B018

    def test_import_is_light(self):
        command = [sys.executable, "-c", LIGHT.format(path=sys.path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    absltest.main()
