"""Starts the run that a `RunRequest` describes."""

from pathlib import Path
from typing import Any

from ogbrain import registry
from ogbrain.errors import RunError, UserError
from ogbrain.run_request import RunRequest
from ogbrain.training.checkpoints import writing
from ogbrain.training.interruption import Interrupted
from ogbrain.training.run_directory import new_run_folder
from ogbrain.training.run_loop import RunLoop, resume_command
from ogbrain.training.strategies import build_strategy, is_chief


def train(request: RunRequest, distribute: str, root: Path) -> tuple[Path, dict[str, Any]]:
    """Runs an experiment to its end.

    Args:
        request: What to run, and where.
        distribute: The value of `--distribute`.
        root: Folder of all runs, for a run without a folder of its own.

    Returns:
        The run's folder and its results.

    Raises:
        Interrupted: A signal came; the run is saved and the message says how to resume.
    """
    strategy = build_strategy(distribute)
    experiment = registry.experiments.get(request.experiment)(request.config)
    folder = request.run_dir or new_run_folder(request.experiment, root)
    chief = is_chief(strategy)
    if chief and not request.resume:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            request.save(folder)
    if chief:
        print(f"{request.experiment} in {folder}", flush=True)
    elif request.run_dir is None:
        raise UserError("--run_dir=DIR is needed with --distribute=multiworker, one that all workers see")
    try:
        return folder, RunLoop(request.experiment, experiment, folder, strategy, chief).run()
    except Interrupted as interrupted:
        raise Interrupted(f"{interrupted}; resume: {resume_command(folder)}") from None
    except RunError:  # such as a full disk, or another process that trains there
        raise
    except UserError:
        # Bad data, and nothing learned yet: the folder is free for another try.
        if chief and not request.resume and not any(folder.rglob("metrics.jsonl")):
            (folder / "config.json").unlink(missing_ok=True)
        raise


def summary(results: dict[str, Any]) -> str:
    """Returns the figures of a run as a table, baselines below it."""
    rows = {results["experiment"]: results, **{f"baseline {name}": row for name, row in results["baselines"].items()}}
    names = list(dict.fromkeys(name for row in rows.values() for name in row["test"]))
    table = [["on the test split", *names, "parameters", "seconds"]]
    for label, row in rows.items():
        figures = [f"{row['test'][name]:.4f}" if name in row["test"] else "" for name in names]
        table.append([label, *figures, f"{row['parameters']:,}", f"{row['seconds']:.0f}"])
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "",
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table),
    ]
    lines += [f"{name}: {text}" for name, text in results["notes"].items()]
    return "\n".join([*lines, ""])
