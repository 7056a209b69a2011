"""Tensors as NumPy arrays and as TensorFlow's messages. Imports no TensorFlow."""

import math
from typing import Any

import ml_dtypes
import numpy as np

from ogbrain.serving.protocol import tensor_pb2, types_pb2
from ogbrain.serving.request_error import RequestError

STRING = types_pb2.DT_STRING

DTYPES: dict[int, np.dtype] = {
    types_pb2.DT_FLOAT: np.dtype(np.float32),
    types_pb2.DT_DOUBLE: np.dtype(np.float64),
    types_pb2.DT_HALF: np.dtype(np.float16),
    types_pb2.DT_BFLOAT16: np.dtype(ml_dtypes.bfloat16),
    types_pb2.DT_INT8: np.dtype(np.int8),
    types_pb2.DT_INT16: np.dtype(np.int16),
    types_pb2.DT_INT32: np.dtype(np.int32),
    types_pb2.DT_INT64: np.dtype(np.int64),
    types_pb2.DT_UINT8: np.dtype(np.uint8),
    types_pb2.DT_UINT16: np.dtype(np.uint16),
    types_pb2.DT_UINT32: np.dtype(np.uint32),
    types_pb2.DT_UINT64: np.dtype(np.uint64),
    types_pb2.DT_BOOL: np.dtype(np.bool_),
    types_pb2.DT_STRING: np.dtype(object),
}
"""NumPy's type for each of TensorFlow's that a signature may have; strings are arrays of `bytes` objects."""

MAX_BYTES = 256 << 20
"""Size of the largest tensor that a request may have or ask for."""

_ENUMS = {dtype: enum for enum, dtype in DTYPES.items()}
_FIELDS = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_HALF: "half_val",
    types_pb2.DT_BFLOAT16: "half_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_STRING: "string_val",
}


def dtype_name(enum: int) -> str:
    """Returns the name of one of TensorFlow's types as users write it: `float32`, `string`."""
    if enum == STRING:
        return "string"
    if enum in DTYPES:
        return DTYPES[enum].name
    return types_pb2.DataType.Name(enum) if enum in types_pb2.DataType.values() else str(enum)


def to_message(array: np.ndarray) -> Any:
    """Returns an array as a `TensorProto`."""
    enum = _ENUMS[array.dtype]
    message = tensor_pb2.TensorProto(dtype=enum)
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if enum == STRING:
        message.string_val.extend(array.ravel().tolist())
    else:
        message.tensor_content = array.tobytes()
    return message


def from_message(message: Any) -> np.ndarray:
    """Returns a `TensorProto` as an array, read as TensorFlow reads it: the last value fills what is missing.

    Raises:
        RequestError: The message is no tensor, or one that is too large.
    """
    enum = message.dtype
    if enum not in DTYPES:
        raise RequestError(f"dtype {dtype_name(enum)} is not allowed; one of {', '.join(map(dtype_name, DTYPES))}")
    if message.tensor_shape.unknown_rank:
        raise RequestError("the tensor's shape is not given")
    shape = tuple(dimension.size for dimension in message.tensor_shape.dim)
    count = checked_count(shape, enum)
    dtype = DTYPES[enum]
    if message.tensor_content:
        if enum == STRING:
            raise RequestError("strings in tensor_content are not allowed; string_val")
        if len(message.tensor_content) != count * dtype.itemsize:
            raise RequestError(
                f"tensor_content has {len(message.tensor_content)} bytes; "
                f"shape {shape} of {dtype_name(enum)} has {count * dtype.itemsize}"
            )
        return np.frombuffer(message.tensor_content, dtype).reshape(shape)
    values = getattr(message, _FIELDS.get(enum, "int_val"))
    if len(values) > count:
        raise RequestError(f"{len(values)} values were given; shape {shape} has {count}")
    if enum == STRING:
        array = np.full(count, values[-1] if values else b"", object)
        array[: len(values)] = list(values)
    elif dtype.itemsize == 2 and dtype.kind in "fV":
        array = _filled(np.array(values, np.int64).astype(np.uint16), count).view(dtype)
    else:
        array = _filled(np.array(values, np.int64 if dtype.kind == "i" else None).astype(dtype), count)
    return array.reshape(shape)


def checked_count(shape: tuple[int, ...], enum: int) -> int:
    """Returns the number of elements of a shape.

    Raises:
        RequestError: A size is negative, or there are too many elements.
    """
    if any(size < 0 for size in shape):
        raise RequestError(f"shape {shape} is not allowed; sizes from 0 on")
    count = math.prod(shape)
    if count * DTYPES[enum].itemsize > MAX_BYTES:
        raise RequestError(f"shape {shape} is too large; at most {MAX_BYTES >> 20} MiB")
    return count


def _filled(values: np.ndarray, count: int) -> np.ndarray:
    if len(values) == count:
        return values
    array = np.full(count, values[-1] if len(values) else 0, values.dtype)
    array[: len(values)] = values
    return array
