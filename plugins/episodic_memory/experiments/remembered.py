"""Why an agent with dictionaries acted as it did."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..agents.episodic_agent import EpisodicAgent

NEIGHBORS = 6
"""Situations that are drawn for each action."""
_SIDE, _GAP, _TEXT = 84, 6, 26


def draw_remembered(agent: EpisodicAgent, observation: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draws a situation and, for each action, the most alike that were remembered, with what they were worth.

    Args:
        agent: The agent.
        observation: `(1, ...)`, a picture.
        names: Names of the actions.

    Returns:
        uint8 `(height, width, 3)`: the situation on the left; a row for each action, the chosen one marked; below each
        remembered situation its value and the share that it has in the action's.
    """
    keys = agent.encode(observation)
    values = agent.values(observation)[0]
    row, left = _SIDE + _TEXT + _GAP, _SIDE + 3 * _GAP + 90
    size = (left + NEIGHBORS * (_SIDE + _GAP), max(2, len(names)) * row + _GAP)
    drawn = Image.new("RGB", size, (24, 24, 28))
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(11)
    drawn.paste(_picture(agent.notes_of(observation)[0]), (_GAP, _GAP))
    pen.text((_GAP, _GAP + _SIDE + 2), "now", (235, 235, 235), font)
    for action, (dictionary, name) in enumerate(zip(agent.dictionaries, names, strict=True)):
        top = _GAP + action * row
        colour = (120, 220, 120) if action == values.argmax() else (170, 170, 170)
        pen.text((_SIDE + 3 * _GAP, top + 8), f"{name}\n{values[action]:.2f}", colour, font)
        distances, slots = dictionary.search(keys, agent.neighbors, use=False)
        shares = agent.weights(distances, dictionary, keys, slots)[0]
        for place, slot in enumerate(slots[0, :NEIGHBORS]):
            x = left + place * (_SIDE + _GAP)
            drawn.paste(_picture(dictionary.notes[slot]), (x, top))
            text = f"{dictionary.values[slot]:.2f}\n{shares[place]:.0%}"
            pen.text((x, top + _SIDE + 1), text.replace("\n", "  "), colour, font)
    return np.asarray(drawn)


def _picture(note: np.ndarray) -> Image.Image:
    return Image.fromarray(note).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
