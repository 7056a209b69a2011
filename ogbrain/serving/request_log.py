"""Recorded requests beside an exported graph, in the format of TensorFlow Serving's warm-up. Imports no TensorFlow."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ogbrain.serving import tensors
from ogbrain.serving.protocol import prediction_log_pb2
from ogbrain.serving.request_error import Code, RequestError

WARMUP = Path("assets.extra/tf_serving_warmup_requests")
"""Requests that TensorFlow Serving sends itself before a version takes traffic; at most 1,000."""

ANSWERS = Path("assets.extra/ogbrain_checked_answers")
"""Requests with the answers that the Keras model gave, for the check."""


def predict_log(
    model: str, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray] | None = None
) -> Any:
    """Returns a request, and its answer if it is known, as a `PredictionLog`."""
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, array in inputs.items():
        request.inputs[name].CopyFrom(tensors.to_message(array))
    for name, array in (outputs or {}).items():
        log.predict_log.response.outputs[name].CopyFrom(tensors.to_message(array))
    return log


def read(file: Path) -> list[Any]:
    """Returns the `PredictionLog`s of a file; none if there is no file.

    Raises:
        RequestError: The file cannot be read.
    """
    try:
        return [prediction_log_pb2.PredictionLog.FromString(record) for record in _records(file.read_bytes())]
    except FileNotFoundError:
        return []
    except Exception as error:
        raise RequestError(f"{file}: cannot be read ({error})", Code.DATA_LOSS) from error


def write(file: Path, logs: Iterable[Any]) -> None:
    """Writes a file of `PredictionLog`s, a TFRecord."""
    import tensorflow as tf  # for the checksums; only the exporter writes, and it has TensorFlow

    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def _records(data: bytes) -> Iterator[bytes]:
    """Yields the records of a TFRecord: length, its checksum, the record, its checksum."""
    start = 0
    while start < len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        record = data[start + 12 : start + 12 + length]
        if len(record) < length or start + 16 + length > len(data):
            raise ValueError("a record is cut off")
        yield record
        start += 16 + length
