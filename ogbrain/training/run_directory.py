"""The folder of a run and its records."""

import datetime
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any

from ogbrain.errors import RunError
from ogbrain.training.checkpoints import writing


def new_run_folder(experiment: str, root: Path) -> Path:
    """Returns a fresh `root/<experiment>/<time>-<id>`, not yet made.

    Args:
        experiment: `plugin/name`.
        root: Folder of all runs.
    """
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return root / experiment / f"{time}-{secrets.token_hex(2)}"


class RunDirectory:
    """Files of one run: config, checkpoints, metrics, plots, TensorBoard, model card.

    Args:
        folder: The run's folder, made if need be.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.config_file = folder / "config.json"
        self.checkpoints = folder / "checkpoints"
        self.metrics_file = folder / "metrics.jsonl"
        self.results_file = folder / "results.json"
        self.plots = folder / "plots"
        self.tensorboard = folder / "tensorboard"
        self.model_card = folder / "MODEL_CARD.md"
        self._metrics: IO[str] | None = None
        with writing(folder):
            self.plots.mkdir(parents=True, exist_ok=True)
            self._lock = open(folder / ".lock", "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"run folder {folder}: another process is training in it; wait for it, or another --run_dir"
            ) from None

    def record(self, **values: Any) -> None:
        """Appends one line to `metrics.jsonl`."""
        with writing(self.folder):
            if self._metrics is None:
                self._metrics = open(self.metrics_file, "a")
            self._metrics.write(json.dumps(values) + "\n")
            self._metrics.flush()

    def records(self) -> list[dict[str, Any]]:
        """Returns the lines of `metrics.jsonl`; a last line cut short by a kill is left out."""
        if not self.metrics_file.exists():
            return []
        lines = []
        for line in self.metrics_file.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                break
        return lines

    def forget_after(self, step: int, epochs: int) -> None:
        """Drops records later than `step`, and evaluations after so many epochs: the resumed run writes them again."""
        kept = [
            record
            for record in self.records()
            if record["step"] <= step and (record["split"] == "train" or record["epoch"] <= epochs)
        ]
        self.write(self.metrics_file, "".join(json.dumps(record) + "\n" for record in kept))

    def write(self, file: Path, content: str | bytes) -> None:
        """Writes a file of the run, whole or not at all."""
        with writing(self.folder):
            temporary = file.with_name(file.name + ".tmp")
            temporary.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)
            os.replace(temporary, file)

    def close(self) -> None:
        """Closes the records and lets other processes use the folder."""
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None
        self._lock.close()
