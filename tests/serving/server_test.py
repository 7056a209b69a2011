"""The development server by its own clients: gRPC and REST."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import httpx
import numpy as np
from absl.testing import absltest, parameterized

from ogbrain.serving import server_configs, tensors
from ogbrain.serving.protocol import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
)
from ogbrain.serving.saved_model import SavedModel
from ogbrain.serving.server import model_server
from tests import programs
from tests.serving.running_server import RunningServer
from tests.serving.specimen import export_versions, pictures, pngs

MODEL = "test_specimen"
EXPORTS = Path(absltest.get_default_test_tmpdir(), "server_test_exports")


def request(signature, model=MODEL, version=None, label="", **inputs):
    message = predict_pb2.PredictRequest()
    message.model_spec.name, message.model_spec.signature_name = model, signature
    if version is not None:
        message.model_spec.version.value = version
    if label:
        message.model_spec.version_label = label
    for name, array in inputs.items():
        message.inputs[name].CopyFrom(tensors.to_message(array))
    return message


def setUpModule():
    shutil.rmtree(EXPORTS, ignore_errors=True)
    export_versions(EXPORTS, 2)


class ServerTest(parameterized.TestCase):
    folder: Path
    running: RunningServer
    rest: httpx.Client
    direct: list[SavedModel]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Both versions, with a label: what users write into models.config.
        cls.folder = Path(absltest.get_default_test_tmpdir(), "served")
        shutil.rmtree(cls.folder, ignore_errors=True)
        shutil.copytree(EXPORTS, cls.folder)
        file = cls.folder / server_configs.MODELS
        extra = 'model_version_policy { all { } } version_labels { key: "stable" value: 1 } base_path'
        file.write_text(file.read_text().replace("base_path", extra))
        cls.running = cls.enterClassContext(RunningServer(cls.folder))
        cls.rest = cls.running.rest
        cls.direct = []
        for version in (1, 2):
            model = SavedModel(cls.folder / MODEL / str(version))
            cls.addClassCleanup(model.close)
            cls.direct.append(model)

    def failure(self, call, message):
        with self.assertRaises(grpc.RpcError) as caught:
            call(message)
        self.assertNotIn("\n", caught.exception.details())
        return caught.exception

    def test_predict_answers_as_the_model_does(self):
        files = pngs(3, seed=5)
        for version, label, direct in ((None, "", 1), (1, "", 0), (None, "stable", 0)):
            answer = self.running.predictions.Predict(
                request("serving_default", version=version, label=label, image_bytes=files)
            )
            self.assertEqual(answer.model_spec.version.value, direct + 1)
            expected = self.direct[direct].run("serving_default", {"image_bytes": files})
            given = {name: tensors.from_message(message) for name, message in answer.outputs.items()}
            np.testing.assert_allclose(given["probabilities"], expected["probabilities"], atol=1e-6)
            np.testing.assert_array_equal(given["label"], expected["label"])

    def test_predict_answers_only_what_is_asked_for(self):
        message = request("", image_bytes=pngs(1))
        message.output_filter.append("label")
        self.assertEqual(list(self.running.predictions.Predict(message).outputs), ["label"])

    def test_classify(self):
        message = classification_pb2.ClassificationRequest()
        message.model_spec.name = MODEL
        for file in pngs(2):
            example = message.input.example_list.examples.add()
            example.features.feature["image_bytes"].bytes_list.value.append(file)
        found = self.running.predictions.Classify(message).result.classifications
        expected = self.direct[1].run("serving_default", {"image_bytes": pngs(2)})
        self.assertEqual([each.classes[0].label.encode() for each in found], expected["label"].tolist())
        np.testing.assert_allclose(
            [each.classes[0].score for each in found], expected["probabilities"].max(-1), atol=1e-6
        )
        message.ClearField("input")
        self.assertEqual(
            self.failure(self.running.predictions.Classify, message).code(), grpc.StatusCode.INVALID_ARGUMENT
        )
        message.model_spec.signature_name = "words"
        self.assertEqual(
            self.failure(self.running.predictions.Classify, message).code(), grpc.StatusCode.INVALID_ARGUMENT
        )

    def test_metadata(self):
        message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        message.model_spec.name = MODEL
        packed = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(self.running.predictions.GetModelMetadata(message).metadata["signature_def"].Unpack(packed))
        self.assertContainsSubset({"serving_default", "features", "step"}, packed.signature_def)
        body = self.rest.get(f"/v1/models/{MODEL}/metadata").json()
        self.assertEqual(body["model_spec"]["version"], "2")
        inputs = body["metadata"]["signature_def"]["signature_def"]["features"]["inputs"]
        self.assertEqual(inputs["image"]["dtype"], "DT_FLOAT")

    def test_status(self):
        message = get_model_status_pb2.GetModelStatusRequest()
        message.model_spec.name = MODEL
        status = self.running.models.GetModelStatus(message).model_version_status
        self.assertEqual(
            [(each.version, each.state, each.status.error_code) for each in status], [(2, 30, 0), (1, 30, 0)]
        )
        body = self.rest.get(f"/v1/models/{MODEL}/versions/1").json()
        (only,) = body["model_version_status"]
        self.assertEqual((only["version"], only["state"]), ("1", "AVAILABLE"))

    @parameterized.parameters("", "/versions/2", "/labels/stable")
    def test_rest_rows_and_columns(self, where):
        files = pngs(2, seed=1)
        expected = self.direct[0 if "stable" in where else 1].run("serving_default", {"image_bytes": files})
        encoded = [{"b64": base64.b64encode(file).decode()} for file in files]
        url = f"/v1/models/{MODEL}{where}:predict"
        for rows in (encoded, [{"image_bytes": each} for each in encoded]):
            body = self.rest.post(url, json={"instances": rows}).json()
            self.assertEqual([row["label"].encode() for row in body["predictions"]], expected["label"].tolist())
            np.testing.assert_allclose(
                [row["probabilities"] for row in body["predictions"]], expected["probabilities"], atol=1e-6
            )
        body = self.rest.post(url, json={"inputs": {"image_bytes": encoded}}).json()
        np.testing.assert_allclose(body["outputs"]["probabilities"], expected["probabilities"], atol=1e-6)

    def test_rest_single_output_is_bare_and_numbers_are_those_of_the_model(self):
        images = (pictures(2) / np.float32(255)).astype(np.float32)
        body = self.rest.post(
            f"/v1/models/{MODEL}:predict", json={"signature_name": "features", "instances": images.tolist()}
        ).json()
        expected = self.direct[1].run("features", {"image": images})["features"]
        np.testing.assert_allclose(np.array(body["predictions"], np.float32), expected, atol=1e-6)

    def test_health_and_metrics(self):
        self.assertEqual(self.rest.get("/healthz").json(), {"healthy": True, "models": [MODEL]})
        self.rest.post(f"/v1/models/{MODEL}:predict", json={"instances": []})
        text = self.rest.get(server_configs.METRICS_PATH).text
        self.assertRegex(
            text, rf':tensorflow:serving:request_count_total{{model_name="{MODEL}",status="INVALID_ARGUMENT"}} [1-9]'
        )
        self.assertRegex(text, rf':tensorflow:serving:model_load_count_total{{model_name="{MODEL}",status="OK"}} 2')

    @parameterized.parameters(
        ({"model": "test_specimn"}, "NOT_FOUND", "did you mean 'test_specimen'"),
        ({"version": 9}, "NOT_FOUND", "has no version 9. Served: 1, 2"),
        ({"label": "stabel"}, "NOT_FOUND", "has no version label 'stabel'. Known: stable"),
        ({"signature": "feature"}, "INVALID_ARGUMENT", "did you mean 'features'"),
        ({"image_byte": np.array([b""], object)}, "INVALID_ARGUMENT", "did you mean 'image_bytes'"),
        ({"image_bytes": np.zeros(3, np.float32)}, "INVALID_ARGUMENT", "float32 was given; image_bytes string"),
        ({"image_bytes": np.array([[b"x"]], object)}, "INVALID_ARGUMENT", r"shape \(1, 1\) was given"),
        ({"image_bytes": np.zeros(0, object)}, "INVALID_ARGUMENT", "empty batch"),
        ({"image_bytes": np.array([b"GIF9 no picture"], object)}, "INVALID_ARGUMENT", "image"),
    )
    def test_what_is_wrong_is_said_in_one_line(self, change, code, words):
        change = dict(change)
        inputs = {name: change.pop(name) for name in list(change) if name.startswith("image")} or {
            "image_bytes": pngs(1)
        }
        signature = change.pop("signature", "")
        error = self.failure(self.running.predictions.Predict, request(signature, **change, **inputs))
        self.assertEqual(error.code().name, code)
        self.assertRegex(error.details(), words)

    def test_a_bad_request_spoils_none_that_came_with_it(self):
        good, bad = request("", image_bytes=pngs(2)), request("", image_bytes=np.array([b"no picture"], object))
        expected = self.direct[1].run("", {"image_bytes": pngs(2)})["probabilities"]
        calls = [self.running.predictions.Predict.future(bad if n % 8 == 3 else good) for n in range(64)]
        for number, call in enumerate(calls):
            if number % 8 == 3:
                self.assertEqual(call.exception().code(), grpc.StatusCode.INVALID_ARGUMENT)
            else:
                np.testing.assert_allclose(
                    tensors.from_message(call.result().outputs["probabilities"]), expected, atol=1e-6
                )
        text = self.rest.get(server_configs.METRICS_PATH).text
        sizes = dict(re.findall(r"processed_batch_size_(count|sum)\{[^}]*\} ([\d.]+)", text))
        self.assertGreater(float(sizes["sum"]), float(sizes["count"]) * 1.5, "requests were not put together")


class ProgramTest(absltest.TestCase):
    def start(self, *arguments, **environment):
        process = subprocess.Popen(
            programs.command_line("serve", f"--export_dir={EXPORTS}", "--port=0", "--rest_port=0", *arguments),
            env=programs.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        return process

    def test_starts_says_that_it_is_for_development_and_stops_on_sigterm(self):
        process = self.start()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("gRPC:"):
                break
        text = "".join(lines)
        self.assertIn("development server, not for production", text)
        self.assertIn("model test_specimen: versions served: 2", text)
        # A client that has nothing but NumPy and the protocol.
        with grpc.insecure_channel(text.split("gRPC: ")[1].split()[0]) as channel:
            from ogbrain.serving.protocol import prediction_service_pb2_grpc

            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            self.assertLen(stub.Predict(request("", image_bytes=pngs(1))).outputs, 3)
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        self.assertEqual((process.returncode, rest.splitlines()[-1]), (0, "stopped"), errors)
        self.assertNotIn("Traceback", errors)

    def test_taken_port_and_empty_folder_are_one_line(self):
        with RunningServer(EXPORTS) as running:
            for flag, port in (("port", running.server.port), ("rest_port", running.server.rest_port)):
                outcome = programs.run(
                    "serve", f"--export_dir={EXPORTS}", "--port=0", "--rest_port=0", f"--{flag}={port}"
                )
                self.assertEqual(outcome.code, 1, outcome.errors)
                self.assertIn(f"error: --{flag}={port}: cannot be listened on", outcome.errors)
        outcome = programs.run("serve", f"--export_dir={self.create_tempdir().full_path}")
        self.assertEqual(outcome.code, 2)
        self.assertRegex(outcome.errors, "^error: --export_dir=.*: has no models; .*\n$")

    def test_tensorflow_serving_is_started_where_it_is_installed(self):
        folder = Path(self.create_tempdir().full_path)
        binary = folder / model_server.PROGRAM
        binary.write_text(
            '#!/bin/sh\necho "$@"\nfor a; do case $a in --model_config_file=*) cat "${a#*=}";; esac; done\n'
        )
        binary.chmod(0o755)
        process = self.start(PATH=f"{folder}:{os.environ['PATH']}")
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn(f"--batching_parameters_file={EXPORTS}/batching.config", output)
        self.assertIn(f'base_path: "{EXPORTS}/{MODEL}"', output)


class NoTensorFlowTest(absltest.TestCase):
    def test_the_server_does_without_pythons_tensorflow(self):
        code = (
            "import sys, ogbrain.serving.server.development_server\n"
            "sys.exit(any(name.startswith(('tensorflow.python', 'keras')) for name in sys.modules))"
        )
        environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
        started = time.monotonic()
        subprocess.run([sys.executable, "-P", "-c", code], env=environment, check=True)
        print(json.dumps({"import_seconds": round(time.monotonic() - started, 2)}))


if __name__ == "__main__":
    absltest.main()
