"""The fields of a config class: names, types, defaults and what they mean."""

import dataclasses
import sys
import typing
from pathlib import Path
from typing import Any

from ogbrain.registry import source_code


@dataclasses.dataclass(frozen=True)
class ConfigField:
    """A field that holds a value, in a config or in a config inside it."""

    name: str
    """Dotted name, as in `optimizer.learning_rate`."""
    type: str
    """Type, as it is written in Python."""
    default: Any
    """Default value."""
    doc: str
    """What the field means: the string literal after it."""


def config_fields(config: Any, prefix: str = "") -> list[ConfigField]:
    """Returns the fields of a config that has its default values, those of nested configs among them.

    Args:
        config: The config, a dataclass.
        prefix: What the dotted names begin with.
    """
    types = typing.get_type_hints(type(config))
    docs = _docs(type(config))
    fields = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        name = prefix + field.name
        if dataclasses.is_dataclass(value):
            fields += config_fields(value, name + ".")
        else:
            fields.append(ConfigField(name, _type_name(types[field.name]), value, docs.get(field.name, "")))
    return fields


def _docs(config_class: type) -> dict[str, str]:
    docs: dict[str, str] = {}
    for base in reversed(config_class.__mro__):
        file = getattr(sys.modules[base.__module__], "__file__", None)
        if dataclasses.is_dataclass(base) and file:
            docs |= source_code.field_docs(Path(file), base.__name__)
    return docs


def _type_name(kind: Any) -> str:
    return kind.__name__ if type(kind) is type else str(kind)
