"""TensorFlow Serving's gRPC services."""

from typing import Any

import grpc
import numpy as np

from ogbrain.serving import tensors
from ogbrain.serving.protocol import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    meta_graph_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.server.models import Models

MAX_MESSAGE_BYTES = 64 << 20
"""Size of the largest request that is looked at."""

_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}


def add_services(server: grpc.aio.Server, models: Models) -> None:
    """Adds the prediction and the model service to a server."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(models), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), server)


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):  # type: ignore[name-defined]
    """Predict, Classify and GetModelMetadata.

    Args:
        models: What answers.
    """

    def __init__(self, models: Models):
        self._models = models

    async def Predict(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Answers a `PredictRequest`."""
        spec = request.model_spec
        try:
            with self._models.counted(spec.name, "Predict"):
                _check_size(request)
                inputs = {name: _array(name, message) for name, message in request.inputs.items()}
                async with self._models.model(spec.name).use(_version(spec), spec.version_label) as used:
                    outputs = await used.answer(spec.signature_name, inputs, request.output_filter)
                response = predict_pb2.PredictResponse()
                _fill(response.model_spec, spec.name, used.number, spec.signature_name or "serving_default")
                for name, array in outputs.items():
                    response.outputs[name].CopyFrom(tensors.to_message(array))
                return response
        except RequestError as error:
            return await _abort(context, error)

    async def Classify(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Answers a `ClassificationRequest` by the signature `classify`, or the one that it names."""
        spec = request.model_spec
        try:
            with self._models.counted(spec.name, "Classify"):
                _check_size(request)
                examples = _examples(request.input)
                async with self._models.model(spec.name).use(_version(spec), spec.version_label) as used:
                    name = spec.signature_name or (
                        "classify" if "classify" in used.loaded.signatures else "serving_default"
                    )
                    outputs = await used.answer(name, {"inputs": examples})
                response = classification_pb2.ClassificationResponse()
                _fill(response.model_spec, spec.name, used.number, name)
                _classified(response.result, name, outputs)
                return response
        except RequestError as error:
            return await _abort(context, error)

    async def Regress(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Says that there is no such call."""
        return await _abort(context, RequestError("Regress is not served here; Predict", Code.UNIMPLEMENTED))

    async def MultiInference(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Says that there is no such call."""
        return await _abort(context, RequestError("MultiInference is not served here; Predict", Code.UNIMPLEMENTED))

    async def GetModelMetadata(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Answers with the signatures of a model."""
        spec = request.model_spec
        try:
            with self._models.counted(spec.name, "GetModelMetadata"):
                for field in request.metadata_field:
                    if field != "signature_def":
                        raise RequestError(f"metadata_field {field!r} is not allowed; signature_def")
                if not request.metadata_field:
                    raise RequestError("metadata_field is missing; signature_def")
                async with self._models.model(spec.name).use(_version(spec), spec.version_label) as used:
                    response = get_model_metadata_pb2.GetModelMetadataResponse()
                    _fill(response.model_spec, spec.name, used.number, "")
                    response.metadata["signature_def"].Pack(signature_map(used.loaded))
                    return response
        except RequestError as error:
            return await _abort(context, error)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):  # type: ignore[name-defined]
    """GetModelStatus.

    Args:
        models: What it tells of.
    """

    def __init__(self, models: Models):
        self._models = models

    async def GetModelStatus(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Answers with the state of a model's versions, the newest first."""
        spec = request.model_spec
        try:
            with self._models.counted(spec.name, "GetModelStatus"):
                return model_status(self._models, spec.name, _version(spec), spec.version_label)
        except RequestError as error:
            return await _abort(context, error)

    async def HandleReloadConfigRequest(self, request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: N802
        """Says that there is no such call."""
        return await _abort(
            context, RequestError("models.config is followed by itself; change the file", Code.UNIMPLEMENTED)
        )


def model_status(models: Models, name: str, number: int | None, label: str = "") -> Any:
    """Returns a `GetModelStatusResponse`.

    Raises:
        RequestError: There is no such model or version.
    """
    model = models.model(name)
    if label:
        if label not in model.labels:
            raise RequestError(f"model {name!r} has no version label {label!r}", Code.NOT_FOUND)
        number = model.labels[label]
    if number is not None and number not in model.versions:
        raise RequestError(f"model {name!r} has no version {number}", Code.NOT_FOUND)
    response = get_model_status_pb2.GetModelStatusResponse()
    for version in sorted(model.versions.values(), key=lambda version: -version.number):
        if number in (None, version.number):
            status = response.model_version_status.add(version=version.number, state=version.state.value)
            if version.error:
                status.status.error_code, status.status.error_message = version.error.code.value, str(version.error)
            else:
                status.status.error_code = 0
    return response


def signature_map(model: Any) -> Any:
    """Returns a loaded model's signatures as a `SignatureDefMap`."""
    message = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in model.meta_graph.signature_def.items():
        message.signature_def[name].CopyFrom(meta_graph_pb2.SignatureDef.FromString(definition.SerializeToString()))
    return message


async def _abort(context: grpc.aio.ServicerContext, error: RequestError) -> None:
    await context.abort(_GRPC_CODES.get(error.code.value, grpc.StatusCode.UNKNOWN), str(error))


def _version(spec: Any) -> int | None:
    return spec.version.value if spec.HasField("version") else None


def _check_size(request: Any) -> None:
    if request.ByteSize() > MAX_MESSAGE_BYTES:
        raise RequestError(f"the request has {request.ByteSize()} bytes; at most {MAX_MESSAGE_BYTES}")


def _array(name: str, message: Any) -> np.ndarray:
    try:
        return tensors.from_message(message)
    except RequestError as error:
        raise RequestError(f"input {name!r}: {error}") from error
    except (ValueError, OverflowError) as error:
        raise RequestError(f"input {name!r}: is no tensor ({error})") from error


def _fill(spec: Any, name: str, number: int, signature: str) -> None:
    spec.name, spec.signature_name = name, signature
    spec.version.value = number


def _examples(given: Any) -> np.ndarray:
    kind = given.WhichOneof("kind")
    if kind == "example_list":
        examples = list(given.example_list.examples)
    elif kind == "example_list_with_context":
        examples = list(given.example_list_with_context.examples)
        for example in examples:
            for name, feature in given.example_list_with_context.context.features.feature.items():
                if name not in example.features.feature:
                    example.features.feature[name].CopyFrom(feature)
    else:
        examples = []
    if not examples:
        raise RequestError("the input has no examples; at least one")
    return np.array([example.SerializeToString() for example in examples], object)


def _classified(result: Any, signature: str, outputs: dict[str, np.ndarray]) -> None:
    classes, scores = outputs.get("classes"), outputs.get("scores")
    given = [array for array in (classes, scores) if array is not None]
    if not given or any(array.ndim != 2 for array in given):
        raise RequestError(f"signature {signature!r} answers no classes and scores of shape (batch, classes); Predict")
    for row in range(len(given[0])):
        classification = result.classifications.add()
        for column in range(given[0].shape[1]):
            entry = classification.classes.add()
            if classes is not None:
                entry.label = bytes(classes[row, column]).decode(errors="replace")
            if scores is not None:
                entry.score = float(scores[row, column])
