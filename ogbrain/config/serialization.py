"""Configs as plain dictionaries and JSON files, strictly typed in both directions."""

import dataclasses
import json
import os
import typing
from pathlib import Path
from typing import Any, TypeVar

from ogbrain.errors import UserError, nearest

Config = TypeVar("Config")


def to_dict(config: Any) -> dict[str, Any]:
    """Returns a dataclass tree as nested dictionaries."""
    return dataclasses.asdict(config)


def field_types(config_class: type) -> dict[str, Any]:
    """Returns the type of each field, names written as strings resolved."""
    hints = typing.get_type_hints(config_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


def unknown_field(path: str, known: typing.Iterable[str]) -> UserError:
    """Words the error for a config field that does not exist."""
    known = sorted(known)
    near = nearest(path, known)
    # The last part alone is often what was mistyped, or what sits in another branch.
    near = near or next((name for name in known if name.split(".")[-1] == path.split(".")[-1]), None)
    suggestion = f"did you mean config.{near}? " if near else ""
    return UserError(f"unknown config field config.{path}; {suggestion}Known: {', '.join(known)}")


def leaf_paths(config: Any, prefix: str = "") -> list[str]:
    """Returns the dotted names of all fields that hold a value, not a nested config."""
    paths: list[str] = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            paths += leaf_paths(value, f"{prefix}{field.name}.")
        else:
            paths.append(prefix + field.name)
    return paths


def flat_values(config: Any) -> dict[str, bool | int | float | str]:
    """Returns the value of each field by its dotted name; what is no number or string is written as JSON.

    Example:
        >>> flat_values(config)["optimizer.learning_rate"]
        0.001
    """
    flat: dict[str, bool | int | float | str] = {}
    for path in leaf_paths(config):
        value = config
        for name in path.split("."):
            value = getattr(value, name)
        flat[path] = value if isinstance(value, bool | int | float | str) else json.dumps(value)
    return flat


def from_dict(config_class: type[Config], values: dict[str, Any], path: str = "") -> Config:
    """Builds a config from nested dictionaries; fields that are left out keep their defaults.

    Args:
        config_class: The frozen dataclass to build.
        values: Nested dictionaries as `to_dict` returns or JSON holds.
        path: Dotted prefix of the fields in messages, empty at the root.

    Raises:
        UserError: A field is unknown, or a value is not of the field's type.
    """
    types = field_types(config_class)
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name not in types:
            raise unknown_field(path + name, [path + known for known in types])
        if dataclasses.is_dataclass(types[name]):
            if not isinstance(value, dict):
                raise UserError(
                    f"config.{path}{name}: {value!r} is not allowed; a group of fields, set them one by one"
                )
            arguments[name] = from_dict(typing.cast(type, types[name]), value, f"{path}{name}.")
        else:
            arguments[name] = _typed(f"config.{path}{name}", value, types[name])
    return config_class(**arguments)


def _typed(name: str, value: Any, expected: Any) -> Any:
    if typing.get_origin(expected) is tuple:
        if isinstance(value, (list, tuple)):
            item = typing.get_args(expected)[0]
            return tuple(_typed(f"{name}[{index}]", element, item) for index, element in enumerate(value))
    elif expected is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif type(value) is expected:
        return value
    raise UserError(f"{name}: {value!r} is not allowed; a value of type {type_name(expected)}")


def type_name(expected: Any) -> str:
    """Returns a field's type as it is written, for messages."""
    return str(expected) if typing.get_origin(expected) else expected.__name__


def save(config: Any, file: Path, **extra: Any) -> None:
    """Writes a config as JSON, whole or not at all.

    Args:
        config: The config.
        file: Where to; replaced if it exists.
        **extra: Further entries beside `"config"`, such as the experiment's name.
    """
    text = json.dumps({**extra, "config": to_dict(config)}, indent=2) + "\n"
    temporary = file.with_name(file.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, file)


def load(file: Path) -> dict[str, Any]:
    """Reads what `save` wrote: a dictionary with `"config"` and the extra entries.

    Raises:
        UserError: The file is missing, is not JSON or holds no config.
    """
    try:
        record = json.loads(file.read_text())
    except OSError as error:
        raise UserError(f"config file {file}: cannot be read ({error.strerror}); a run's config.json") from None
    except ValueError as error:
        raise UserError(f"config file {file}: is not JSON ({error}); a run's config.json") from None
    if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
        raise UserError(f'config file {file}: has no "config" entry; a run\'s config.json')
    return record
