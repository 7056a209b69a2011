"""Returns of agents at equal frames as a picture."""

import io
import statistics
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def draw_returns(rows: Sequence[dict[str, Any]], frames: int) -> bytes:
    """Returns a PNG with a panel for each game, of both lengths: a dot for each seed, a line at the mean of an agent.

    Args:
        rows: Runs, each with `game`, `agent` and the mean returns `half` and `all`.
        frames: Frames of a run.

    Example:
        >>> png = draw_returns([{"game": "Breakout", "agent": "nec", "half": 7.0, "all": 9.5}], 100_000)
    """
    games, agents = (list(dict.fromkeys(row[name] for row in rows)) for name in ("game", "agent"))
    figure = Figure(figsize=(1 + 2.5 * len(games), 5), dpi=100, layout="constrained")
    panels = figure.subplots(2, len(games), squeeze=False)
    for line, (at, count) in zip(panels, (("half", frames // 2), ("all", frames)), strict=True):
        for panel, game in zip(line, games, strict=True):
            for place, agent in enumerate(agents):
                found = [row[at] for row in rows if (row["game"], row["agent"]) == (game, agent)]
                panel.plot([place] * len(found), found, "o", color=f"C{place}", markersize=5, alpha=0.7)
                if found:
                    panel.hlines(statistics.mean(found), place - 0.3, place + 0.3, color=f"C{place}")
            panel.set_xticks(range(len(agents)), agents, rotation=30, ha="right")
            panel.set(title=f"{game}, {count:,}", xlim=(-0.5, len(agents) - 0.5))
            panel.grid(alpha=0.3, axis="y")
    for panel in panels[:, 0]:
        panel.set_ylabel("mean return in validation")
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return output.getvalue()
