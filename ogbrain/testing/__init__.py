"""The conformance kit: test cases that a plugin's own tests stand on, public as `ogbrain.testing`.

`LayerTestCase`, `PipelineTestCase`, `ExperimentTestCase`, `AgentTestCase` and `PluginTestCase` are imported on first
use, as is what they are tried on: `TinyImages` and `TinySequences`. docs/testing.md says what each checks.

Example:
    >>> from ogbrain import testing
    >>> class DivisiveNormTest(testing.LayerTestCase):
    ...     def test_conformance(self):
    ...         self.check_layer(DivisiveNorm, {"size": 3}, np.ones((2, 8, 8, 1), "float32"))
"""

import importlib
from typing import Any

_MODULES = {
    "AgentTestCase": "agent_test_case",
    "Check": "checks",
    "Checks": "checks",
    "ExperimentTestCase": "experiment_test_case",
    "LayerTestCase": "layer_test_case",
    "PipelineTestCase": "pipeline_test_case",
    "PluginTestCase": "plugin_test_case",
    "TinyImages": "tiny_images",
    "TinySequences": "tiny_sequences",
    "load_plugin": "loading",
    "odd_pictures": "pictures",
    "use_data": "small_data",
    "write_pictures": "pictures",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'ogbrain.testing' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"ogbrain.testing.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
