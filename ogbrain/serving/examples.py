"""Real examples for the signatures of an experiment."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ogbrain.errors import UserError
from ogbrain.training.experiment import Experiment


def example_inputs(
    experiment: Experiment, signatures: Mapping[str, Any], count: int
) -> dict[str, dict[str, np.ndarray]]:
    """Returns inputs for every signature.

    They come from `Experiment.example_inputs`; what that leaves out is found in the validation split by name:
    an input `image` is the batch's `image`, and `image_bytes` the same as PNG.

    Args:
        experiment: The experiment, ready to predict.
        signatures: Its signatures, `tf.function`s with an input signature.
        count: How many examples; fewer are repeated.

    Returns:
        By signature and by input, arrays whose first size is `count`, where the signature leaves it free.

    Raises:
        UserError: There are no examples for an input.

    Example:
        >>> example_inputs(experiment, experiment.signatures(), 64)["serving_default"]["image_bytes"].shape
        (64,)
    """
    given = experiment.example_inputs()
    batch: dict[str, np.ndarray] | None = None
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, function in signatures.items():
        found[name] = {}
        for key, spec in input_specs(function).items():
            value = given.get(name, {}).get(key)
            if value is None:
                batch = _batch(experiment, count) if batch is None else batch
                value = _from_batch(batch, key, spec)
            if value is None:
                raise UserError(
                    f"signature {name!r}: no examples of {key!r}, which the warm-up needs; "
                    f"{type(experiment).__name__}.example_inputs() gives them"
                )
            found[name][key] = _fitted(value, spec, count, f"example_inputs()[{name!r}][{key!r}]")
    return found


def input_specs(function: Any) -> dict[str, tf.TensorSpec]:
    """Returns what a signature takes, by name."""
    positional, keywords = function.get_concrete_function().structured_input_signature
    return {spec.name: spec for spec in (*positional, *keywords.values())}


def _batch(experiment: Experiment, count: int) -> dict[str, np.ndarray]:
    pipeline = getattr(experiment, "pipeline", None)
    if pipeline is None:
        return {}
    batches = pipeline.batches("validation", batch_size=count, seed=experiment.config.seed)
    return {
        key: value.numpy()
        for key, value in next(iter(batches)).items()
        if isinstance(value, tf.Tensor) and value.shape.rank
    }


def _from_batch(batch: Mapping[str, np.ndarray], key: str, spec: tf.TensorSpec) -> np.ndarray | None:
    value = batch.get(key)
    if value is not None and spec.dtype == (tf.string if value.dtype == object else tf.as_dtype(value.dtype)):
        return value if spec.shape.is_compatible_with((None, *value.shape[1:])) else None
    pictures = batch.get(key.removesuffix("_bytes"))
    if key.endswith("_bytes") and spec.dtype == tf.string and pictures is not None and pictures.ndim == 4:
        if pictures.dtype != np.uint8:
            pictures = np.clip(np.rint(pictures * 255.0), 0, 255).astype(np.uint8)
        return np.array([tf.io.encode_png(picture).numpy() for picture in pictures], object)
    return None


def _fitted(value: Any, spec: tf.TensorSpec, count: int, where: str) -> np.ndarray:
    if spec.dtype == tf.string:
        array = np.array(value, object)
        array = np.array([item.encode() if isinstance(item, str) else item for item in array.ravel()], object).reshape(
            array.shape
        )
    else:
        array = np.asarray(value, spec.dtype.as_numpy_dtype)
    if spec.shape.rank and spec.shape[0] is None:
        if not len(array):
            raise UserError(f"{where}: is empty; at least one example")
        array = np.resize(array, (count, *array.shape[1:])) if len(array) < count else array[:count]
    if not spec.shape.is_compatible_with(array.shape):
        raise UserError(f"{where}: shape {array.shape} is not allowed; {tuple(spec.shape)}")
    return array
