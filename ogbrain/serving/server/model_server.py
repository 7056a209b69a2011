"""Starts TensorFlow Serving itself, where it is installed."""

import os
import shutil
import tempfile
from pathlib import Path

from google.protobuf import text_format

from ogbrain.serving import server_configs

PROGRAM = "tensorflow_model_server"


def program() -> str | None:
    """Returns where TensorFlow Serving is, or None if it is not on the PATH."""
    return shutil.which(PROGRAM)


def arguments(binary: str, export_dir: Path, port: int, rest_port: int, config_file: Path) -> list[str]:
    """Returns the command line that serves a folder; `models.config` is written anew, with the folder's own paths.

    Args:
        binary: The server.
        export_dir: The folder of all models.
        port: The port for gRPC.
        rest_port: The port for REST.
        config_file: Where to write the `models.config` that is used.

    Raises:
        UserError: The folder's `models.config` cannot be read.
    """
    message = server_configs.read_models(export_dir)
    named = {config.name for config in message.model_config_list.config}
    for name in server_configs.model_names(export_dir):
        if name not in named:
            message.model_config_list.config.add(name=name, base_path=name, model_platform="tensorflow")
    for config in message.model_config_list.config:
        config.base_path = str(export_dir / Path(config.base_path).name)
    config_file.write_text(text_format.MessageToString(message), encoding="utf-8")
    line = [binary, f"--port={port}", f"--rest_api_port={rest_port}", f"--model_config_file={config_file}"]
    if (export_dir / server_configs.BATCHING).is_file():
        line += ["--enable_batching", f"--batching_parameters_file={export_dir / server_configs.BATCHING}"]
    if (export_dir / server_configs.MONITORING).is_file():
        line += [f"--monitoring_config_file={export_dir / server_configs.MONITORING}"]
    return line


def become(binary: str, export_dir: Path, port: int, rest_port: int) -> None:
    """Replaces this process by TensorFlow Serving."""
    config_file = Path(tempfile.mkdtemp(prefix="ogbrain_serve_")) / server_configs.MODELS
    line = arguments(binary, export_dir, port, rest_port, config_file)
    os.execv(binary, line)
