"""MODEL_CARD.md: what a run made, from what, how well it does and how to make it again."""

import inspect
import json
from typing import Any

from ogbrain import config as config_lib
from ogbrain.training.experiment import Experiment


def write_model_card(name: str, experiment: Experiment, results: dict[str, Any]) -> str:
    """Returns the model card as Markdown.

    Args:
        name: `plugin/experiment`.
        experiment: The experiment after training.
        results: What `results.json` holds.
    """
    documentation = inspect.cleandoc(type(experiment).__doc__ or "").split("\n\n")
    lines = [f"# {name}", "", documentation[0].replace("\n", " "), "", "## Figures", ""]
    rows = {"this model": results, **results.get("baselines", {})}
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row.get("test", {})))
    lines += ["| model | parameters | " + " | ".join(f"test {metric}" for metric in metrics) + " | training, s |"]
    lines += ["| --- " * (len(metrics) + 3) + "|"]
    for label, row in rows.items():
        figures = " | ".join(f"{row['test'][metric]:.4g}" if metric in row["test"] else "" for metric in metrics)
        lines.append(f"| {label} | {row['parameters']:,} | {figures} | {row['seconds']:.0f} |")
    lines += [
        "",
        f"The weights are those of step {results['best_step']:,}, the best on the validation split; "
        "the test split was read once, at the end.",
        "",
    ]
    lines += [f"- {key}: {value}" for key, value in experiment.notes().items()]
    lines += ["", "## Data", ""]
    lines += [f"- {key}: {' '.join(value.split())}" for key, value in experiment.description().items()]
    lines += [
        "",
        "## Limits",
        "",
        "Measured on this data alone; other data, and above all other kinds of it, can be much "
        "worse. Evaluate on examples of your own before use.",
        "",
    ]
    lines += ["## To make it again", "", "```", "bazel run //ogbrain:train -- --config_file=RUN/config.json", "```", ""]
    lines += ["## Config", "", "```json", json.dumps(config_lib.to_dict(experiment.config), indent=2), "```", ""]
    return "\n".join(lines)
