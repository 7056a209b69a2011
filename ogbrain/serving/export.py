"""Versioned SavedModels from runs."""

import dataclasses
import inspect
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.errors import RunError, UserError
from ogbrain.serving import classify, request_log
from ogbrain.serving.check_version import BATCH_SIZES, check_in_other_process
from ogbrain.serving.examples import example_inputs, input_specs
from ogbrain.serving.graph_ops import refuse_ops
from ogbrain.serving.precision import Weights
from ogbrain.serving.request_error import RequestError
from ogbrain.serving.saved_model import known_ops
from ogbrain.serving.server_configs import versions, write_configs
from ogbrain.training.checkpoints import writing
from ogbrain.training.experiment import Experiment

WARMUP_SIZES = (1, 3)
"""Sizes of the batches of the warm-up requests: one and several."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """A version that was written."""

    folder: Path
    """`EXPORT_DIR/MODEL/VERSION`."""
    signatures: Mapping[str, str]
    """What each signature takes and answers, in one line, by name."""
    checks: list[str]
    """What the check found."""


def export(
    name: str, experiment: Experiment, export_dir: Path, version: int = 0, precision: str = "float32"
) -> Exported:
    """Writes a trained model as `export_dir/MODEL/VERSION`, checked, whole or not at all.

    Beside the models it writes `models.config`, `batching.config` and `monitoring.config` for the server.

    Args:
        name: `plugin/experiment`; the model is called `plugin_experiment`.
        experiment: The experiment, weights restored.
        export_dir: Folder of all exported models.
        version: The version's number; 0 takes the one after the last.
        precision: How weights are kept: `float32`, `bfloat16` or `int8`.

    Raises:
        UserError: The version exists, or the experiment cannot be exported.
        RunError: The folder cannot be written, or the exported model does not answer as the Keras model does.

    Example:
        >>> run = SavedRun(Path("runs/mine"))
        >>> folder = export(run.name, run.experiment, Path("exports")).folder
        >>> tf.saved_model.load(folder).signatures["serving_default"](image_bytes=tf.constant([png]))
    """
    title = name.replace("/", "_")
    model_dir = export_dir / title
    existing = versions(model_dir)
    version = version or max(existing, default=0) + 1
    if version in existing:
        raise UserError(
            f"--version={version}: {model_dir} has it already; versions there: {', '.join(map(str, existing))}"
        )
    experiment = in_float32(experiment)
    weights = Weights(experiment.model, precision)
    signatures = experiment.signatures()
    if "serving_default" not in signatures:
        raise KeyError(f"{name}: signatures() lacks 'serving_default'; it has {', '.join(signatures)}")
    signatures = classify.with_classify(signatures)
    _refuse_python(signatures)
    logs = _answers(title, experiment, signatures, weights)
    folder, temporary = model_dir / str(version), model_dir / f".{version}.{os.getpid()}.tmp"
    with writing(model_dir):
        model_dir.mkdir(parents=True, exist_ok=True)
        try:
            described = _write(temporary, experiment, signatures, weights)
            request_log.write(temporary / request_log.ANSWERS, logs)
            request_log.write(temporary / request_log.WARMUP, map(_without_answer, filter(_is_small, logs)))
            (temporary / "assets.extra/signatures.json").write_text(json.dumps(described, indent=2) + "\n")
            checks = check_in_other_process(temporary)
            os.rename(temporary, folder)
            write_configs(export_dir)
        except RequestError as error:
            raise RunError(f"{name}: the exported model fails its check, no version was left: {error}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Exported(folder, described, checks)


def in_float32(experiment: Experiment) -> Experiment:
    """Returns the experiment as it is, or one with its weights that computes in float32."""
    if experiment.config.precision == "float32":
        return experiment
    other = type(experiment)(dataclasses.replace(experiment.config, precision="float32"))
    other.setup_inference()
    for variable, source in zip(other.model.variables, experiment.model.variables, strict=True):
        variable.assign(source.numpy())
    return other


def _refuse_python(signatures: Mapping[str, Any]) -> None:
    known = known_ops()
    for name, function in signatures.items():
        concrete = function.get_concrete_function()
        try:
            refuse_ops(concrete.graph.as_graph_def(), known)
        except RequestError as error:
            raise UserError(f"signature {name!r}: {error}") from error
        outputs = concrete.structured_outputs
        if not isinstance(outputs, dict) or not all(
            isinstance(value, (tf.Tensor, tf.TensorSpec)) for value in outputs.values()
        ):
            raise UserError(f"signature {name!r}: must answer a dict of tensors; it answers {outputs}")


def _answers(title: str, experiment: Experiment, signatures: Mapping[str, Any], weights: Weights) -> list[Any]:
    """Asks the Keras model itself: what the signatures' Python functions answer, run eagerly."""
    own = {name: function for name, function in signatures.items() if name != classify.NAME}
    inputs = example_inputs(experiment, own, max(BATCH_SIZES))
    if classify.NAME in signatures and classify.NAME not in inputs:
        inputs[classify.NAME] = {"inputs": np.array(classify.serialized(inputs["serving_default"]), object)}
    logs = []
    with weights.rounded():
        for name, function in signatures.items():
            for size in BATCH_SIZES:
                given = {key: _head(function, key, value, size) for key, value in inputs[name].items()}
                outputs = function.python_function(**{key: tf.constant(value) for key, value in given.items()})
                arrays = {key: np.asarray(tf.convert_to_tensor(value)) for key, value in outputs.items()}
                logs.append(request_log.predict_log(title, name, given, arrays))
    return logs


def _head(function: Any, key: str, value: np.ndarray, size: int) -> np.ndarray:
    shape = input_specs(function)[key].shape
    return value[:size] if shape.rank and shape[0] is None else value


def _is_small(log: Any) -> bool:
    sizes = [
        message.tensor_shape.dim[0].size
        for message in log.predict_log.request.inputs.values()
        if message.tensor_shape.dim
    ]
    return max(sizes, default=1) in WARMUP_SIZES


def _without_answer(log: Any) -> Any:
    bare = type(log)()
    bare.predict_log.request.CopyFrom(log.predict_log.request)
    return bare


def _write(folder: Path, experiment: Experiment, signatures: Mapping[str, Any], weights: Weights) -> dict[str, str]:
    root = tf.Module()
    root.held = [
        *(variable.value for variable in experiment.model.variables if id(variable) not in weights.replaced),
        *weights.variables,
        *_resources(experiment, signatures),
    ]
    endpoints, described = {}, {}
    for name, function in signatures.items():
        wrapped = weights.wrap(function.python_function)
        wrapped.__signature__ = inspect.signature(function.python_function)  # type: ignore[attr-defined]
        endpoint = tf.function(wrapped, input_signature=function.input_signature)
        endpoints[name] = endpoint
        described[name] = _describe(endpoint.get_concrete_function())
    root.endpoints = endpoints
    try:
        tf.saved_model.save(root, str(folder), signatures=endpoints)
    except AssertionError as error:
        raise UserError(
            f"{type(experiment).__name__}: a signature uses a variable or table that neither model nor experiment "
            f"holds ({str(error).splitlines()[0]}); keep it as an attribute"
        ) from error
    return described


def _resources(experiment: Experiment, signatures: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the tables and other resources that the model, the experiment and the functions themselves hold."""
    roots = [experiment.model, *vars(experiment).values()]
    for function in signatures.values():
        closure = inspect.getclosurevars(function.python_function)
        roots += [*closure.nonlocals.values(), *closure.globals.values()]
    seen: set[int] = set()
    for root in roots:
        if not isinstance(root, tf.__internal__.tracking.Trackable) or isinstance(
            root, tf.types.experimental.PolymorphicFunction
        ):
            continue
        for found in tf.train.TrackableView(root).descendants():
            if isinstance(found, tf.saved_model.experimental.TrackableResource) and id(found) not in seen:
                seen.add(id(found))
                yield found


def _describe(concrete: Any) -> str:
    positional, keywords = concrete.structured_input_signature
    inputs = ", ".join(_text(spec.name, spec) for spec in (*positional, *keywords.values()))
    outputs = ", ".join(_text(name, spec) for name, spec in concrete.structured_outputs.items())
    return f"{inputs} -> {outputs}"


def _text(name: str, spec: tf.TensorSpec) -> str:
    sizes = "?" if spec.shape.rank is None else ", ".join("?" if size is None else str(size) for size in spec.shape)
    return f"{name} {spec.dtype.name} ({sizes})"
