"""Learning runs of agents over seeds: `bazel run //benchmarks:agents_study -- --task=cartpole --seeds=5`.

Each run goes through the run loop into a folder of its own below `--runs`, which `evaluate` and `export` take, too.
One that has ended is not run again, so a study that was interrupted goes on where it stopped. The table shows the mean
return of the test split's episodes, with weights chosen by the validation split, and the validation at each epoch.
"""

import dataclasses
import io
import statistics
from pathlib import Path

import numpy as np
from absl import flags
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.study_run import study_run
from ogbrain import command
from ogbrain.errors import unknown_name
from ogbrain.paths import user_path
from plugins.episodic_memory.experiments.dqn import DQN
from plugins.episodic_memory.experiments.dqn_config import AtariConfig, CartPoleConfig, DQNConfig

flags.DEFINE_string("task", "cartpole", "cartpole, pong, minatar for its five games, or one: asterix...")
flags.DEFINE_integer("seeds", 5, "Runs, with seeds from 0 on.", lower_bound=1)
flags.DEFINE_integer("frames", 1_000_000, "Environment steps of Pong or a game of MinAtar, evaluated every 50,000.", 1)
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
    raise unknown_name("value of --task", task, ["cartpole", "pong", "minatar", *GAMES])


def run(task: str, config: DQNConfig, seed: int, folder: Path) -> tuple[float, list[float]]:
    """Runs what has not been run yet, prints a line, and returns the return in the test and those in validation."""
    experiment = DQN(dataclasses.replace(config, seed=seed))
    results, returns = study_run(f"episodic_memory/{EXPERIMENTS.get(task, 'dqn')}", experiment, folder)
    test, curve = results["test"], [round(value, 1) for value in returns]
    print(f"seed {seed}: test {test['return']:.1f} ({test['return_low']:.1f} to {test['return_high']:.1f}), random "
          f"{results['notes']['random play']}, {results['seconds']:.0f} s; each {config.steps_per_epoch:,} steps: "
          f"{curve}", flush=True)  # fmt: skip
    return test["return"], curve


def draw(curves: dict[str, list[list[float]]], steps: int) -> bytes:
    """Returns a PNG of the validation returns over environment steps, a panel a task and a line a seed.

    Args:
        curves: By task and by seed, a return each `steps` environment steps.
        steps: Environment steps between two returns.
    """
    figure = Figure(figsize=(3 + 3 * len(curves), 3.5), dpi=100, layout="constrained")
    panels = figure.subplots(1, len(curves), squeeze=False)[0]
    for panel, (task, seeds) in zip(panels, curves.items(), strict=True):
        for seed, curve in enumerate(seeds):
            panel.plot((np.arange(len(curve)) + 1) * steps, curve, marker="o", markersize=3, label=str(seed))
        panel.set(xlabel="environment steps", title=task)
        panel.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean return of the validation's episodes")
    figure.axes[0].legend(title="seed")
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return output.getvalue()


def main(arguments: list[str]) -> None:
    """Runs what has not been run yet and prints the table."""
    command.no_arguments(arguments)
    values, curves = flags.FLAGS, {}
    runs = user_path(values.runs)
    for task in GAMES if values.task == "minatar" else (values.task,):
        config = task_config(task, values.frames, values.sticky_actions)
        rows = [run(task, config, seed, runs / task / str(seed)) for seed in range(values.seeds)]
        tests, curves[task] = [row[0] for row in rows], [row[1] for row in rows]
        spread = f", standard deviation {statistics.stdev(tests):.1f}" if len(tests) > 1 else ""
        print(f"{task}: mean {statistics.mean(tests):.1f} over {len(tests)} seeds{spread}, lowest {min(tests):.1f}")
    file = runs / f"{values.task}.png"
    file.write_bytes(draw(curves, config.steps_per_epoch))
    print(f"curves: {file}")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //benchmarks:agents_study -- --task=cartpole --seeds=5",
        summary="Trains agents over several seeds and draws their curves.",
        shown=("task=NAME", "seeds=COUNT", "frames=COUNT", "sticky_actions=SHARE", "runs=DIR"),
    )
