"""A thousand malformed requests: each is answered with its reason in one line, and the server lives."""

import base64
import collections
import json
import shutil
from pathlib import Path

import grpc
import numpy as np
from absl import flags
from absl.testing import absltest

from ogbrain.serving import tensors
from ogbrain.serving.protocol import predict_pb2, tensor_pb2
from tests.serving.running_server import RunningServer
from tests.serving.specimen import export_versions, pngs

_REQUESTS = flags.DEFINE_integer("requests", 1000, "How many requests.")

MODEL = "test_specimen"
DTYPES = [dtype for dtype in tensors.DTYPES.values() if dtype.kind != "O"]


def wrong_tensor(random):
    """Returns a tensor that no signature of the model takes as `image`, and what is wrong with it."""
    kind = random.choice(["dtype", "shape", "content", "huge", "negative", "many", "unknown"])
    message = tensors.to_message(np.zeros((1, 8, 8, 3), np.float32))
    if kind == "dtype":
        dtype = DTYPES[random.integers(len(DTYPES))]
        message = tensors.to_message(np.zeros((1, 8, 8, 3), np.int64 if dtype.name == "float32" else dtype))
    elif kind == "shape":
        shape = tuple(random.integers(0, 5, random.integers(0, 6)))
        message = tensors.to_message(np.zeros(shape, np.float32))
    elif kind == "content":
        message.tensor_content = random.bytes(int(random.integers(1, 500)))
    elif kind == "huge":
        del message.tensor_shape.dim[:]
        for _ in range(random.integers(1, 5)):
            message.tensor_shape.dim.add(size=int(random.integers(2**30, 2**62)))
    elif kind == "negative":
        message.tensor_shape.dim[int(random.integers(4))].size = -int(random.integers(1, 2**40))
    elif kind == "many":
        message = tensor_pb2.TensorProto(dtype=1, float_val=[0.0] * 1000)
        for size in (1, 8, 8, 3):
            message.tensor_shape.dim.add(size=size)
    else:
        message = tensor_pb2.TensorProto(dtype=int(random.choice([0, 8, 20, 21, 101, 107])))
    return str(kind), message


def wrong_request(random):
    """Returns a malformed `PredictRequest`, and what is wrong with it."""
    message = predict_pb2.PredictRequest()
    message.model_spec.name = MODEL
    kind = random.choice(["tensor", "missing", "surplus", "picture", "ragged", "signature", "output", "cut", "bytes"])
    if kind == "tensor":
        kind, wrong = wrong_tensor(random)
        message.model_spec.signature_name = "features"
        message.inputs["image"].CopyFrom(wrong)
    elif kind == "missing":
        message.model_spec.signature_name = "step"
        message.inputs["state"].CopyFrom(tensors.to_message(np.zeros((1, 16), np.float32)))
    elif kind == "surplus":
        message.inputs["image_bytes"].CopyFrom(tensors.to_message(pngs(1)))
        message.inputs["\U0001f40b" * int(random.integers(1, 99))].CopyFrom(tensors.to_message(np.zeros(1)))
    elif kind == "picture":
        message.inputs["image_bytes"].CopyFrom(tensors.to_message(np.array([random.bytes(200)], object)))
    elif kind == "cut":
        file = pngs(1)[0]
        message.inputs["image_bytes"].CopyFrom(tensors.to_message(np.array([file[: len(file) // 2]], object)))
    elif kind == "bytes":
        message.inputs["image_bytes"].CopyFrom(
            tensors.to_message(np.array([b"\xff\xd8\xff" + random.bytes(50)], object))
        )
    elif kind == "ragged":
        message.model_spec.signature_name = "step"
        message.inputs["observation"].CopyFrom(tensors.to_message(np.zeros((2, 3), np.float32)))
        message.inputs["state"].CopyFrom(tensors.to_message(np.zeros((3, 16), np.float32)))
    elif kind == "signature":
        message.model_spec.signature_name = "s\nx" * int(random.integers(1, 2000))
    else:
        message.inputs["image_bytes"].CopyFrom(tensors.to_message(pngs(1)))
        message.output_filter.append("no\r\nsuch")
    return str(kind), message


def wrong_body(random):
    """Returns a malformed body for REST, and what is wrong with it."""
    picture = base64.b64encode(random.bytes(60)).decode()
    bodies = {
        "empty": b"",
        "not_json": random.bytes(int(random.integers(1, 300))),
        "cut": b'{"instances": [{"b64": "aaaa"',
        "invalid_utf8": b'{"instances": ["\xff\xfe\x80"]}',
        "no_object": json.dumps(int(random.integers(100))).encode(),
        "no_inputs": b"{}",
        "both": b'{"instances": [1], "inputs": [1]}',
        "unknown_key": b'{"instance": [1]}',
        "empty_rows": b'{"instances": []}',
        "not_a_list": b'{"instances": {"image_bytes": "x"}}',
        "rows_differ": b'{"instances": [{"image_bytes": "x"}, {"image": "y"}]}',
        "not_base64": b'{"instances": [{"b64": "@@@"}]}',
        "base64_of_number": b'{"instances": [{"b64": 5}]}',
        "not_a_picture": json.dumps({"instances": [{"b64": picture}]}).encode(),
        "surrogate": b'{"signature_name": "words", "instances": ["\\ud800"]}',
        "null": b'{"instances": [null]}',
        "number_for_text": b'{"signature_name": "words", "instances": [5]}',
        "text_for_number": b'{"signature_name": "features", "instances": ["x"]}',
        "bool_for_number": b'{"signature_name": "step", "inputs": {"observation": [[true, 1, 2]], "state": [[0]]}}',
        "ragged": b'{"signature_name": "features", "instances": [[1, 2], [3]]}',
        "deep": b'{"instances": ' + b"[" * int(random.integers(33, 50_000)),
        "deep_closed": b'{"instances": ' + b"[" * 100 + b"1" + b"]" * 100 + b"}",
        "huge_number": b'{"signature_name": "features", "instances": ['
        + b"9" * int(random.integers(300, 9000))
        + b"]}",
        "huge": b'{"instances": ["' + b"x" * 100 + b'"]}',
        "signature_is_list": b'{"signature_name": [1], "instances": [1]}',
        "filter_is_text": json.dumps({"output_filter": "label", "instances": [{"b64": picture}]}).encode(),
        "missing_input": b'{"signature_name": "step", "inputs": {"observation": [[1, 2, 3]]}}',
    }
    # The big one is slow to send: a few are enough.
    kinds = [kind for kind in bodies if kind != "huge" or random.random() < 0.15]
    kind = str(random.choice(kinds))
    return kind, bodies[kind].replace(b"x" * 100, b"x" * (65 << 20)) if kind == "huge" else bodies[kind]


class MalformedTest(absltest.TestCase):
    def test_every_malformed_request_is_answered_with_one_line(self):
        folder = Path(absltest.get_default_test_tmpdir(), "malformed_exports")
        shutil.rmtree(folder, ignore_errors=True)
        export_versions(folder, 1)
        random = np.random.default_rng(2)
        kinds: collections.Counter = collections.Counter()
        wrong: list[tuple] = []
        with RunningServer(folder) as running:
            good = predict_pb2.PredictRequest()
            good.model_spec.name = MODEL
            good.inputs["image_bytes"].CopyFrom(tensors.to_message(pngs(2)))
            expected = running.predictions.Predict(good)
            for _ in range(_REQUESTS.value):
                if random.random() < 0.5:
                    kind, message = wrong_request(random)
                    status, line = self.grpc_answer(running, message)
                    expected_status = grpc.StatusCode.INVALID_ARGUMENT
                else:
                    kind, body = wrong_body(random)
                    answer = running.rest.post(f"/v1/models/{MODEL}:predict", content=body)
                    status, expected_status = answer.status_code, 400
                    line = (
                        answer.json().get("error", "") if answer.headers["content-type"] == "application/json" else ""
                    )
                kinds[kind] += 1
                if status != expected_status or not line or not line.isprintable() or "Traceback" in line:
                    wrong.append((kind, status, line))
            again = running.predictions.Predict(good)
        print(f"{kinds.total()} requests of {len(kinds)} kinds: {dict(sorted(kinds.items()))}")
        self.assertEmpty(wrong)
        self.assertEqual(kinds.total(), _REQUESTS.value)
        first, last = (tensors.from_message(answer.outputs["probabilities"]) for answer in (expected, again))
        np.testing.assert_allclose(first, last, atol=1e-6)

    def grpc_answer(self, running, message):
        try:
            running.predictions.Predict(message, timeout=60)
        except grpc.RpcError as error:
            return error.code(), error.details()
        return grpc.StatusCode.OK, ""

    def test_paths_that_are_not_served(self):
        folder = Path(absltest.get_default_test_tmpdir(), "paths_exports")
        shutil.rmtree(folder, ignore_errors=True)
        export_versions(folder, 1)
        with RunningServer(folder) as running:
            for method, path, status in (
                ("GET", "/", 404),
                ("GET", f"/v1/models/{MODEL}:predict", 404),
                ("DELETE", f"/v1/models/{MODEL}", 400),
                ("GET", "/v1/models/nobody", 404),
                ("GET", f"/v1/models/{MODEL}/versions/x", 400),
                ("GET", f"/v1/models/{MODEL}/versions/{'9' * 400}", 400),
                ("GET", f"/v1/models/{MODEL}/versions/7/metadata", 404),
            ):
                answer = running.rest.request(method, path)
                self.assertEqual(answer.status_code, status, f"{method} {path[:60]}: {answer.text}")
                self.assertTrue(answer.json()["error"].isprintable())


if __name__ == "__main__":
    absltest.main()
