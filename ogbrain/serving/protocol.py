"""TensorFlow Serving's messages, without TensorFlow.

The generated modules import `tensorflow.core....`, generated modules as well, and so would run all of TensorFlow's
`__init__.py`: five seconds, and a process that can no longer claim to be independent of it. A stand-in package lets
them import one another; it is taken away again, so that a later `import tensorflow` is the real one.
"""

import importlib
import importlib.util
import sys
import types
from pathlib import Path


def _import(*names: str) -> list[types.ModuleType]:
    if "tensorflow" in sys.modules:
        return [importlib.import_module(name) for name in names]
    before = set(sys.modules)
    stand_in = types.ModuleType("tensorflow")
    stand_in.__path__ = [str(tensorflow_folder())]
    sys.modules["tensorflow"] = stand_in
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "tensorflow":
                del sys.modules[name]


def tensorflow_folder() -> Path:
    """Returns the folder of the installed TensorFlow, which is not imported for it."""
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("TensorFlow is not installed")
    return Path(spec.submodule_search_locations[0])


(
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
    model_server_config_pb2,
    config_pb2,
    example_pb2,
    meta_graph_pb2,
    op_def_pb2,
    saved_model_pb2,
    tensor_pb2,
    types_pb2,
) = _import(
    "tensorflow_serving.apis.classification_pb2",
    "tensorflow_serving.apis.get_model_metadata_pb2",
    "tensorflow_serving.apis.get_model_status_pb2",
    "tensorflow_serving.apis.model_service_pb2_grpc",
    "tensorflow_serving.apis.predict_pb2",
    "tensorflow_serving.apis.prediction_log_pb2",
    "tensorflow_serving.apis.prediction_service_pb2_grpc",
    "tensorflow_serving.config.model_server_config_pb2",
    "tensorflow.core.protobuf.config_pb2",
    "tensorflow.core.example.example_pb2",
    "tensorflow.core.protobuf.meta_graph_pb2",
    "tensorflow.core.framework.op_def_pb2",
    "tensorflow.core.protobuf.saved_model_pb2",
    "tensorflow.core.framework.tensor_pb2",
    "tensorflow.core.framework.types_pb2",
)
