"""The tables of this plugin over several seeds: `bazel run //benchmarks:transfer_study -- --study=images`.

Each run has a folder of its own below `--out`; one that has ended is not run again, one that was interrupted goes on.
"""

import dataclasses
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import app, flags

from ogbrain import config as config_lib
from ogbrain.config import DataConfig, ExperimentConfig
from ogbrain.errors import UserError
from ogbrain.paths import user_path
from plugins.transfer.experiments.images_config import ImagesConfig
from plugins.transfer.experiments.sentiment_config import SentimentConfig

STUDIES = ("images", "fashion", "sentiment", "folds", "tweets", "products")
_STUDY = flags.DEFINE_enum("study", "images", STUDIES, "Which table.")
_SEEDS = flags.DEFINE_integer(
    "seeds", 3, "Seeds of each figure; folds has one for each of its ten folds.", lower_bound=1
)
_OUT = flags.DEFINE_string("out", "studies", "Folder of the runs and of the table.")
_SET = flags.DEFINE_multi_string("set", [], "FIELD=VALUE, a field of every run's config.")

Row = tuple[str, int]


def plan(study: str) -> dict[int, ExperimentConfig]:
    """Returns the runs of a study by the number of training examples of a class, 0 for all of them.

    The baselines of a run are the other rows of its table.
    """
    if study == "images":
        return {0: ImagesConfig()}
    if study == "fashion":
        # Small pictures and a part of the test split, so that full fine-tuning takes minutes on two cores.
        base = ImagesConfig(
            data=DataConfig(name="fashion_mnist"),
            image_size=64,
            splits=("train[:90%]", "train[-120:]", "test[:1000]"),
        )
        return {count: _few(base, count) for count in (5, 10, 50)}
    if study in ("sentiment", "folds"):
        return {0: SentimentConfig()}
    rate = dataclasses.replace(SentimentConfig().optimizer, warmup_steps=20)
    texts = SentimentConfig(data=DataConfig(name=f"rated_sentences/{study}"), batch_size=16, optimizer=rate)
    # Few examples make short epochs, so steps are counted: 300 of them.
    return {
        count: dataclasses.replace(texts, per_class=count, steps_per_epoch=20, epochs=15) for count in (10, 50, 200)
    }


def fold(number: int) -> tuple[str, str, str]:
    """Returns training, validation and test splits of one of ten folds of the training split, as Kim 2014 has them.

    Example:
        >>> fold(9)
        ('train[:90%]', 'validation', 'train[90%:100%]')
    """
    start, end = 10 * number, 10 * number + 10
    others = [f"train[:{start}%]"] * (start > 0) + [f"train[{end}%:]"] * (end < 100)
    return "+".join(others), "validation", f"train[{start}%:{end}%]"


def _few(base: ImagesConfig, count: int) -> ImagesConfig:
    # 200 steps of probing, 80 of tuning, also of the baselines.
    return dataclasses.replace(
        base,
        per_class=count,
        batch_size=min(32, count * 5),
        steps_per_epoch=10,
        probe_epochs=20,
        epochs=28,
        baseline_epochs=8,
    )


def run(study: str, seeds: int, out: Path, overrides: Sequence[str]) -> dict[Row, list[dict[str, Any]]]:
    """Runs what is not done yet and returns results by row and number of examples, one for each seed."""
    from ogbrain.training import RunLoop
    from plugins.transfer.experiments.images import Images
    from plugins.transfer.experiments.sentiment import Sentiment

    rows: dict[Row, list[dict[str, Any]]] = {}
    for count, base in plan(study).items():
        for seed in range(10 if study == "folds" else seeds):
            fields = [f"seed={seed}", *([f"splits={fold(seed)}"] if study == "folds" else []), *overrides]
            config = config_lib.resolve(base, [f"--config.{field}" for field in fields])
            images = isinstance(config, ImagesConfig)
            folder = out / study / f"{count or 'all'}-seed{seed}"
            results = RunLoop(f"transfer/{study}", (Images if images else Sentiment)(config), folder).run()
            name = getattr(config, "schedule" if images else "vectors")
            for row, figures in {name: results, **results["baselines"]}.items():
                rows.setdefault((row, count), []).append(figures)
    return rows


def table(rows: Mapping[Row, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Returns mean and standard deviation of the test accuracy, and mean seconds, of each row."""
    made = []
    for (name, count), results in rows.items():
        accuracies = [100 * result["test"]["accuracy"] for result in results]
        made.append(
            {
                "method": name,
                "examples of a class": count or "all",
                "accuracy": statistics.mean(accuracies),
                "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
                "accuracies": accuracies,
                "seconds": statistics.mean(result["seconds"] for result in results),
            }
        )
    return made


def draw(rows: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Draws accuracy over the number of examples of a class, a line a method, as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == name]
        axes.errorbar(
            [row["examples of a class"] for row in mine],
            [row["accuracy"] for row in mine],
            [row["deviation"] for row in mine],
            marker="o",
            label=name,
        )
    axes.set(xlabel="training examples of a class", ylabel="test accuracy, %", title=title, xscale="log")
    counts = sorted({row["examples of a class"] for row in rows})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend()
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return output.getvalue()


def main(arguments: list[str]) -> None:
    """Runs a study, prints its table and writes it."""
    if len(arguments) > 1:
        raise app.UsageError(f"unknown argument {arguments[1]!r}")
    out = user_path(_OUT.value)
    try:
        made = table(run(_STUDY.value, _SEEDS.value, out, _SET.value))
    except UserError as error:
        raise app.UsageError(str(error)) from None
    print(f"{'method':18} {'of a class':>10} {'accuracy':>16} {'seconds':>8}")
    for row in made:
        accuracy = f"{row['accuracy']:.1f} +- {row['deviation']:.1f}"
        print(f"{row['method']:18} {row['examples of a class']!s:>10} {accuracy:>16} {row['seconds']:8.0f}")
    file = out / f"{_STUDY.value}.json"
    file.write_text(json.dumps(made, indent=1) + "\n")
    print(f"written: {file}")
    if len({row["examples of a class"] for row in made}) > 1:
        picture = out / f"{_STUDY.value}.png"
        picture.write_bytes(draw(made, _STUDY.value))
        print(f"written: {picture}")


if __name__ == "__main__":
    app.run(main)
