"""An agent in an environment of one's own: it learns to keep a ball of two in the middle."""

import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np

import ogbrain
from ogbrain.training import RunLoop


class Balance(gym.Env):
    """A ball on a beam, which drifts; actions push it to the left or to the right. Each step in the middle earns 1."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode: str | None = None):
        self.render_mode = render_mode
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Puts the ball somewhere."""
        super().reset(seed=seed)
        self._place = float(self.np_random.uniform(-0.5, 0.5))
        return np.array([self._place], np.float32), {}

    def step(self, action: int):
        """Pushes the ball."""
        self._place += (0.2 if action else -0.2) + float(self.np_random.normal(0, 0.02))
        over = abs(self._place) >= 1
        return np.clip([self._place], -1, 1).astype(np.float32), float(abs(self._place) < 0.4), over, False, {}

    def render(self) -> np.ndarray:
        """Draws the beam."""
        picture = np.zeros((8, 64, 3), np.uint8)
        place = int(np.clip((self._place + 1) * 31.5, 0, 63))
        picture[:, max(0, place - 2) : place + 3] = 255
        return picture


def main() -> float:
    """Trains a deep Q-network; returns the mean return of its test episodes, of at most 20."""
    gym.register("Balance-v0", entry_point=lambda **options: Balance(**options), max_episode_steps=20)
    name = "episodic_memory/dqn"
    config = ogbrain.configs.get(name)(
        env="Balance-v0", epochs=2, steps_per_epoch=1500, environments=5, rounds=10, learning_starts=100,
        exploration_steps=1500, memory=5000, batch_size=32, target_every=50, units=(32,), evaluation_episodes=10,
        xla=False,
    )  # fmt: skip
    results = RunLoop(name, ogbrain.experiments.get(name)(config), Path(tempfile.mkdtemp())).run()
    print(f"return {results['test']['return']:.1f} of 20")
    return results["test"]["return"]


if __name__ == "__main__":
    main()
