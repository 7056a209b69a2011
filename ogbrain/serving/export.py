"""Versioned SavedModels from runs."""

import dataclasses
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ogbrain.errors import UserError
from ogbrain.training.checkpoints import writing
from ogbrain.training.experiment import Experiment

PYTHON_OPS = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless"})
"""Ops that call back into this process: they export without a word and fail in every server."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """A version that was written."""

    folder: Path
    """`EXPORT_DIR/MODEL/VERSION`."""
    signatures: Mapping[str, str]
    """What each signature takes and answers, in one line, by name."""


def export(name: str, experiment: Experiment, export_dir: Path, version: int = 0) -> Exported:
    """Writes a trained model as `export_dir/MODEL/VERSION`, whole or not at all.

    Args:
        name: `plugin/experiment`; the model is called `plugin_experiment`.
        experiment: The experiment, weights restored.
        export_dir: Folder of all exported models.
        version: The version's number; 0 takes the one after the last.

    Raises:
        UserError: The version exists, or the experiment cannot be exported.
        RunError: The folder cannot be written.

    Example:
        >>> run = SavedRun(Path("runs/mine"))
        >>> folder = export(run.name, run.experiment, Path("exports")).folder
        >>> tf.saved_model.load(folder).signatures["serving_default"](image_bytes=tf.constant([png]))
    """
    model_dir = export_dir / name.replace("/", "_")
    existing = versions(model_dir)
    version = version or max(existing, default=0) + 1
    if version in existing:
        raise UserError(f"--version={version}: {model_dir} has it already; versions there: {', '.join(map(str, existing))}")
    signatures = experiment.signatures()
    if "serving_default" not in signatures:
        raise KeyError(f"{name}: signatures() lacks 'serving_default'; it has {', '.join(signatures)}")
    archive = keras.export.ExportArchive()
    archive.track(experiment.model)
    described = {}
    for endpoint, function in signatures.items():
        concrete = function.get_concrete_function()
        refuse_python_ops(endpoint, concrete.graph)
        described[endpoint] = _describe(concrete)
        archive.add_endpoint(endpoint, function)
    folder, temporary = model_dir / str(version), model_dir / f".{version}.{os.getpid()}.tmp"
    with writing(model_dir):
        model_dir.mkdir(parents=True, exist_ok=True)
        try:
            archive.write_out(str(temporary), verbose=False)
            os.rename(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Exported(folder, described)


def versions(model_dir: Path) -> list[int]:
    """Returns the numbers of the versions under a model's folder, in order."""
    if not model_dir.is_dir():
        return []
    return sorted(int(entry.name) for entry in model_dir.iterdir() if entry.name.isdecimal())


def refuse_python_ops(name: str, graph: tf.Graph) -> None:
    """Raises UserError if a graph, or a function it calls, holds an op that only this process can run."""
    definition = graph.as_graph_def()
    nodes: list[Any] = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    for node in nodes:
        if node.op in PYTHON_OPS:
            raise UserError(f"signature {name!r}: holds {node.op} ({node.name}), which no server can run; TensorFlow ops only")


def _describe(concrete: Any) -> str:
    _, arguments = concrete.structured_input_signature
    inputs = _specifications(arguments or {})
    return f"{inputs} -> {_specifications(concrete.structured_outputs)}"


def _specifications(structure: Any) -> str:
    items: Iterable[tuple[str, Any]] = structure.items() if isinstance(structure, Mapping) else [("output", structure)]
    return ", ".join(
        f"{name} {spec.dtype.name} ({', '.join('?' if size is None else str(size) for size in spec.shape)})"
        for name, spec in items
    )
