"""Atari games, stepped by the threads of ale-py's vector environment."""

from collections.abc import Mapping

import numpy as np
from ale_py import ALEInterface, LoggerMode
from ale_py.vector_env import AtariVectorEnv

from .environments import Environments, Spec, Step

FRAME_SKIP = 4
LONGEST = 108_000
"""Frames after which a game is cut off: half an hour of play."""


class AtariEnvironments(Environments):
    """Games with the standard protocol.

    Each action is held for 4 frames, the last two of them are maximized, 84x84 in grey; an observation is 4 of these;
    a game begins with up to 30 idle frames, and is cut off after 108,000.

    A game is a function of its seed and its actions, and each game has a seed of its own; so the state is the actions
    of the present games, and to restore it is to play them again.

    Args:
        game: ale-py's name of it, `"pong"`.
        count: How many games at once.
        sticky_actions: Probability that the last action is repeated in place of the new one (Machado et al., 2018).
        life_loss: Whether a lost life counts as terminated; the game goes on.
        clip_rewards: Whether rewards are clipped to -1..1; scores never are.
    """

    def __init__(
        self, game: str, count: int, sticky_actions: float = 0.25, life_loss: bool = False, clip_rewards: bool = False
    ):
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self.count, self.life_loss, self.clip_rewards = count, life_loss, clip_rewards
        self._games = AtariVectorEnv(
            game, count, frameskip=FRAME_SKIP, repeat_action_probability=sticky_actions, reward_clipping=False,
            max_num_frames_per_episode=LONGEST, autoreset_mode="SameStep",
        )  # fmt: skip
        shape = tuple(self._games.single_observation_space.shape or ())
        names = tuple(action.name for action in self._games.ale.get_action_set())
        self.spec = Spec(shape, np.dtype(np.uint8), names, stacked=shape[0])

    def reset(self, seed: int) -> np.ndarray:
        """Begins new games."""
        self._seed, self._played = seed, np.zeros(self.count, np.int64)
        self._actions: list[list[int]] = [[] for _ in range(self.count)]
        self._observations, info = self._games.reset(seed=self._seeds())
        self._lives = np.array(info["lives"])
        return self._observations

    def step(self, actions: np.ndarray) -> Step:
        """Takes an action in each game."""
        actions = np.asarray(actions, np.int32)
        self._observations, raw, terminated, truncated, info = self._games.step(actions)
        for taken, action in zip(self._actions, actions.tolist(), strict=True):
            taken.append(action)
        over, lives = terminated | truncated, info["lives"]
        lost = terminated | (self.life_loss & (lives < self._lives) & ~truncated)
        self._lives = np.array(lives)
        if over.any():
            self._played[over] += 1
            for number in np.flatnonzero(over):
                self._actions[number] = []
            self._begin(over)
        scores = np.asarray(raw, np.float64)
        rewards = (np.clip(scores, -1, 1) if self.clip_rewards else scores).astype(np.float32)
        return Step(self._observations, rewards, lost, np.array(truncated), scores, np.array(over))

    def render(self) -> np.ndarray:
        """Returns the newest frame of the first game in grey, twice as large."""
        return np.repeat(np.kron(self._observations[0, -1], np.ones((2, 2), np.uint8))[..., None], 3, -1)

    def state(self) -> dict[str, np.ndarray]:
        """Returns which games these are, and what was done in them."""
        lengths = np.array([len(taken) for taken in self._actions])
        flat = np.array([action for taken in self._actions for action in taken], np.uint8)
        return {"seed": np.array(self._seed), "played": self._played, "lengths": lengths, "actions": flat}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Plays the games again up to where they were."""
        self._seed, self._played = int(state["seed"]), state["played"].copy()
        lengths = state["lengths"]
        self._actions = [part.tolist() for part in np.split(state["actions"], np.cumsum(lengths)[:-1])]
        self._begin(np.ones(self.count, bool))
        longest = int(lengths.max())
        # Shorter games wait for the longer ones, and begin so that all end together.
        for turn in range(longest):
            starts = lengths == longest - turn
            if starts.any():
                self._begin(starts)
            now = [taken[turn - longest + len(taken)] if turn >= longest - len(taken) else 0 for taken in self._actions]
            self._observations, *_, info = self._games.step(np.array(now, np.int32))
            self._lives = np.array(info["lives"])
        if (lengths == 0).any():
            self._begin(lengths == 0)

    def close(self) -> None:
        """Stops the threads."""
        self._games.close()

    def _begin(self, which: np.ndarray) -> None:
        """Begins a game anew, with its own seed, in some environments."""
        self._observations, info = self._games.reset(seed=self._seeds()[which], options={"reset_mask": which})
        self._lives = np.array(info["lives"])

    def _seeds(self) -> np.ndarray:
        """Returns a seed for the present game of each environment."""
        numbers = np.arange(self.count) + self.count * self._played
        return ((self._seed + numbers * 7919) % (2**31 - 1)).astype(np.int64)
