"""Plugins for tests, written into a folder of the test's own."""

from pathlib import Path
from typing import Any

CONFIG = '''
import dataclasses
import ogbrain

@dataclasses.dataclass(frozen=True)
class TinyConfig(ogbrain.config.ExperimentConfig):
    """Config of a tiny experiment."""

    epochs: int = 3
    size: int = 4
    """Size of the tiny model."""
'''

LAYER = '''
import keras

class Scale(keras.layers.Layer):
    """Multiplies by a number.

    More about it.
    """

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return super().get_config() | {"factor": self.factor}
'''

EXPERIMENT = '''
from .layers import scale

class Tiny:
    """Runs in no time."""

    layer_class = scale.Scale
'''

FILES = {"layers/__init__.py": "", "layers/scale.py": LAYER, "tiny.py": EXPERIMENT, "tiny_config.py": CONFIG}

WHOLE_EXPERIMENT = '''
import ogbrain
from .layers.scale import Scale

class Tiny(ogbrain.SupervisedExperiment):
    """Runs in no time."""

    def build_pipeline(self):
        raise NotImplementedError

    def build_model(self):
        return Scale()

    def loss(self, model, batch, training):
        raise NotImplementedError
'''

WHOLE = {**FILES, "tiny.py": WHOLE_EXPERIMENT, "README.md": "# Tiny\n"}
"""Files of a plugin that keeps all that its manifest promises, beside it."""


def manifest(name: str, **arguments: Any) -> str:
    """Returns the text of a `plugin.py`.

    Args:
        name: The plugin's name.
        **arguments: Arguments of `ogbrain.Plugin` that are added or replaced.
    """
    full = {"name": name, "api": 1, "summary": f"Shows what {name} is."}
    full |= {"layers": {"scale": ".layers.scale:Scale"}, "experiments": {"tiny": ".tiny:Tiny"}}
    full |= {"configs": {"tiny": ".tiny_config:TinyConfig"}}
    text = ", ".join(f"{key}={value!r}" for key, value in (full | arguments).items())
    return f"import ogbrain\nPLUGIN = ogbrain.Plugin({text})\n"


def write_plugin(folder: Path, text: str, files: dict[str, str] | None = None) -> Path:
    """Writes a plugin.

    Args:
        folder: The plugin's folder, made here.
        text: The text of its `plugin.py`.
        files: Its other files, by their paths in the folder; default a layer, an experiment and its config.

    Returns:
        The folder.
    """
    for name, content in {"plugin.py": text, **(FILES if files is None else files)}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return folder
