"""Requests of many clients while versions are swapped in.

The full count: `bazel test //tests/serving:swaps_10000_test`.
"""

import base64
import collections
import os
import shutil
import threading
import time
from pathlib import Path

import grpc
import httpx
import numpy as np
from absl import flags
from absl.testing import absltest

from ogbrain.serving import tensors
from ogbrain.serving.protocol import get_model_status_pb2, predict_pb2, prediction_service_pb2_grpc
from ogbrain.serving.saved_model import SavedModel
from tests.serving.running_server import RunningServer
from tests.serving.specimen import export_versions, pngs

_REQUESTS = flags.DEFINE_integer("requests", 1600, "How many requests.")

MODEL = "test_specimen"
CLIENTS = 16
VERSIONS, CORRUPT = (1, 2, 3, 4, 5), 3


class SwapsTest(absltest.TestCase):
    """Versions 1 to 5 come in one by one; the third is corrupt."""

    exports: Path
    files: np.ndarray
    expected: dict[int, np.ndarray]
    failures: list[str]
    wrong: list[str]
    served: collections.Counter

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.exports = Path(absltest.get_default_test_tmpdir(), "swaps_exports")
        shutil.rmtree(cls.exports, ignore_errors=True)
        export_versions(cls.exports, 5)
        cls.files = pngs(4, seed=9)
        cls.expected = {}
        for version in VERSIONS:
            model = SavedModel(cls.exports / MODEL / str(version))
            answer = model.run("", {"image_bytes": cls.files})
            cls.expected[version] = answer["probabilities"]
            model.close()
        data = next((cls.exports / MODEL / str(CORRUPT) / "variables").glob("*.data-*"))
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 0xFF
        data.write_bytes(content)

    def add(self, folder, version):
        aside = folder / MODEL / f".{version}.tmp"
        shutil.copytree(self.exports / MODEL / str(version), aside)
        os.rename(aside, folder / MODEL / str(version))

    def test_no_request_fails_and_the_corrupt_version_never_serves(self):
        folder = Path(self.create_tempdir().full_path)
        (folder / MODEL).mkdir()
        self.add(folder, 1)
        self.failures, self.served, self.wrong = [], collections.Counter(), []
        self.lock = threading.Lock()
        self.left, self.steps, self.settled = _REQUESTS.value, 0, threading.Event()
        with RunningServer(folder, poll_seconds=0.05) as running:
            clients = [threading.Thread(target=self.client, args=(running, n)) for n in range(CLIENTS)]
            started = time.monotonic()
            for client in clients:
                client.start()
            for number, version in enumerate(VERSIONS[1:], 1):
                # Spread over the requests, so that each version answers some.
                while self.left > _REQUESTS.value * (1 - number / len(VERSIONS)):
                    time.sleep(0.01)
                self.add(folder, version)
                self.wait_until_settled(running, version)
            self.settled.set()
            for client in clients:
                client.join()
            seconds = time.monotonic() - started
            message = get_model_status_pb2.GetModelStatusRequest()
            message.model_spec.name = MODEL
            status = {each.version: each for each in running.models.GetModelStatus(message).model_version_status}
        count = sum(self.served.values()) + self.steps
        print(f"{count} requests in {seconds:.1f} s, by version: {dict(sorted(self.served.items()))}")
        self.assertEmpty(self.failures)
        self.assertEmpty(self.wrong)
        self.assertEqual(count, _REQUESTS.value)
        self.assertEqual(set(self.served), set(VERSIONS) - {CORRUPT})
        self.assertEqual(status[CORRUPT].state, 50)
        self.assertNotEqual(status[CORRUPT].status.error_code, 0)
        print(f"version {CORRUPT}: {status[CORRUPT].status.error_message}")
        self.assertRegex(status[CORRUPT].status.error_message, "(?i)checksum|corrupt|crc")
        self.assertEqual(status[5].state, 30)
        self.assertEqual({status[version].state for version in (1, 2, 4)}, {50})

    def wait_until_settled(self, running, version):
        message = get_model_status_pb2.GetModelStatusRequest()
        message.model_spec.name = MODEL
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            states = {each.version: each.state for each in running.models.GetModelStatus(message).model_version_status}
            if states.get(version) in (30, 50):
                return
            time.sleep(0.02)
        self.fail(f"version {version} is neither served nor refused")

    def client(self, running, number):
        random = np.random.default_rng(number)
        channel = grpc.insecure_channel(running.address, (("grpc.use_local_subchannel_pool", 1),))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        rest = httpx.Client(base_url=running.url, timeout=120, trust_env=False)
        try:
            while True:
                with self.lock:
                    if self.left <= 0:
                        return
                    self.left -= 1
                    last = self.left < _REQUESTS.value // 10
                if last:  # kept for the last version, however long it takes to load
                    self.settled.wait(120)
                try:
                    self.ask(stub, rest, random)
                except Exception as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
        finally:
            rest.close()
            channel.close()

    def ask(self, stub, rest, random):
        rows = random.permutation(len(self.files))[: random.integers(1, len(self.files) + 1)]
        kind = random.integers(4)
        if kind < 2:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = MODEL
            request.inputs["image_bytes"].CopyFrom(tensors.to_message(self.files[rows]))
            answer = stub.Predict(request, timeout=120)
            self.compare(answer.model_spec.version.value, tensors.from_message(answer.outputs["probabilities"]), rows)
        elif kind == 2:
            encoded = [{"b64": base64.b64encode(file).decode()} for file in self.files[rows]]
            answer = rest.post(f"/v1/models/{MODEL}:predict", json={"instances": encoded})
            answer.raise_for_status()
            self.compare(None, np.array([row["probabilities"] for row in answer.json()["predictions"]]), rows)
        else:
            observation = random.normal(size=(len(rows), 3)).tolist()
            body = {
                "signature_name": "step",
                "inputs": {"observation": observation, "state": np.zeros((len(rows), 16)).tolist()},
            }
            answer = rest.post(f"/v1/models/{MODEL}:predict", json=body)
            answer.raise_for_status()
            self.assertEqual(np.shape(answer.json()["outputs"]["state"]), (len(rows), 16))
            with self.lock:
                self.steps += 1  # such an answer does not tell its version

    def compare(self, version, probabilities, rows):
        near = [
            known
            for known, expected in self.expected.items()
            if np.allclose(probabilities, expected[rows], atol=1e-5) and version in (None, known)
        ]
        with self.lock:
            if len(near) != 1:
                self.wrong.append(f"an answer of version {version} is like those of {near}")
            self.served[near[0] if near else 0] += 1


if __name__ == "__main__":
    absltest.main()
