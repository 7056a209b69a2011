"""Every experiment of every plugin exports, and its export passes the check through TensorFlow's C API."""

import json
import os
import tempfile
from pathlib import Path

import keras
import tensorflow as tf
from absl.testing import absltest, parameterized

import ogbrain
from ogbrain import config as config_lib
from ogbrain.registry import configs
from ogbrain.serving import request_log
from ogbrain.serving.export import export
from ogbrain.serving.saved_model import SavedModel

# What makes an experiment small; one that is not here is exported as its config has it. Weights are not trained.
TINY: dict[str, tuple[str, ...]] = {
    "attention/glimpse": ("canvas=40", "glimpses=3", "units=32"),
    "attention/translate": ("vocabulary=300", "units=16", "embedding=8", "attention_units=8", "longest=20"),
    "attention/addition": ("canvas=40", "glimpses=1", "units=16", "patch_units=16"),
    "attention/many_objects": ("canvas=40", "glimpses=1", "units=16", "patch_units=16"),
    "transfer/images": ("image_size=64", "weights=random"),
    "transfer/sentiment": ("vectors=random", "filters=8"),
    "working_memory/algorithmic": ("examples=80", "units=8"),
    "working_memory/language_model": ("units=32", "embedding=8", "length=20"),
    "working_memory/speech": ("data.name=asterisk_sounds/en", "units=8", "bidirectional=false"),
}


def setUpModule():
    # One folder of data for all: links to what Bazel has prepared, a data set a folder.
    if "PREPARED" in os.environ:
        root = Path(tempfile.mkdtemp(dir=absltest.get_default_test_tmpdir()))
        (root / "tfds").mkdir()
        for folder in os.environ["PREPARED"].split():
            for entry in (Path(folder).resolve() / "tfds").iterdir():
                (root / "tfds" / entry.name).symlink_to(entry)
        os.environ["OGBRAIN_DATA_DIR"] = str(root)


class MatrixTest(parameterized.TestCase):
    def test_tiny_configs_are_of_experiments_that_there_are(self):
        self.assertContainsSubset(TINY, ogbrain.experiments.names())

    @parameterized.parameters(ogbrain.experiments.names())
    def test_exports(self, name):
        overrides = [f"--config.{override}" for override in TINY.get(name, ())]
        config = config_lib.resolve(configs.get(name)(), overrides)
        keras.utils.set_random_seed(0)
        experiment = ogbrain.experiments.get(name)(config)
        experiment.setup_inference()
        # Whatever the check finds is raised; it is made in a process that imports no Python TensorFlow.
        exported = export(name, experiment, Path(self.create_tempdir().full_path))
        self.assertIn("loaded by the C API; no Python or custom operations", exported.checks[0])
        self.assertContainsSubset(experiment.signatures(), exported.signatures)
        self.check_states(exported.signatures)
        self.check_batch_sizes(exported.folder)

    def check_states(self, signatures):
        """The state of a recurrent model goes in and comes out, in the same shape."""
        if "step" in signatures:
            given, answered = (set(side.split(", ")) for side in signatures["step"].split(" -> "))
            self.assertTrue(any("state" in part for part in given & answered), signatures["step"])

    def check_batch_sizes(self, folder):
        """One model answers batches of any size, also of those that it was not checked with."""
        model = SavedModel(folder)
        self.addCleanup(model.close)
        for log in request_log.read(folder / request_log.ANSWERS):
            request = log.predict_log.request
            sizes = {message.tensor_shape.dim[0].size for message in request.inputs.values()}
            if sizes == {3}:
                inputs = {key: tf.make_ndarray(message)[:2] for key, message in request.inputs.items()}
                answers = model.run(request.model_spec.signature_name, inputs)
                self.assertEqual({array.shape[0] for array in answers.values()}, {2}, request.model_spec)
        self.assertEqual(
            json.loads((folder / "assets.extra/signatures.json").read_text()).keys(), model.signatures.keys()
        )


if __name__ == "__main__":
    absltest.main()
