"""Learning curves as pictures, drawn from a run's `metrics.jsonl`."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

NOT_CURVES = ("step", "epoch", "split", "seconds", "steps_per_second")


def draw_learning_curves(records: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Draws each metric over the steps, a line a split.

    Args:
        records: Lines of `metrics.jsonl`: `step`, `split` and metrics.

    Returns:
        PNG files by metric.
    """
    names = dict.fromkeys(name for record in records for name in record if name not in NOT_CURVES)
    return {name: _draw(name, records) for name in names}


def _draw(name: str, records: Sequence[dict[str, Any]]) -> bytes:
    figure = Figure(figsize=(6, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for split in dict.fromkeys(record["split"] for record in records):
        points = [(record["step"], record[name]) for record in records if record["split"] == split and name in record]
        if points:
            axes.plot(*zip(*points, strict=True), label=split, marker="o" if split != "train" else None, markersize=3)
    axes.set(xlabel="step", ylabel=name.replace("_", " "))
    axes.grid(alpha=0.3)
    axes.legend()
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return output.getvalue()
