"""What weights in fewer bits cost in quality."""

from typing import Any

import keras
import numpy as np

from ogbrain.serving.precision import Weights
from ogbrain.training.experiment import Experiment


def quality_lines(experiment: Experiment, precision: str, split: str = "test") -> list[str]:
    """Measures an experiment before and after its weights lose bits.

    Args:
        experiment: The experiment, weights restored; its weights are as before afterwards.
        precision: `float32`, for which there is nothing to measure, `bfloat16` or `int8`.
        split: The split to measure on.

    Returns:
        A line for each metric: before, after, difference. They end with the size of the weights.
    """
    weights = Weights(experiment.model, precision)
    if precision == "float32":
        return []
    steps = getattr(experiment.config, "evaluation_steps", 0)
    before = experiment.evaluate(split, steps)
    with weights.rounded():
        after = experiment.evaluate(split, steps)
    lines = [
        f"{split} {name}: {value:.4f} as float32, {after[name]:.4f} as {precision} ({after[name] - value:+.4f})"
        for name, value in before.items()
    ]
    total = sum(4 * variable.size for variable in map(_array, experiment.model.weights))
    kept = sum(array.nbytes for array in map(_array, weights.variables))
    untouched = sum(4 * _array(v).size for v in experiment.model.weights if id(v) not in weights.replaced)
    return [*lines, f"weights: {total:,} bytes as float32, {kept + untouched:,} as {precision}"]


def _array(variable: Any) -> np.ndarray:
    return np.asarray(variable.value if isinstance(variable, keras.Variable) else variable)
