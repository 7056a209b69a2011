"""An exported model, run through TensorFlow's C API. Imports no TensorFlow."""

import ctypes
import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from ogbrain.serving import signature as signature_lib
from ogbrain.serving import tensors
from ogbrain.serving.protocol import config_pb2, meta_graph_pb2, op_def_pb2
from ogbrain.serving.request_error import Code, RequestError
from ogbrain.serving.signature import Signature, Slot
from ogbrain.serving.tensorflow_library import STRING_BYTES, Port, Status, buffer_bytes, library


@dataclasses.dataclass(frozen=True)
class _Ports:
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]


class SavedModel:
    """A SavedModel loaded as TensorFlow Serving loads it.

    Safe to be run from several threads at once; to be closed when none does.

    Args:
        folder: A version's folder, with `saved_model.pb` in it.
        threads: Threads within an operation and among operations; 0 takes one for each core.

    Raises:
        RequestError: The folder cannot be loaded.

    Example:
        >>> model = SavedModel(Path("exports/attention_glimpse/1"))
        >>> model.run("serving_default", {"image_bytes": np.array([png], object)})["label"]
    """

    def __init__(self, folder: Path, threads: int = 0):
        self._session = None
        if not (folder / "saved_model.pb").is_file():
            raise RequestError(f"{folder}: has no saved_model.pb", Code.NOT_FOUND)
        self._library = lib = library()
        config = config_pb2.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
        serialized = config.SerializeToString()
        self._graph = lib.TF_NewGraph()
        options, buffer = lib.TF_NewSessionOptions(), lib.TF_NewBuffer()
        try:
            with Status() as status:
                lib.TF_SetConfig(options, serialized, len(serialized), status.pointer)
                status.check()
                tags = (ctypes.c_char_p * 1)(b"serve")
                self._session = lib.TF_LoadSessionFromSavedModel(
                    options, None, str(folder).encode(), tags, 1, self._graph, buffer, status.pointer
                )
                status.check()
            self.meta_graph = meta_graph_pb2.MetaGraphDef.FromString(buffer_bytes(buffer))
            self.signatures = signature_lib.signatures_of(self.meta_graph)
            self._ports = {name: self._find_ports(signature) for name, signature in self.signatures.items()}
        except BaseException:
            self.close()
            raise
        finally:
            lib.TF_DeleteSessionOptions(options)
            lib.TF_DeleteBuffer(buffer)

    def close(self) -> None:
        """Frees the model."""
        lib, session, self._session = self._library, self._session, None
        if session:
            with Status() as status:
                lib.TF_CloseSession(session, status.pointer)
                lib.TF_DeleteSession(session, status.pointer)
        if self._graph:
            lib.TF_DeleteGraph(self._graph)
            self._graph = None

    def run(self, name: str, inputs: Mapping[str, np.ndarray], outputs: Collection[str] = ()) -> dict[str, np.ndarray]:
        """Answers one request.

        Args:
            name: The signature's name.
            inputs: An array for each input; strings are arrays of `bytes` objects.
            outputs: The outputs that are wanted; all if empty.

        Raises:
            RequestError: The request does not fit the signature, or the model cannot answer it.
        """
        signature = signature_lib.find(self.signatures, name)
        signature.check(inputs)
        wanted = signature.chosen(outputs)
        ports = self._ports[signature.name]
        lib = self._library
        count = len(inputs)
        input_ports = (Port * count)(*(ports.inputs[key] for key in inputs))
        output_ports = (Port * len(wanted))(*(ports.outputs[key] for key in wanted))
        values = (ctypes.c_void_p * count)()
        results = (ctypes.c_void_p * len(wanted))()
        strings: list[tuple[int, int]] = []
        try:
            for index, (key, array) in enumerate(inputs.items()):
                values[index] = self._tensor(array, signature.inputs[key].enum, strings)
            with Status() as status:
                lib.TF_SessionRun(
                    self._session,
                    None,
                    input_ports,
                    values,
                    count,
                    output_ports,
                    results,
                    len(wanted),
                    None,
                    0,
                    None,
                    status.pointer,
                )
                status.check()
            return {key: self._array(tensor) for key, tensor in zip(wanted, results, strict=True)}
        finally:
            for data, size in strings:
                for index in range(size):
                    lib.TF_StringDealloc(data + index * STRING_BYTES)
            for tensor in (*values, *results):
                if tensor:
                    lib.TF_DeleteTensor(tensor)

    def _find_ports(self, signature: Signature) -> _Ports:
        return _Ports(
            {name: self._port(slot) for name, slot in signature.inputs.items()},
            {name: self._port(slot) for name, slot in signature.outputs.items()},
        )

    def _port(self, slot: Slot) -> Port:
        operation, _, index = slot.tensor.partition(":")
        found = self._library.TF_GraphOperationByName(self._graph, operation.encode())
        if not found:
            raise RequestError(f"the graph has no {slot.tensor!r}, which {slot.name!r} is to be", Code.DATA_LOSS)
        return Port(found, int(index or 0))

    def _tensor(self, array: np.ndarray, enum: int, strings: list[tuple[int, int]]) -> int:
        lib = self._library
        dimensions = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
        is_string = enum == tensors.STRING
        size = array.size * (STRING_BYTES if is_string else array.itemsize)
        tensor = lib.TF_AllocateTensor(enum, dimensions, array.ndim, size)
        data = lib.TF_TensorData(tensor)
        if is_string:
            for index, value in enumerate(array.ravel().tolist()):
                place = data + index * STRING_BYTES
                lib.TF_StringInit(place)
                lib.TF_StringCopy(place, value, len(value))
            strings.append((data, array.size))
        elif size:
            contiguous = np.ascontiguousarray(array)
            ctypes.memmove(data, contiguous.ctypes.data, size)
        return tensor

    def _array(self, tensor: int) -> np.ndarray:
        lib = self._library
        shape = tuple(lib.TF_Dim(tensor, axis) for axis in range(lib.TF_NumDims(tensor)))
        enum = lib.TF_TensorType(tensor)
        count, data = int(np.prod(shape, dtype=np.int64)), lib.TF_TensorData(tensor)
        if enum == tensors.STRING:
            array = np.empty(count, object)
            for index in range(count):
                place = data + index * STRING_BYTES
                array[index] = ctypes.string_at(lib.TF_StringGetDataPointer(place), lib.TF_StringGetSize(place))
        else:
            if enum not in tensors.DTYPES:
                raise RequestError(f"an output's type {tensors.dtype_name(enum)} cannot be sent", Code.UNIMPLEMENTED)
            raw = ctypes.string_at(data, lib.TF_TensorByteSize(tensor)) if count else b""
            array = np.frombuffer(raw, tensors.DTYPES[enum])
        return array.reshape(shape)


def known_ops() -> frozenset[str]:
    """Returns the names of the operations that TensorFlow itself has."""
    buffer = library().TF_GetAllOpList()
    try:
        return frozenset(op.name for op in op_def_pb2.OpList.FromString(buffer_bytes(buffer)).op)
    finally:
        library().TF_DeleteBuffer(buffer)
