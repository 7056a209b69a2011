"""Reads the weights in a file of PyTorch without PyTorch, and without running what is in it.

A pickle is a program. This reader looks through all of it first and refuses any
instruction outside of the few that tensors in a dictionary need; then it runs it with
stand-ins for the four names it may use, none of which is code of another library.
The format is that of `torch.save` before version 1.6: five pickles in a row (a magic
number, a version, the sizes of types, the dictionary, the keys of the storages), then
the storages, each as a count and its elements.
"""

import collections
import io
import math
import pickle
import pickletools
from typing import Any, NamedTuple

import numpy as np

from ogbrain.data.sources.archive_error import ArchiveError
from ogbrain.data.sources.archive_reader import reading

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_OPCODES = frozenset(
    "PROTO STOP MARK NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINUNICODE EMPTY_DICT EMPTY_LIST EMPTY_TUPLE "
    "TUPLE TUPLE1 TUPLE2 TUPLE3 SETITEM SETITEMS APPEND APPENDS BINPUT LONG_BINPUT BINGET LONG_BINGET GLOBAL REDUCE "
    "BUILD BINPERSID".split()
)
_STORAGES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class _Storage(NamedTuple):
    """Where a tensor's elements are: the key and the type of its storage, and how many elements that has."""

    key: str
    dtype: str
    size: int


class _Tensor(NamedTuple):
    """A tensor as the pickle describes it."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Dictionary(collections.OrderedDict):
    """Stands for `collections.OrderedDict`, made empty only; what is set on it besides items is dropped."""

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        del state


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *unused: Any) -> _Tensor:
    numbers = (offset, *shape, *strides)
    if not isinstance(storage, _Storage) or not all(type(n) is int and n >= 0 for n in numbers):
        raise pickle.UnpicklingError("a tensor that is not described by a storage and whole numbers")
    if len(shape) != len(strides) or len(shape) > 8:
        raise pickle.UnpicklingError(f"a tensor of shape {shape} with strides {strides}")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if math.prod(shape) > storage.size or (math.prod(shape) and last >= storage.size):
        raise pickle.UnpicklingError(f"a tensor of shape {shape} that reaches beyond its storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return _Dictionary
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise ArchiveError(f"it names {module}.{name}, which weights do not need; refused")

    def persistent_load(self, identity: Any) -> _Storage:
        kind, dtype, key, _, count, *_ = identity
        if kind != "storage" or dtype not in _STORAGES.values() or type(key) is not str or type(count) is not int:
            raise pickle.UnpicklingError(f"an unknown reference {str(identity)[:60]}")
        return _Storage(key, dtype, count)


def _next_pickle(stream: io.BytesIO, what: str) -> Any:
    start = stream.tell()
    for opcode, _, _ in pickletools.genops(stream):
        if opcode.name not in _OPCODES:
            raise ArchiveError(
                f"{what}: its pickle has the instruction {opcode.name}, which weights do not need; refused"
            )
    end = stream.tell()
    stream.seek(start)
    program = stream.read(end - start)
    try:
        return _Unpickler(io.BytesIO(program)).load()
    except ArchiveError as error:
        raise ArchiveError(f"{what}: {error}") from error


def read_state_dict(data: bytes, what: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a legacy PyTorch state dictionary by name.

    Args:
        data: Content of the file.
        what: Names the file in errors.

    Returns:
        Arrays with PyTorch's names, shapes and types; convolutions are `(out, in, height, width)`.

    Raises:
        ArchiveError: The file is damaged, of another format, or holds what weights do not need.
    """
    stream = io.BytesIO(data)
    # Whatever damaged bytes make of the pickle's own machine, beyond what all readers meet.
    machine = (pickle.UnpicklingError, AttributeError, KeyError, TypeError, MemoryError, RecursionError)
    try:
        with reading(what):
            if _next_pickle(stream, what) != _MAGIC or _next_pickle(stream, what) != _PROTOCOL:
                raise ArchiveError(f"{what}: not a PyTorch file of the legacy format")
            _next_pickle(stream, what)
            tensors, keys = _next_pickle(stream, what), _next_pickle(stream, what)
            return _arrays(stream, tensors, keys)
    except machine as error:
        raise ArchiveError(f"{what}: truncated or damaged ({type(error).__name__}: {error})") from error


def _arrays(stream: io.BytesIO, tensors: Any, keys: Any) -> dict[str, np.ndarray]:
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise ValueError("not a dictionary of tensors")
    described = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    storages = {}
    for key in keys:
        storage = described[key]
        count = int.from_bytes(stream.read(8), "little")
        content = stream.read(storage.size * np.dtype(storage.dtype).itemsize)
        if count != storage.size:
            raise ValueError(f"storage {key} has {count} elements, not {storage.size}")
        storages[key] = np.frombuffer(content, storage.dtype, count)
    arrays = {}
    for name, (storage, offset, shape, strides) in tensors.items():
        if type(name) is not str:
            raise ValueError(f"a tensor with the name {name!r}")
        steps = [stride * np.dtype(storage.dtype).itemsize for stride in strides]
        view = np.lib.stride_tricks.as_strided(storages[storage.key][offset:], shape, steps, writeable=False)
        arrays[name] = np.ascontiguousarray(view).reshape(shape).copy()
    return arrays
