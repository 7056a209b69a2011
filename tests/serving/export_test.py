"""What is exported, and what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from ogbrain.errors import RunError, UserError
from ogbrain.serving import export as export_lib
from ogbrain.serving import request_log, server_configs
from ogbrain.serving.check_version import check_in_other_process
from ogbrain.serving.export import export
from ogbrain.serving.precision import Weights
from ogbrain.serving.protocol import example_pb2
from ogbrain.serving.quality import quality_lines
from ogbrain.serving.request_error import RequestError
from ogbrain.serving.saved_model import SavedModel
from tests.serving.specimen import LABELS, SIDE, Specimen, pictures, pngs


class ExportTest(parameterized.TestCase):
    folder: Path
    experiment: Specimen
    exported: export_lib.Exported

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(absltest.get_default_test_tmpdir(), "exports")
        cls.experiment = Specimen()
        cls.exported = export("test/specimen", cls.experiment, cls.folder)

    def test_all_signatures_answer_and_the_check_says_what_it_did(self):
        self.assertEqual(self.exported.folder, self.folder / "test_specimen" / "1")
        self.assertEqual(set(self.exported.signatures), {"serving_default", "features", "words", "step", "classify"})
        self.assertEqual(
            self.exported.signatures["serving_default"],
            "image_bytes string (?) -> label string (?), classes string (?, 4), probabilities float32 (?, 4)",
        )
        self.assertIn("15 recorded answers are the Keras model's", self.exported.checks[1])
        described = json.loads((self.exported.folder / "assets.extra/signatures.json").read_text())
        self.assertEqual(described, dict(self.exported.signatures))

    def test_the_c_api_answers_as_python_does(self):
        model = SavedModel(self.exported.folder)
        self.addCleanup(model.close)
        files = pngs(5, seed=3)
        answer = model.run("serving_default", {"image_bytes": files})
        expected = tf.nn.softmax(self.experiment.model(pictures(5, seed=3) / np.float32(255))).numpy()
        np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
        self.assertEqual([label.decode() for label in answer["label"]], [LABELS[best] for best in expected.argmax(-1)])
        self.assertEqual(list(model.run("serving_default", {"image_bytes": files}, ["label"])), ["label"])
        texts = [b"walk", "größer".encode(), b"", b"x" * 100_000]
        words = model.run("words", {"text": np.array(texts, object)})
        self.assertEqual(words["word"].tolist(), [1, 0, 0, 0])
        self.assertEqual(words["length"].tolist(), [4, 6, 0, 100_000])

    def test_state_goes_in_and_comes_out(self):
        model = SavedModel(self.exported.folder)
        self.addCleanup(model.close)
        observation, state = np.ones((2, 3), np.float32), np.zeros((2, 16), np.float32)
        first = model.run("step", {"observation": observation, "state": state})
        self.assertGreater(np.abs(first["state"]).max(), 0)
        again = model.run("step", {"observation": observation, "state": state})
        np.testing.assert_array_equal(first["state"], again["state"])  # no hidden state
        second = model.run("step", {"observation": observation, "state": first["state"]})
        self.assertGreater(np.abs(second["state"] - first["state"]).max(), 0)

    def test_classify_takes_serialized_examples(self):
        model = SavedModel(self.exported.folder)
        self.addCleanup(model.close)
        example = example_pb2.Example()
        example.features.feature["image_bytes"].bytes_list.value.append(pngs(1)[0])
        answer = model.run("classify", {"inputs": np.array([example.SerializeToString()], object)})
        expected = model.run("serving_default", {"image_bytes": pngs(1)})
        order = np.argsort(-expected["probabilities"][0])
        self.assertEqual(answer["classes"][0].tolist(), [LABELS[place].encode() for place in order])
        self.assertEqual(answer["classes"][0, 0], expected["label"][0])
        np.testing.assert_allclose(answer["scores"][0], expected["probabilities"][0][order], rtol=1e-6)

    def test_the_checking_process_never_imports_tensorflow(self):
        code = (
            "import sys; from pathlib import Path; from ogbrain.serving.check_version import check_version;"
            f"print(check_version(Path({str(self.exported.folder)!r})));"
            "sys.exit(any(name.startswith(('tensorflow.python', 'keras')) for name in sys.modules))"
        )
        environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "TF_CPP_MIN_LOG_LEVEL": "2"}
        subprocess.run([sys.executable, "-P", "-c", code], env=environment, check=True)

    def test_a_moved_export_still_knows_its_words(self):
        moved = Path(self.create_tempdir().full_path, "elsewhere")
        shutil.copytree(self.exported.folder, moved)
        model = SavedModel(moved)
        self.addCleanup(model.close)
        self.assertEqual(model.run("words", {"text": np.array([b"run"], object)})["word"].tolist(), [2])

    def test_warm_up_has_every_signature_and_tensorflow_reads_it(self):
        file = str(self.exported.folder / request_log.WARMUP)
        records = [record.numpy() for record in tf.data.TFRecordDataset(file)]
        logs = request_log.read(Path(file))
        self.assertLen(logs, len(records))
        self.assertEqual(
            [log.SerializeToString(deterministic=True) for log in logs],
            [type(logs[0]).FromString(r).SerializeToString(deterministic=True) for r in records],
        )
        signatures = {log.predict_log.request.model_spec.signature_name for log in logs}
        self.assertEqual(signatures, set(self.exported.signatures))
        self.assertEqual({log.predict_log.request.model_spec.name for log in logs}, {"test_specimen"})
        self.assertFalse(any(log.predict_log.HasField("response") for log in logs))

    def test_server_configs_keep_what_users_changed(self):
        folder = Path(self.create_tempdir().full_path)
        shutil.copytree(self.folder / "test_specimen", folder / "one")
        server_configs.write_configs(folder)
        text = (folder / "models.config").read_text()
        self.assertIn('base_path: "/models/one"', text)
        changed = text.replace("base_path", 'version_labels { key: "stable" value: 1 } base_path')
        (folder / "models.config").write_text(changed)
        (folder / "batching.config").write_text("max_batch_size { value: 7 }\n")
        shutil.copytree(self.folder / "test_specimen", folder / "two")
        server_configs.write_configs(folder)
        first, second = server_configs.read_models(folder).model_config_list.config
        self.assertEqual((dict(first.version_labels), second.name), ({"stable": 1}, "two"))
        self.assertEqual(server_configs.read_batching(folder)["max_batch_size"], 7)
        (folder / "models.config").write_text("no such thing")
        with self.assertRaisesRegex(UserError, "models.config: cannot be read"):
            server_configs.read_models(folder)

    def test_versions_grow_and_are_not_overwritten(self):
        with self.assertRaisesRegex(UserError, "has it already; versions there: 1"):
            export("test/specimen", self.experiment, self.folder, version=1)

    @parameterized.parameters("bfloat16", "int8")
    def test_fewer_bits_answer_as_the_rounded_model_and_are_smaller(self, precision):
        folder = Path(self.create_tempdir().full_path)
        before = [variable.numpy() for variable in self.experiment.model.weights]
        exported = export("test/specimen", self.experiment, folder, precision=precision)
        for variable, value in zip(self.experiment.model.weights, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
        size, full = (
            next((f / "variables").glob("*.data-*")).stat().st_size for f in (exported.folder, self.exported.folder)
        )
        self.assertLess(size, full * (0.75 if precision == "bfloat16" else 0.6))
        model = SavedModel(exported.folder)
        self.addCleanup(model.close)
        images = pictures(4) / np.float32(255)
        exact = SavedModel(self.exported.folder)
        self.addCleanup(exact.close)
        difference = np.abs(
            model.run("features", {"image": images})["features"] - exact.run("features", {"image": images})["features"]
        )
        self.assertBetween(difference.max(), 1e-6, 0.05)
        lines = quality_lines(self.experiment, precision)
        self.assertRegex(lines[0], rf"^test mean_score: [-\d.]+ as float32, [-\d.]+ as {precision} \([-+][\d.]+\)$")

    def test_int8_is_within_half_a_step_for_each_output(self):
        weights = Weights(self.experiment.model, "int8")
        kernel = self.experiment.model.get_layer("features").kernel
        exact = kernel.numpy()
        with weights.rounded():
            rounded = kernel.numpy()
        step = np.abs(exact).max(0) / 127
        self.assertTrue(np.all(np.abs(rounded - exact) <= step / 2 + 1e-7))
        self.assertGreater(np.abs(rounded - exact).max(), 0)

    def test_unknown_precision_names_the_near_one(self):
        with self.assertRaisesRegex(UserError, "did you mean 'int8'"):
            Weights(self.experiment.model, "int9")


class RefusedTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)
        self.experiment = Specimen()

    def left(self):
        model_dir = self.folder / "test_specimen"
        return [entry.name for entry in model_dir.iterdir()] if model_dir.exists() else []

    def test_python_operations(self):
        @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32, name="image")])
        def default(image):
            return {"x": tf.numpy_function(lambda value: value, [image], tf.float32)}

        with mock.patch.object(self.experiment, "signatures", lambda: {"serving_default": default}):
            with self.assertRaisesRegex(UserError, "'serving_default': PyFunc.*no server can run Python"):
                export("test/specimen", self.experiment, self.folder)
        self.assertEmpty(self.left())

    def test_answers_that_are_not_the_models_leave_no_version(self):
        answers = export_lib._answers

        def other(*arguments):
            logs = answers(*arguments)
            output = logs[4].predict_log.response.outputs["features"]
            values = np.frombuffer(output.tensor_content, np.float32).copy()
            values[0] += 3e-5
            output.tensor_content = values.tobytes()
            return logs

        with mock.patch.object(export_lib, "_answers", other):
            with self.assertRaisesRegex(
                RunError, "fails its check, no version was left: .*'features', 3 examples.*at most 1e-05"
            ):
                export("test/specimen", self.experiment, self.folder)
        self.assertEmpty(self.left())

    def test_no_examples_names_the_hook(self):
        with mock.patch.object(self.experiment, "example_inputs", dict):
            with self.assertRaisesRegex(UserError, r"no examples of 'image_bytes'.*example_inputs\(\) gives them"):
                export("test/specimen", self.experiment, self.folder)

    def test_outputs_must_be_a_dict(self):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def default(text):
            return tf.strings.length(text)

        with mock.patch.object(self.experiment, "signatures", lambda: {"serving_default": default}):
            with self.assertRaisesRegex(UserError, "must answer a dict of tensors"):
                export("test/specimen", self.experiment, self.folder)

    def test_checks_find_damage(self):
        folder = export("test/specimen", self.experiment, self.folder).folder
        for damage, message in (
            (lambda f: (f / "saved_model.pb").write_bytes(b"no"), "."),
            (lambda f: next((f / "variables").glob("*.data-*")).write_bytes(b""), "."),
            (lambda f: (f / request_log.WARMUP).unlink(), "no warm-up requests for classify"),
            (lambda f: (f / request_log.ANSWERS).write_bytes(b"\x05"), "cannot be read"),
            (lambda f: [file.unlink() for file in (f / "assets").iterdir()], "."),
        ):
            copy = Path(self.create_tempdir().full_path, "1")
            shutil.copytree(folder, copy)
            damage(copy)
            with self.assertRaisesRegex(RequestError, message):
                check_in_other_process(copy)

    def test_bfloat16_models_are_exported_in_float32(self):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            mixed = Specimen()
        finally:
            keras.config.set_dtype_policy("float32")
        mixed.config = type(mixed.config)(precision="mixed_bfloat16")
        with mock.patch.object(Specimen, "__init__", lambda self, config: export_lib.Experiment.__init__(self, config)):
            plain = export_lib.in_float32(mixed)
        self.assertEqual(plain.model.compute_dtype, "float32")
        for one, other in zip(plain.model.weights, mixed.model.weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


if __name__ == "__main__":
    absltest.main()
