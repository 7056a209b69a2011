"""A run of a study, in a folder of its own."""

import json
from pathlib import Path
from typing import Any

from ogbrain import Experiment
from ogbrain import config as config_lib
from ogbrain.errors import UserError
from ogbrain.training.run_loop import RunLoop


def study_run(name: str, experiment: Experiment, folder: Path) -> tuple[dict[str, Any], list[float]]:
    """Runs what is not done yet of an experiment: one that has ended is not run again, one interrupted goes on.

    Args:
        name: Registered name of the experiment, `PLUGIN/EXPERIMENT`.
        experiment: The experiment.
        folder: The run's folder, which `evaluate` and `export` take, too.

    Returns:
        The results, and the return of each validation.

    Raises:
        UserError: The folder holds a run with another config.
    """
    config, file = experiment.config, folder / "config.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        config_lib.save(config, file, experiment=name)
    elif config_lib.from_dict(type(config), config_lib.load(file)["config"]) != config:
        raise UserError(f"{folder}: holds a run with another config; another folder for the study, or the same flags")
    results = RunLoop(name, experiment, folder).run()
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return results, [record["return"] for record in records if record["split"] == "validation"]
