"""Pictures of the algorithmic tasks."""

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_curves(curves: Mapping[str, Mapping[int, float]], task: str, trained: int) -> np.ndarray:
    """Draws the error against the length, a line a cell.

    Args:
        curves: By cell and by length, the part of the sequences that is not solved.
        task: Name of the task.
        trained: The longest length of training.

    Returns:
        uint8 `(height, width, 3)`.
    """
    figure = Figure(figsize=(6, 4), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for cell, curve in curves.items():
        lengths = sorted(curve)
        axes.plot(lengths, [curve[length] for length in lengths], marker="o", label=cell)
    axes.axvline(trained, color="gray", linestyle=":", label="longest in training")
    axes.set(xlabel="length", ylabel="sequences not solved", xscale="log", ylim=(-0.02, 1.02), title=task)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _pixels(figure)


def draw_sequence(inputs: np.ndarray, outputs: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
    """Draws a sequence, time to the right: what was seen, what was answered and, if known, what was wanted.

    Args:
        inputs: `(time, channels)`.
        outputs: `(time, classes)`.
        targets: `(time, classes)`.

    Returns:
        uint8 `(height, width, 3)`.
    """
    parts = [("inputs", inputs), ("outputs", outputs)] + ([] if targets is None else [("wanted", targets)])
    figure = Figure(figsize=(8, 1.2 * len(parts) + 0.4), dpi=90, layout="constrained")
    for axes, (name, values) in zip(figure.subplots(len(parts), 1, sharex=True), parts, strict=True):
        axes.imshow(values.T, aspect="auto", interpolation="nearest", cmap="viridis")
        axes.set(ylabel=name, yticks=[])
    axes.set(xlabel="step")
    return _pixels(figure)


def _pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
