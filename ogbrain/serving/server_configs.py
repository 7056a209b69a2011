"""The files by which TensorFlow Serving is told what to serve and how. Imports no TensorFlow."""

import os
import re
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from ogbrain.errors import UserError
from ogbrain.serving.protocol import model_server_config_pb2

MODELS, BATCHING, MONITORING = "models.config", "batching.config", "monitoring.config"

MOUNT = "/models"
"""Where `docker run` mounts the folder of all models, as TensorFlow Serving's image has it."""

METRICS_PATH = "/monitoring/prometheus/metrics"

_BATCHING_TEXT = """\
# Requests that come in while all threads are busy are answered together.
max_batch_size { value: 64 }
batch_timeout_micros { value: 0 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 1000 }
"""
_MONITORING_TEXT = f"""\
prometheus_config {{
  enable: true
  path: "{METRICS_PATH}"
}}
"""


def write_configs(export_dir: Path) -> None:
    """Writes what is missing: the three files, and in `models.config` the models that it does not name yet.

    What users have changed stays, such as version policies and labels.

    Raises:
        UserError: `models.config` cannot be read.
    """
    for name, text in ((BATCHING, _BATCHING_TEXT), (MONITORING, _MONITORING_TEXT)):
        if not (export_dir / name).exists():
            _write(export_dir / name, text)
    file = export_dir / MODELS
    message = read_models(export_dir)
    named = {config.name for config in message.model_config_list.config}
    missing = [name for name in model_names(export_dir) if name not in named]
    for name in missing:
        message.model_config_list.config.add(name=name, base_path=f"{MOUNT}/{name}", model_platform="tensorflow")
    if missing:
        _write(file, text_format.MessageToString(message))


def read_models(export_dir: Path) -> Any:
    """Returns `models.config` as a `ModelServerConfig`, empty if there is none.

    Raises:
        UserError: It cannot be read.
    """
    file = export_dir / MODELS
    message = model_server_config_pb2.ModelServerConfig()
    try:
        return text_format.Parse(file.read_text(encoding="utf-8"), message)
    except FileNotFoundError:
        return message
    except (text_format.ParseError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read ({error})") from error


def read_batching(export_dir: Path) -> dict[str, int]:
    """Returns the numbers of `batching.config` by name; what it lacks is as this project writes it.

    Raises:
        UserError: It cannot be read.
    """
    values = _numbers(_BATCHING_TEXT)
    file = export_dir / BATCHING
    if file.exists():
        try:
            given = _numbers(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: cannot be read ({error})") from error
        values |= given
    for name in ("max_batch_size", "num_batch_threads", "max_enqueued_batches"):
        if values[name] < 1:
            raise UserError(f"{file}: {name}: {values[name]} is not allowed; a whole number from 1 on")
    return values


def model_names(export_dir: Path) -> list[str]:
    """Returns the names of the folders with versions in them."""
    return sorted(folder.name for folder in export_dir.iterdir() if folder.is_dir() and versions(folder))


def versions(model_dir: Path) -> list[int]:
    """Returns the numbers of the versions under a model's folder, in order."""
    if not model_dir.is_dir():
        return []
    return sorted(int(entry.name) for entry in model_dir.iterdir() if entry.name.isdecimal() and entry.is_dir())


def _numbers(text: str) -> dict[str, int]:
    text = re.sub(r"#.*", "", text)
    return {name: int(value) for name, value in re.findall(r"(\w+)\s*:?\s*\{\s*value\s*:\s*(-?\d+)\s*\}", text)}


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
