"""MFEC and NEC beside DQN and prioritised replay at equal frames: `bazel run //benchmarks:episodic_study`.

`dqn` and `prioritized` are double, with three steps. `plain_dqn` (Mnih et al., 2015) and `plain_prioritized` (Schaul et
al., 2016: double, too) are what the paper on NEC compares it with: single steps, and all else as in `dqn`.
`shifted_dqn` and `shifted_prioritized` are these two with pictures that are moved by chance, by a pixel at most, before
they are learned from; so is `shifted_nec`, which is NEC with priorities. `published` is DQN as Young and Tian
(2019, arXiv:1903.03176) ran it on MinAtar, with Adam: single steps, one network, an update a frame. `simple_nec` is NEC
without target network, and with three steps in a return in place of two. On Pong NEC, `dqn` and `prioritized` have a
dueling head.

Each run has a folder of its own below `--out`; one that has ended is not run again, one that was interrupted goes on.
"""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from benchmarks.episodic_picture import draw_returns
from ogbrain import command
from ogbrain.config import ExperimentConfig, OptimizerConfig
from ogbrain.errors import unknown_name
from ogbrain.paths import user_path
from plugins.episodic_memory.experiments.agent_config import AgentConfig
from plugins.episodic_memory.experiments.dqn_config import AtariConfig, DQNConfig
from plugins.episodic_memory.experiments.episodic_config import MFECConfig, NECConfig

GAMES = ("Asterix", "Breakout", "Freeway", "Seaquest", "SpaceInvaders")
AGENTS = (
    "mfec", "nec", "shifted_nec", "simple_nec", "plain_dqn", "plain_prioritized", "shifted_dqn", "shifted_prioritized",
    "dqn", "prioritized", "published",
)  # fmt: skip
PONG = {"env": "ALE/Pong-v5", "sticky_actions": 0.0, "evaluation_episodes": 10, "xla": False}
LEARN_PONG = {
    "units": (512,), "optimizer": OptimizerConfig(learning_rate=1e-4, clip_norm=10.0), "final_epsilon": 0.01,
    "evaluation_epsilon": 0.001,
}  # fmt: skip
NEC_PONG = {"prioritized": True, "n_step": 3, "head_share": 0.9, "dueling": True, "delta": 1.0}
_GAMES = flags.DEFINE_list("games", list(GAMES), "Which of MinAtar's games, or Pong.")
_AGENTS = flags.DEFINE_list("agents", list(AGENTS), "Which agents.")
_SEEDS = flags.DEFINE_integer("seeds", 3, "Seeds of each figure.", lower_bound=1)
_OUT = flags.DEFINE_string("out", "studies/episodic", "Folder of the runs and of the table.")
_FRAMES = flags.DEFINE_integer("frames", 100_000, "Frames of a run, evaluated half-way too.", lower_bound=2)


def make_config(agent: str, game: str, seed: int, frames: int) -> AgentConfig:
    """Returns the config of one run."""
    common: dict[str, Any] = {
        "env": f"MinAtar/{game}-v1", "seed": seed, "epochs": 2, "steps_per_epoch": frames // 2,
        "evaluation_episodes": 20, "environments": 8, "checkpoint_seconds": 3600.0,
    }  # fmt: skip
    pong = game == "Pong"
    if pong:
        common |= PONG
    if agent == "mfec":
        return MFECConfig(**common)
    learned: dict[str, Any] = {"exploration_steps": frames // 5, "final_epsilon": 0.05, "steps_per_update": 4}
    if pong:
        learned |= {**LEARN_PONG, "exploration_steps": frames // 10}
    if agent in ("nec", "shifted_nec", "simple_nec"):
        common |= learned
        if pong:
            common |= NEC_PONG
        if agent == "shifted_nec":
            common |= {"prioritized": True, "shift": 1}
        if agent == "simple_nec":
            common |= {"target_every": 0, "n_step": 3}
        return NECConfig(**common)
    if agent == "published":
        common |= {"double": False, "n_step": 1, "steps_per_update": 1, "final_epsilon": 0.1}
        return DQNConfig(**common, optimizer=OptimizerConfig(learning_rate=2.5e-4))
    # The defaults are for millions of frames: exploration and first update come as early as in the others here.
    common |= {"learning_starts": 1_000, **learned}
    single, shifted = agent.startswith(("plain_", "shifted_")), agent.startswith("shifted_")
    common |= {"double": agent not in ("plain_dqn", "shifted_dqn"), "n_step": 1 if single else 3, "shift": int(shifted)}
    common |= {"prioritized": agent.endswith("prioritized")}
    if pong:
        return AtariConfig(**common, dueling=not single)
    return DQNConfig(**common, optimizer=OptimizerConfig(learning_rate=3e-4))


def run(agent: str, config: ExperimentConfig, folder: Path) -> dict[str, Any]:
    """Runs what is not done yet and returns the mean return at half of the frames and at all."""
    from benchmarks.study_run import study_run
    from plugins.episodic_memory.experiments.dqn import DQN
    from plugins.episodic_memory.experiments.mfec import MFEC
    from plugins.episodic_memory.experiments.nec import NEC

    experiment = {"mfec": MFEC, "nec": NEC, "shifted_nec": NEC, "simple_nec": NEC}.get(agent, DQN)
    results, returns = study_run(f"episodic_memory/{experiment.__name__.lower()}", experiment(config), folder)
    return {"half": returns[0], "all": returns[1], "seconds": results["seconds"]}


def table(rows: Sequence[dict[str, Any]], frames: int) -> list[str]:
    """Returns lines of a Markdown table, mean over the seeds at half of the frames and at all."""
    agents = list(dict.fromkeys(row["agent"] for row in rows))
    lines = [f"| game, frames | {' | '.join(agents)} |", "|" + " --- |" * (len(agents) + 1)]
    for game in dict.fromkeys(row["game"] for row in rows):
        for at, count in (("half", frames // 2), ("all", frames)):
            cells = []
            for agent in agents:
                found = [row[at] for row in rows if (row["game"], row["agent"]) == (game, agent)]
                spread = f" ({min(found):.1f}-{max(found):.1f})" if len(found) > 1 else ""
                cells.append(f"{statistics.mean(found):.1f}{spread}" if found else "")
            lines.append(f"| {game}, {count:,} | {' | '.join(cells)} |")
    return lines


def main(arguments: list[str]) -> None:
    """Runs the study, seed by seed, and writes their figures after each, and a picture of all."""
    command.no_arguments(arguments)
    for flag, given, known in (("games", _GAMES.value, (*GAMES, "Pong")), ("agents", _AGENTS.value, AGENTS)):
        for name in given:
            if name not in known:
                raise unknown_name(f"value of --{flag}", name, known)
    out, frames, rows = user_path(_OUT.value), _FRAMES.value, []
    for seed in range(_SEEDS.value):
        for game in _GAMES.value:
            for agent in _AGENTS.value:
                config = make_config(agent, game, seed, frames)
                figures = run(agent, config, out / f"{game}-{agent}-seed{seed}")
                rows.append({"game": game, "agent": agent, "seed": seed, **figures})
                (out / "episodic.json").write_text(json.dumps(rows, indent=1) + "\n")
    (out / "episodic.png").write_bytes(draw_returns(rows, frames))
    print("\n".join(table(rows, frames)))
    print(f"written: {out / 'episodic.json'} and episodic.png")


if __name__ == "__main__":
    command.run(
        main,
        usage="bazel run //benchmarks:episodic_study -- --games=Breakout --seeds=1",
        summary="Compares MFEC and NEC with DQN at equal frames.",
        shown=("games=NAME[,NAME]", "agents=NAME[,NAME]", "seeds=COUNT", "out=DIR", "frames=COUNT"),
    )
