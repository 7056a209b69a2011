"""Learning runs of agents over seeds: `bazel run //benchmarks:agents_study -- --task=cartpole --seeds=5`.

Each run goes through the run loop into a folder of its own below `--runs`, which `evaluate` and `export` take, too.
One that has ended is not run again, so a study that was interrupted goes on where it stopped. The table shows the mean
return of the test split's episodes, with weights chosen by the validation split, and the validation at each epoch.
"""

import dataclasses
import io
import json
import statistics

import numpy as np
from absl import app, flags
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ogbrain import config as config_lib
from ogbrain.errors import unknown_name
from ogbrain.paths import user_path
from ogbrain.training.run_loop import RunLoop
from plugins.episodic_memory.experiments.dqn import DQN
from plugins.episodic_memory.experiments.dqn_config import AtariConfig, CartPoleConfig, DQNConfig

flags.DEFINE_string("task", "cartpole", "cartpole, pong, or a game of MinAtar: asterix, breakout, freeway...")
flags.DEFINE_integer("seeds", 5, "Runs, with seeds from 0 on.")
flags.DEFINE_integer("frames", 1_000_000, "Environment steps of Pong or a game of MinAtar, evaluated every 50,000.")
flags.DEFINE_float("sticky_actions", 0.25, "Of Pong: probability that the last action is repeated.")
flags.DEFINE_string("runs", "runs/agents_study", "Folder of the runs.")

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")
EXPERIMENTS = {"cartpole": "cartpole", "pong": "atari"}
"""Those of the tasks that the default experiment is not for."""


def task_config(task: str, frames: int, sticky_actions: float) -> DQNConfig:
    """Returns the config of a task by name."""
    epochs = max(1, frames // 50_000)
    if task in GAMES:
        return DQNConfig(env=f"MinAtar/{task.title().replace('_', '')}-v1", epochs=epochs, steps_per_epoch=50_000)
    if task == "cartpole":
        return CartPoleConfig()
    if task == "pong":
        return AtariConfig(epochs=epochs, steps_per_epoch=50_000, sticky_actions=sticky_actions)
    raise unknown_name("value of --task", task, ["cartpole", "pong", *GAMES])


def draw(config: DQNConfig, curves: list[list[float]]) -> bytes:
    """Returns a PNG of the validation return over environment steps, a line a seed."""
    figure = Figure(figsize=(6, 3.5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for seed, curve in enumerate(curves):
        steps = (np.arange(len(curve)) + 1) * config.steps_per_epoch
        axes.plot(steps, curve, marker="o", markersize=3, label=str(seed))
    axes.set(xlabel="environment steps", ylabel="mean return of the validation's episodes", title=config.env)
    axes.grid(alpha=0.3)
    axes.legend(title="seed")
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return output.getvalue()


def main(_: list[str]) -> None:
    """Runs what has not been run yet and prints the table."""
    values = flags.FLAGS
    config = task_config(values.task, values.frames, values.sticky_actions)
    experiment = f"episodic_memory/{EXPERIMENTS.get(values.task, 'dqn')}"
    rows, curves = [], []
    for seed in range(values.seeds):
        folder, seeded = user_path(values.runs) / values.task / str(seed), dataclasses.replace(config, seed=seed)
        folder.mkdir(parents=True, exist_ok=True)
        config_lib.save(seeded, folder / "config.json", experiment=experiment)
        results = RunLoop(f"{values.task} {seed}", DQN(seeded), folder).run()
        records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
        curve = [round(record["return"], 1) for record in records if record["split"] == "validation"]
        rows.append(results["test"]["return"])
        curves.append(curve)
        low, high = results["test"]["return_low"], results["test"]["return_high"]
        print(f"seed {seed}: test {rows[-1]:.1f} ({low:.1f} to {high:.1f}), {results['seconds']:.0f} s; each "
              f"{config.steps_per_epoch:,} steps: {curve}", flush=True)  # fmt: skip
    file = user_path(values.runs) / f"{values.task}.png"
    file.write_bytes(draw(config, curves))
    spread = f", standard deviation {statistics.stdev(rows):.1f}" if len(rows) > 1 else ""
    print(f"{values.task}: mean {statistics.mean(rows):.1f} over {len(rows)} seeds{spread}, lowest {min(rows):.1f}")
    print(f"curves: {file}")


if __name__ == "__main__":
    app.run(main)
