"""How well an agent plays."""

import numpy as np

from ..agents.agent import Agent
from ..environments.environments import Environments
from .human_scores import human_normalized


def greedy(values: np.ndarray, epsilon: float, rng: np.random.Generator) -> np.ndarray:
    """Chooses the best action of each row, or with probability `epsilon` any; of equal ones, one at random.

    Args:
        values: `(batch, actions)`.
        epsilon: Share of random actions.
        rng: What is drawn with; the same number of draws whatever comes out.

    Returns:
        int32 `(batch,)`.
    """
    chance, ties = rng.random(len(values)), rng.random(values.shape)
    best = np.where(values >= values.max(1, keepdims=True), ties, -1.0)
    return np.where((chance < epsilon)[:, None], ties, best).argmax(1).astype(np.int32)


def play(
    agent: Agent, environments: Environments, episodes: int, epsilon: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Plays whole episodes.

    Each environment plays its share of them one after the other: taking the first that end would prefer short ones.

    Args:
        agent: The agent; it learns nothing.
        environments: Where.
        episodes: How many.
        epsilon: Share of random actions.
        seed: Of the environments and of what is drawn.

    Returns:
        Score and length of each episode, `(episodes,)`.
    """
    rng = np.random.default_rng(seed)
    shares = np.array([len(part) for part in np.array_split(np.arange(episodes), environments.count)])
    observations = environments.reset(seed)
    scores, lengths = np.zeros(environments.count), np.zeros(environments.count, np.int64)
    results: list[tuple[float, int]] = []
    while shares.any():
        outcome = environments.step(greedy(agent.values(observations), epsilon, rng))
        observations = outcome.observations
        scores += outcome.scores
        lengths += 1
        for number in np.flatnonzero(outcome.over | outcome.truncated):
            if shares[number]:
                shares[number] -= 1
                results.append((float(scores[number]), int(lengths[number])))
            scores[number], lengths[number] = 0.0, 0
    played = np.array(results)
    return played[:, 0], played[:, 1]


def evaluate(
    agent: Agent, environments: Environments, episodes: int, epsilon: float, seed: int, name: str
) -> dict[str, float]:
    """Plays and sums up.

    Returns:
        `return`, the mean score; `return_low` and `return_high`, its 95 % interval, 1.96 standard errors to each side;
        `length`, the mean number of steps; and for Atari `human_normalized`, 0 for random play, 1 for a human.
    """
    scores, lengths = play(agent, environments, episodes, epsilon, seed)
    mean, error = float(scores.mean()), float(scores.std(ddof=min(1, episodes - 1)) / np.sqrt(episodes))
    figures = {
        "return": mean, "return_low": mean - 1.96 * error, "return_high": mean + 1.96 * error,
        "length": float(lengths.mean()),
    }  # fmt: skip
    normalized = human_normalized(name, mean)
    return figures if normalized is None else {**figures, "human_normalized": normalized}
