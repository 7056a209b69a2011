"""Plugins: manifests, where they are found, their components by name. Imports no TensorFlow."""

from ogbrain.registry import keras_link
from ogbrain.registry.broken_plugin import BrokenPlugin
from ogbrain.registry.layer_kinds import LAYER_KINDS, LayerKind
from ogbrain.registry.loaded_plugin import LoadedPlugin
from ogbrain.registry.namespace import Namespace
from ogbrain.registry.plugin import API, KINDS, Plugin
from ogbrain.registry.registry import Registry

REGISTRY = Registry()
"""The registry of this process, which all commands and `ogbrain.layers` and its like use."""

layers = Namespace(REGISTRY, "layers")
pipelines = Namespace(REGISTRY, "pipelines")
experiments = Namespace(REGISTRY, "experiments")
configs = Namespace(REGISTRY, "configs")

keras_link.when_keras_is_there(REGISTRY.announce_layers)

__all__ = [
    "API",
    "KINDS",
    "LAYER_KINDS",
    "REGISTRY",
    "BrokenPlugin",
    "LayerKind",
    "LoadedPlugin",
    "Namespace",
    "Plugin",
    "Registry",
    "configs",
    "experiments",
    "layers",
    "pipelines",
]
