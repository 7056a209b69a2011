"""OG-Brain: a TensorFlow framework whose parts are plugins.

`import ogbrain` is light: TensorFlow is imported with the first name that needs it.

Example:
    >>> import ogbrain
    >>> sensor_class = ogbrain.layers.get("attention/glimpse_sensor")
"""

import importlib
from typing import Any

_LAZY = {
    "Embedding": "ogbrain.training.embedding",
    "Experiment": "ogbrain.training.experiment",
    "Pipeline": "ogbrain.data.pipeline",
    "Plugin": "ogbrain.registry",
    "Prediction": "ogbrain.training.prediction",
    "SupervisedExperiment": "ogbrain.training.supervised_experiment",
    "configs": "ogbrain.registry",
    "experiments": "ogbrain.registry",
    "label_answers": "ogbrain.training.label_answers",
    "layers": "ogbrain.registry",
    "pipelines": "ogbrain.registry",
}
_SUBPACKAGES = ("config", "data", "errors", "registry", "serving", "testing", "training")

__all__ = [*sorted(_LAZY), *_SUBPACKAGES]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f"ogbrain.{name}")
    else:
        raise AttributeError(f"module 'ogbrain' has no attribute {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# Saved models find their plugins from here on.
importlib.import_module("ogbrain.registry")
