"""Overrides of config fields from the command line, parsed by ml_collections."""

import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from absl import flags
from ml_collections import config_dict, config_flags

from ogbrain.config import serialization
from ogbrain.errors import UserError

Config = TypeVar("Config")


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Splits a command line into config overrides and the rest.

    Both `--config.FIELD=VALUE` and `--config.FIELD VALUE` are known.

    Args:
        arguments: The arguments of the program, with or without its name.

    Returns:
        The overrides and the other arguments, each in their order.
    """
    overrides: list[str] = []
    rest: list[str] = []
    waiting = False  # the last override has no "=", so its value may follow
    for argument in arguments:
        name = argument.lstrip("-")
        if argument.startswith("-") and name.startswith(("config.", "noconfig.")):
            overrides.append("--" + name)
            waiting = "=" not in name
        elif waiting and not argument.startswith("--"):
            overrides[-1] += "=" + argument
            waiting = False
        else:
            rest.append(argument)
            waiting = False
    return overrides, rest


def resolve(defaults: Config, overrides: Sequence[str]) -> Config:
    """Applies `--config.FIELD=VALUE` overrides to a config.

    Args:
        defaults: A frozen dataclass tree.
        overrides: Arguments as `split_arguments` returns them.

    Returns:
        A new config of the same class, checked by its `__post_init__`.

    Raises:
        UserError: A field is unknown, or a value is not of its type or not allowed.

    Example:
        >>> resolve(ExperimentConfig(), ["--config.optimizer.learning_rate=3e-4"])
    """
    types = _leaf_types(type(defaults))
    arguments = []
    for override in overrides:
        path, _, value = override.removeprefix("--").removeprefix("no").removeprefix("config.").partition("=")
        if path not in types:
            nested = [name for name in types if name.startswith(path + ".")]
            if nested:
                raise UserError(f"config.{path}: is a group of fields; set one of config.{', config.'.join(nested)}")
            raise serialization.unknown_field(path, types)
        if "=" not in override and types[path] is not bool:
            raise UserError(
                f"config.{path}: has no value; --config.{path}=VALUE, of type {serialization.type_name(types[path])}"
            )
        if typing.get_origin(types[path]) is tuple:
            override = f"--config.{path}={_tuple_literal(value, typing.get_args(types[path])[0])}"
        arguments.append(override)
    values = config_dict.ConfigDict(serialization.to_dict(defaults), convert_dict=True)
    flag_values = flags.FlagValues()
    argv = ["ogbrain", *arguments]
    config_flags.DEFINE_config_dict("config", values, flag_values=flag_values, sys_argv=argv)
    for override in arguments:
        # One at a time: ml_collections names the value that it cannot parse, but not always the field.
        try:
            flag_values(["ogbrain", override])
        except (flags.Error, ValueError, TypeError, SyntaxError):
            path, _, value = override.removeprefix("--").removeprefix("no").removeprefix("config.").partition("=")
            raise UserError(
                f"config.{path}: {value!r} is not allowed; a value of type {serialization.type_name(types[path])}"
            ) from None
    # ml_collections makes its own copy of the values when it parses; without overrides there is none.
    resolved: Any = flag_values["config"].value if arguments else values
    return serialization.from_dict(type(defaults), resolved.to_dict())


def _leaf_types(config_class: type, prefix: str = "") -> dict[str, Any]:
    types: dict[str, Any] = {}
    for name, kind in serialization.field_types(config_class).items():
        if hasattr(kind, "__dataclass_fields__"):
            types |= _leaf_types(kind, f"{prefix}{name}.")
        else:
            types[prefix + name] = kind
    return types


def _tuple_literal(text: str, item: type) -> str:
    """Writes `1,2`, `3` or `(1, 2)`, as people write them, as the Python literal that the parser takes."""
    text = text.strip()
    if (text[:1], text[-1:]) in (("(", ")"), ("[", "]")):
        text = text[1:-1]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if item is str:
        parts = [repr(part.strip("'\"")) for part in parts]
    return "(" + "".join(f"{part}," for part in parts) + ")" if parts else "()"
