"""TensorFlow's C API out of the installed package, by ctypes. Imports no TensorFlow.

It is the loader that TensorFlow Serving uses: what runs here runs there.
"""

import ctypes
import functools
import os
import sys
from typing import Any

from ogbrain.serving.protocol import tensorflow_folder
from ogbrain.serving.request_error import Code, RequestError

STRING_BYTES = 24
"""Size of a `TF_TString`."""


class Buffer(ctypes.Structure):
    """`TF_Buffer`."""

    _fields_ = (("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p))


class Port(ctypes.Structure):
    """`TF_Input` and `TF_Output`: an operation and the number of one of its tensors."""

    _fields_ = (("operation", ctypes.c_void_p), ("index", ctypes.c_int))


_POINTER, _INT, _INT64, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_size_t, ctypes.c_char_p
_BUFFER = ctypes.POINTER(Buffer)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "TF_Version": (_TEXT, ()),
    "TF_NewStatus": (_POINTER, ()),
    "TF_DeleteStatus": (None, (_POINTER,)),
    "TF_GetCode": (_INT, (_POINTER,)),
    "TF_Message": (_TEXT, (_POINTER,)),
    "TF_NewBuffer": (_BUFFER, ()),
    "TF_DeleteBuffer": (None, (_BUFFER,)),
    "TF_GetAllOpList": (_BUFFER, ()),
    "TF_NewGraph": (_POINTER, ()),
    "TF_DeleteGraph": (None, (_POINTER,)),
    "TF_GraphOperationByName": (_POINTER, (_POINTER, _TEXT)),
    "TF_NewSessionOptions": (_POINTER, ()),
    "TF_DeleteSessionOptions": (None, (_POINTER,)),
    "TF_SetConfig": (None, (_POINTER, _TEXT, _SIZE, _POINTER)),
    "TF_LoadSessionFromSavedModel": (
        _POINTER,
        (_POINTER, _POINTER, _TEXT, ctypes.POINTER(_TEXT), _INT, _POINTER, _BUFFER, _POINTER),
    ),
    "TF_CloseSession": (None, (_POINTER, _POINTER)),
    "TF_DeleteSession": (None, (_POINTER, _POINTER)),
    "TF_SessionRun": (
        None,
        # Session, options; inputs, values, count; outputs, values, count; targets, count; metadata, status.
        (_POINTER, _POINTER, _POINTER, _POINTER, _INT, _POINTER, _POINTER, _INT, _POINTER, _INT, _POINTER, _POINTER),
    ),
    "TF_AllocateTensor": (_POINTER, (_INT, ctypes.POINTER(_INT64), _INT, _SIZE)),
    "TF_DeleteTensor": (None, (_POINTER,)),
    "TF_TensorType": (_INT, (_POINTER,)),
    "TF_NumDims": (_INT, (_POINTER,)),
    "TF_Dim": (_INT64, (_POINTER, _INT)),
    "TF_TensorData": (_POINTER, (_POINTER,)),
    "TF_TensorByteSize": (_SIZE, (_POINTER,)),
    "TF_StringInit": (None, (_POINTER,)),
    "TF_StringCopy": (None, (_POINTER, _TEXT, _SIZE)),
    "TF_StringDealloc": (None, (_POINTER,)),
    "TF_StringGetDataPointer": (_POINTER, (_POINTER,)),
    "TF_StringGetSize": (_SIZE, (_POINTER,)),
}


@functools.cache
def library() -> Any:
    """Returns the library, its functions declared. Calls release the interpreter's lock.

    Raises:
        FileNotFoundError: The installed TensorFlow has no such library.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    suffix = ".2.dylib" if sys.platform == "darwin" else ".so.2"
    folder = tensorflow_folder()
    loaded = None
    for name in ("libtensorflow_framework", "libtensorflow_cc"):
        file = folder / (f"{name}{suffix}")
        if not file.is_file():
            raise FileNotFoundError(f"{file}: this TensorFlow has no C API")
        loaded = ctypes.CDLL(str(file), ctypes.RTLD_GLOBAL)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


class Status:
    """A `TF_Status` for the calls within a `with` block.

    Example:
        >>> with Status() as status:
        ...     library().TF_CloseSession(session, status.pointer)
        ...     status.check()
    """

    def __enter__(self) -> "Status":
        self.pointer = library().TF_NewStatus()
        return self

    def __exit__(self, *_: object) -> None:
        library().TF_DeleteStatus(self.pointer)

    def check(self) -> None:
        """Raises a `RequestError` with TensorFlow's code and message if the last call failed."""
        code = library().TF_GetCode(self.pointer)
        if code:
            message = library().TF_Message(self.pointer).decode(errors="replace")
            raise RequestError(
                message or Code(code).name, Code(code) if code in Code.__members__.values() else Code.UNKNOWN
            )


def buffer_bytes(buffer: Any) -> bytes:
    """Returns what a `TF_Buffer` holds."""
    return ctypes.string_at(buffer.contents.data, buffer.contents.length)
