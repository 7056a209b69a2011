"""Environments by name."""

import functools
import importlib
import logging
import os
from collections.abc import Callable
from typing import Any

import gymnasium as gym

from ogbrain.errors import UserError, nearest, one_line

from .environments import Environments
from .python_environments import PythonEnvironments


def make_environments(config: Any, count: int, training: bool = False) -> Environments:
    """Makes the environments that a config names.

    Args:
        config: An `AgentConfig`.
        count: How many.
        training: Whether they are learned from: Atari then ends episodes with a life and clips rewards, as the config
            says.

    Raises:
        UserError: There is no such environment, it cannot be made, or these agents cannot play it.
    """
    name = config.env
    if name.startswith("ALE/"):
        from .atari_environments import AtariEnvironments

        return AtariEnvironments(
            _known(name).kwargs["game"], count, sticky_actions=config.sticky_actions,
            life_loss=training and config.life_loss, clip_rewards=training and config.clip_rewards,
        )  # fmt: skip
    return PythonEnvironments(_maker(name), count, config.step_seconds, name)


def _maker(name: str) -> Callable[[], gym.Env]:
    module_name, colon, attribute = name.rpartition(":")
    if colon:
        try:
            module = importlib.import_module(module_name)
        except Exception as error:
            raise UserError(f"config.env: module {module_name!r} cannot be imported: {one_line(error)}") from error
        if attribute not in gym.registry and hasattr(module, attribute):
            return functools.partial(_adapted, getattr(module, attribute), name)
    identifier = attribute if colon else name
    _known(identifier)
    return functools.partial(_made, identifier)


def _made(identifier: str) -> gym.Env:
    # Pictures are drawn into memory: no screen is needed, nor complained about.
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    specification = _known(identifier)
    # MinAtar draws with a package that is not needed for anything else; here its pictures are drawn otherwise.
    arguments: dict[str, Any] = {} if identifier.startswith("MinAtar/") else {"render_mode": "rgb_array"}
    try:
        environment = gym.make(specification, disable_env_checker=True, **arguments)
    except gym.error.Error as error:
        raise UserError(f"config.env: {identifier} cannot be made: {one_line(error)}") from error
    if isinstance(environment.observation_space, (gym.spaces.Discrete, gym.spaces.Dict, gym.spaces.Tuple)):
        environment = gym.wrappers.FlattenObservation(environment)
    return environment


def _adapted(factory: Callable[[], Any], name: str) -> gym.Env:
    made = factory()
    if isinstance(made, gym.Env):
        return made
    from .step_environment import StepEnvironment

    return StepEnvironment(made, name)


def _known(identifier: str) -> Any:
    """Returns the registered specification of an id, or says which is near."""
    if identifier.startswith("ALE/"):
        import ale_py

        gym.register_envs(ale_py)
    elif identifier not in gym.registry:
        _register_minatar()
    if identifier in gym.registry:
        return gym.registry[identifier]
    near = nearest(identifier, gym.registry)
    suggestion = f"; did you mean {near!r}?" if near else "."
    raise UserError(
        f"config.env: unknown environment {identifier!r}{suggestion} Allowed: an id of Gymnasium, MinAtar/GAME-v1, "
        "ALE/GAME-v5, or package.module:NAME"
    )


def _register_minatar() -> None:
    if "MinAtar/Breakout-v1" in gym.registry:
        return
    # It logs a warning when the package that it draws with is missing.
    logging.disable(logging.WARNING)
    try:
        import minatar.gym
    finally:
        logging.disable(logging.NOTSET)
    minatar.gym.register_envs()
