"""An episode played and drawn."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..agents.agent import Agent
from ..environments.environments import Environments
from .evaluation import greedy

FRAMES = 300
"""Frames of an animation at most; longer episodes leave frames out evenly."""
MILLISECONDS = 80
"""Time that a frame is shown."""
LARGEST = (260, 200)
"""Width and height in pixels of a picture at most."""
PANEL = 190
"""Width in pixels of what is written beside the picture."""


@dataclasses.dataclass(frozen=True)
class Episode:
    """What happened in an episode."""

    pictures: list[np.ndarray]
    """uint8 `(height, width, 3)` of each step, before its action."""
    values: np.ndarray
    """float32 `(steps, actions)`."""
    actions: np.ndarray
    """int32 `(steps,)`."""
    scores: np.ndarray
    """float64 `(steps,)`, what each action brought."""

    def film(self, names: Sequence[str], kind: str = "gif") -> bytes:
        """Returns the file of a film of the episode, the value of each action beside it.

        Args:
            names: Of the actions.
            kind: `"gif"`, or `"mp4"` (H.264), which holds all frames.
        """
        return self._mp4(names) if kind == "mp4" else self._gif(names)

    def _gif(self, names: Sequence[str]) -> bytes:
        # The newest steps of each part, so that the last one is the end of the episode.
        steps = np.unique(np.linspace(0, len(self.actions) - 1, min(FRAMES, len(self.actions))).astype(int))
        frames = [Image.fromarray(self.frame(int(step), names)).quantize(64) for step in steps]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0)
        return file.getvalue()

    def _mp4(self, names: Sequence[str]) -> bytes:
        import av

        file = io.BytesIO()
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=1000 // MILLISECONDS, options={"crf": "20"})
            stream.pix_fmt = "yuv420p"
            height, width, _ = self.frame(0, names).shape
            # Colours are stored for blocks of 2 by 2 pixels: sides must be even.
            stream.height, stream.width = height + height % 2, width + width % 2
            for step in range(len(self.actions)):
                picture = np.pad(self.frame(step, names), [(0, height % 2), (0, width % 2), (0, 0)])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            container.mux(stream.encode())
        return file.getvalue()

    def sheet(self, names: Sequence[str], count: int = 8) -> np.ndarray:
        """Returns some steps side by side, four in a row, uint8 `(height, width, 3)`."""
        steps = np.linspace(0, len(self.actions) - 1, count).astype(int)
        frames = [self.frame(int(step), names) for step in steps]
        return np.concatenate([np.concatenate(frames[row : row + 4], 1) for row in range(0, count, 4)])

    def frame(self, step: int, names: Sequence[str]) -> np.ndarray:
        """Returns one step drawn, the action that was taken in another colour."""
        picture = Image.fromarray(self.pictures[step])
        picture.thumbnail(LARGEST)
        values, low, high = self.values[step], *_span(self.values)
        height = max(picture.height, 22 + 16 * len(names))
        image = Image.new("RGB", (picture.width + PANEL, height), (24, 24, 28))
        image.paste(picture, (0, 0))
        draw, left = ImageDraw.Draw(image), picture.width + 8
        draw.text((left, 4), f"step {step + 1}  score {self.scores[:step].sum():g}", (220, 220, 220))
        for number, name in enumerate(names):
            top, chosen = 22 + 16 * number, number == self.actions[step]
            color = (250, 180, 60) if chosen else (110, 130, 160)
            value = float(values[number])
            if np.isfinite(value):
                draw.rectangle((left, top + 11, left + 1 + 170 * (value - low) / (high - low), top + 13), color)
            draw.text((left, top - 1), f"{name[:14]:14} {value:.3g}", color)
        return np.asarray(image)


def play_episode(agent: Agent, environments: Environments, epsilon: float, seed: int, most: int = 30_000) -> Episode:
    """Plays one episode in the first of the environments.

    Args:
        agent: Who plays; it learns nothing.
        environments: Where.
        epsilon: Share of random actions.
        seed: Of the environment and of what is drawn.
        most: Steps after which it is left.
    """
    rng = np.random.default_rng(seed)
    observations = environments.reset(seed)
    pictures, values, actions, scores = [], [], [], []
    for _ in range(most):
        now = agent.values(observations)
        chosen = greedy(now, epsilon, rng)
        pictures.append(environments.render())
        outcome = environments.step(chosen)
        values.append(now[0])
        actions.append(chosen[0])
        scores.append(outcome.scores[0])
        observations = outcome.observations
        if outcome.over[0] or outcome.truncated[0]:
            break
    return Episode(pictures, np.array(values, np.float32), np.array(actions), np.array(scores))


def _span(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return 0.0, 1.0
    return float(finite.min()), float(finite.max())
