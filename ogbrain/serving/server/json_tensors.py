"""Requests and answers of TensorFlow Serving's REST interface as arrays."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ogbrain.serving import tensors
from ogbrain.serving.request_error import RequestError
from ogbrain.serving.signature import Signature, Slot

_KEYS = ("signature_name", "instances", "inputs", "output_filter")


def parse(body: bytes) -> dict[str, Any]:
    """Returns the object of a request's body.

    Raises:
        RequestError: The body is no JSON object.
    """
    try:
        # TensorFlow Serving takes NaN and Infinity as well.
        value = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RequestError(f"the body is not UTF-8 ({error.reason} at byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise RequestError(f"the body is {type(value).__name__}; an object with 'instances' or 'inputs' is needed")
    for key in value:
        if key not in _KEYS:
            raise RequestError(f"unknown key {key!r} in the body. Known: {', '.join(_KEYS)}")
    if not isinstance(value.get("signature_name", ""), str):
        raise RequestError("signature_name is no string")
    if ("instances" in value) == ("inputs" in value):
        raise RequestError("one of 'instances', rows, and 'inputs', columns, is needed")
    return value


def inputs_of(request: Mapping[str, Any], signature: Signature) -> dict[str, np.ndarray]:
    """Returns the inputs of a request.

    Args:
        request: What `parse` returned.
        signature: What they are for.

    Raises:
        RequestError: They do not fit.
    """
    columns = _columns(request["instances"], signature) if "instances" in request else request["inputs"]
    if not isinstance(columns, dict) or ("instances" not in request and _is_bytes(columns)):
        columns = {_only(signature): columns}
    arrays = {}
    for name, value in columns.items():
        if name not in signature.inputs:
            # The signature's own words for it.
            signature.check({name: np.zeros(0)})
        arrays[name] = _array(value, signature.inputs[name])
    return arrays


def answer(request: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns an answer's body: `predictions`, rows, for `instances`, and `outputs`, columns, for `inputs`.

    Raises:
        RequestError: Rows were asked for, but the outputs differ in their first size.
    """
    columns = {name: _plain(array, name.endswith("_bytes")) for name, array in outputs.items()}
    single = len(columns) == 1
    if "inputs" in request:
        return {"outputs": next(iter(columns.values())) if single else columns}
    sizes = {array.shape[0] if array.ndim else None for array in outputs.values()}
    if len(sizes) != 1 or None in sizes:
        raise RequestError("the outputs have no rows in common; ask with 'inputs'")
    if single:
        return {"predictions": next(iter(columns.values()))}
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]}


def _columns(rows: Any, signature: Signature) -> dict[str, Any]:
    if not isinstance(rows, list) or not rows:
        raise RequestError("instances is no list, or an empty one; a list of rows is needed")
    if not all(isinstance(row, dict) and not _is_bytes(row) for row in rows):
        return {_only(signature): rows}
    names = rows[0].keys()
    for index, row in enumerate(rows):
        if row.keys() != names:
            raise RequestError(
                f"instances[{index}] has {', '.join(map(repr, row)) or 'no keys'}; "
                f"the first has {', '.join(map(repr, names))}"
            )
    return {name: [row[name] for row in rows] for name in names}


def _only(signature: Signature) -> str:
    if len(signature.inputs) != 1:
        raise RequestError(f"signature {signature.name!r} takes {', '.join(signature.inputs)}: each is to be named")
    return next(iter(signature.inputs))


def _is_bytes(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _array(value: Any, slot: Slot) -> np.ndarray:
    where = f"input {slot.name!r}"
    shape = _shape(value, where)
    tensors.checked_count(shape, slot.enum)
    flat: list[Any] = []
    _flatten(value, shape, flat, where)
    dtype = tensors.DTYPES[slot.enum]
    try:
        if slot.enum == tensors.STRING:
            array = np.empty(len(flat), object)
            array[:] = [_bytes(item, where) for item in flat]
        elif dtype.kind == "b":
            _need(flat, (bool,), where, slot)
            array = np.array(flat, dtype)
        elif dtype.kind in "iu":
            _need(flat, (int,), where, slot)
            limits = np.iinfo(dtype)
            wrong = [item for item in flat if not limits.min <= item <= limits.max]
            if wrong:
                raise RequestError(f"{where}: {wrong[0]} is not allowed; {limits.min} to {limits.max}")
            array = np.array(flat, dtype)
        else:
            _need(flat, (int, float), where, slot)
            with np.errstate(over="ignore"):
                array = np.array(flat, np.float64).astype(dtype)
    except (ValueError, OverflowError, TypeError) as error:
        raise RequestError(f"{where}: {error}") from error
    return array.reshape(shape)


def _need(values: list[Any], kinds: tuple[type, ...], where: str, slot: Slot) -> None:
    for value in values:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise RequestError(f"{where}: {json.dumps(value)[:100]} was given; {slot} is needed")


def _shape(value: Any, where: str) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > 32:
            raise RequestError(f"{where}: lists nested more than 32 deep are not allowed")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _flatten(value: Any, shape: tuple[int, ...], flat: list[Any], where: str) -> None:
    if not shape:
        if isinstance(value, list) or (isinstance(value, dict) and not _is_bytes(value)):
            raise RequestError(f"{where}: its lists differ in length or depth")
        flat.append(value)
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise RequestError(f"{where}: its lists differ in length or depth")
    for item in value:
        _flatten(item, shape[1:], flat, where)


def _bytes(value: Any, where: str) -> bytes:
    if _is_bytes(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise RequestError(f"{where}: b64 is not base64 ({error})") from error
    if not isinstance(value, str):
        raise RequestError(f'{where}: {json.dumps(value)[:100]} was given; a string, or {{"b64": "..."}}, is needed')
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(f"{where}: is not Unicode ({error.reason})") from error


def _plain(array: np.ndarray, is_binary: bool) -> Any:
    if array.dtype == object:
        flat = [_text(value, is_binary) for value in array.ravel()]
        result = np.empty(array.size, object)
        result[:] = flat
        return result.reshape(array.shape).tolist()
    if array.dtype.kind in "fV":
        # JSON has no name for these; Python's and TensorFlow Serving's is NaN.
        values = array.astype(np.float64)
        return _rounded(values, array.dtype == np.float32)
    return array.tolist()


def _rounded(values: np.ndarray, single: bool) -> Any:
    if not single:
        return values.tolist()
    flat = [float(str(np.float32(value))) if math.isfinite(value) else value for value in values.ravel().tolist()]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(values.shape).tolist()


def _text(value: bytes, is_binary: bool) -> Any:
    if not is_binary:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode("ascii")}
