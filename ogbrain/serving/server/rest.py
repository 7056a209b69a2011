"""TensorFlow Serving's REST interface."""

import json
from typing import Any

import fastapi
from fastapi import Request, Response
from google.protobuf import json_format

from ogbrain.serving import signature as signature_lib
from ogbrain.serving.request_error import RequestError
from ogbrain.serving.server import json_tensors
from ogbrain.serving.server.grpc_services import MAX_MESSAGE_BYTES, model_status, signature_map
from ogbrain.serving.server.models import Models
from ogbrain.serving.server_configs import METRICS_PATH

_MODEL = "/v1/models/{name}"
_PATHS = (_MODEL, _MODEL + "/versions/{version}", _MODEL + "/labels/{label}")


def build_app(models: Models) -> fastapi.FastAPI:
    """Returns the application.

    `POST /v1/models/NAME[/versions/N|/labels/L]:predict`; `GET` the same path for the state of the
    versions, and `/metadata` for the signatures; `/healthz`; Prometheus' metrics.

    Args:
        models: What answers.
    """
    app = fastapi.FastAPI(title="ogbrain development server", docs_url=None, redoc_url=None, openapi_url=None)

    async def predict(request: Request, name: str, version: str = "", label: str = "") -> Response:
        with models.counted(name, "Predict"):
            number = _number(version)
            parsed = json_tensors.parse(await _body(request))
            async with models.model(name).use(number, label) as used:
                signature = signature_lib.find(used.loaded.signatures, parsed.get("signature_name", ""))
                inputs = json_tensors.inputs_of(parsed, signature)
                outputs = await used.answer(signature.name, inputs, _filter(parsed))
            return _json(json_tensors.answer(parsed, outputs))

    async def status(name: str, version: str = "", label: str = "") -> Response:
        with models.counted(name, "GetModelStatus"):
            return _message(model_status(models, name, _number(version), label))

    async def metadata(name: str, version: str = "", label: str = "") -> Response:
        with models.counted(name, "GetModelMetadata"):
            async with models.model(name).use(_number(version), label) as used:
                signatures = json_format.MessageToDict(signature_map(used.loaded), preserving_proto_field_name=True)
                spec = {"name": name, "signature_name": "", "version": str(used.number)}
                return _json({"model_spec": spec, "metadata": {"signature_def": signatures}})

    for path in _PATHS:
        app.post(path + ":predict")(predict)
        app.get(path + "/metadata")(metadata)
        app.get(path)(status)

    @app.get("/healthz")
    async def health() -> Response:
        return _json({"healthy": models.healthy, "models": models.names}, 200 if models.healthy else 503)

    @app.get(METRICS_PATH)
    async def metrics() -> Response:
        return Response(models.metrics.text(), media_type="text/plain; version=0.0.4")

    @app.exception_handler(RequestError)
    async def refused(_: Request, error: RequestError) -> Response:
        return _json({"error": str(error)}, error.code.http)

    async def unknown(request: Request, error: Any) -> Response:
        paths = f"POST {_MODEL}:predict, GET {_MODEL}[/metadata], GET /healthz"
        status = 404 if error.status_code == 404 else 400
        return _json({"error": f"{request.method} {request.url.path[:200]!r} is not served here; {paths}"}, status)

    app.add_exception_handler(404, unknown)
    app.add_exception_handler(405, unknown)
    return app


async def _body(request: Request) -> bytes:
    too_large = RequestError(f"the body is too large; at most {MAX_MESSAGE_BYTES} bytes")
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_MESSAGE_BYTES:
        raise too_large
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_MESSAGE_BYTES:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _number(version: str) -> int | None:
    if not version:
        return None
    if not version.isdecimal() or len(version) > 18:
        raise RequestError(f"version {version[:50]!r} is not allowed; a whole number")
    return int(version)


def _filter(parsed: dict[str, Any]) -> list[str]:
    names = parsed.get("output_filter", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RequestError("output_filter is no list of strings")
    return names


def _message(message: Any) -> Response:
    return _json(
        json_format.MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    )


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), status, media_type="application/json")
