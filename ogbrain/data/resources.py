"""Loads resources by name: weights and word vectors that come inside packages. Imports no TensorFlow.

A resource is prepared once, from its package into plain arrays beside the prepared data
sets, and read from there; both is atomic and done by one process at a time.
"""

import importlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ogbrain.data import catalog
from ogbrain.data.sources.file_lock import file_lock
from ogbrain.data.sources.locations import prepared_dir
from ogbrain.errors import UserError, unknown_name

_ARRAYS, _INFO = "arrays.npz", "resource_info.json"


def load(name: str, data_dir: str = "") -> Any:
    """Returns what a resource holds; the README.md of its folder says what that is.

    Args:
        name: `NAME` or `NAME/CONFIG` of a resource in a catalog.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`, or else `~/.cache/ogbrain`.

    Raises:
        UserError: There is no such resource or config, or its package cannot be had or read.

    Example:
        >>> words, vectors = load("glove_6b_50d")
        >>> weights = load("efficientnet_lite/lite0")
    """
    module, folder = prepare(name, data_dir)
    try:
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            return module.from_arrays(dict(arrays))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"resource {name!r}: {folder / _ARRAYS} is damaged ({error}); delete {folder}") from error


def info(name: str, data_dir: str = "") -> dict[str, str]:
    """Returns registry, package, version and checksum of what a resource was prepared from."""
    return json.loads((prepare(name, data_dir)[1] / _INFO).read_text())


def prepare(name: str, data_dir: str = "") -> tuple[ModuleType, Path]:
    """Prepares a resource if it is not.

    Returns:
        Its module and the folder that it is prepared in.

    Raises:
        UserError: As `load`.
    """
    base, _, config = name.partition("/")
    entries = catalog.entries()
    known = [entry.name for entry in entries.values() if entry.kind == "resource"]
    if base in entries and base not in known:
        raise UserError(f"{base!r} is a data set of examples, not a resource; ogbrain.data.builders.builder gives it")
    if base not in known:
        raise unknown_name("resource", base, known)
    entry = entries[base]
    entry.check_config(config)
    arguments = [config or entry.configs[0]] if entry.configs else []
    module = importlib.import_module(entry.module)
    folder = prepared_dir(data_dir).joinpath(base, *arguments, module.VERSION)
    if not folder.exists():
        try:
            with file_lock(folder.parent / ".lock", f"preparing {name}"):
                if not folder.exists():
                    _write(module, arguments, data_dir, folder)
        except OSError as error:
            raise UserError(f"resource {name!r}: cannot be prepared in {folder}: {error.strerror or error}") from error
    return module, folder


def _write(module: ModuleType, arguments: list[str], data_dir: str, folder: Path) -> None:
    print(f"preparing {folder.relative_to(prepared_dir(data_dir))} in {folder}", file=sys.stderr, flush=True)
    arrays = module.to_arrays(module.load(*arguments, data_dir=data_dir))
    aside = folder.with_name(f"incomplete.{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    np.savez(aside / _ARRAYS, **arrays)
    (aside / _INFO).write_text(json.dumps(module.provenance(*arguments, data_dir=data_dir), indent=2) + "\n")
    os.replace(aside, folder)
