"""Configs: frozen dataclasses, overridden by flags, saved with the run. Imports no TensorFlow."""

from ogbrain.config.checks import at_least, between, one_of
from ogbrain.config.data_config import DataConfig
from ogbrain.config.experiment_config import ExperimentConfig
from ogbrain.config.optimizer_config import OptimizerConfig
from ogbrain.config.overrides import resolve, split_arguments
from ogbrain.config.serialization import flat_values, from_dict, leaf_paths, load, save, to_dict

__all__ = [
    "DataConfig",
    "ExperimentConfig",
    "OptimizerConfig",
    "at_least",
    "between",
    "flat_values",
    "from_dict",
    "leaf_paths",
    "load",
    "one_of",
    "resolve",
    "save",
    "split_arguments",
    "to_dict",
]
