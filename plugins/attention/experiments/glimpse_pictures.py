"""Pictures of where the model looked."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SIDE = 240
"""Height and width of the drawn canvas, in pixels."""
_PATCH = 76
_GAP = 4
_TEXT = 14
_Font = ImageFont.ImageFont | ImageFont.FreeTypeFont
_FIRST, _LAST = np.array([70, 140, 255]), np.array([255, 90, 40])


def draw_glimpses(
    picture: np.ndarray,
    looked: Mapping[str, np.ndarray],
    label_names: Sequence[str],
    label: int | None = None,
    answer: str = "",
) -> np.ndarray:
    """Draws the path of the glimpses over a picture, and beside it what each of them saw.

    Args:
        picture: `(height, width, 1 or 3)` float in [0, 1].
        looked: `locations` `(glimpses, 2)`, `probabilities` `(glimpses, classes)` after each glimpse, `patches`
            `(glimpses, scales, size, size, channels)`.
        label_names: Names of the classes.
        label: The right class, if it is known.
        answer: What to write for the whole; the guess after the last glimpse by default.

    Returns:
        uint8 `(height, width, 3)`; the guess under a glimpse is green if it is right, red if wrong.
    """
    glimpses, scales = looked["patches"].shape[:2]
    height = max(_SIDE, scales * (_PATCH + _GAP)) + 2 * (_TEXT + _GAP) + _GAP
    drawn = Image.new("RGB", (_GAP + _SIDE + glimpses * (_PATCH + _GAP) + 2 * _GAP, height), (24, 24, 28))
    pen = ImageDraw.Draw(drawn)
    font = ImageFont.load_default(11)
    drawn.paste(_path(picture, looked["locations"], looked["patches"].shape[2], font), (_GAP, _GAP))
    best = np.argmax(looked["probabilities"], -1)
    guess = f"{label_names[best[-1]]} {looked['probabilities'][-1, best[-1]]:.2f}"
    truth = "" if label is None else f"   is: {label_names[label]}"
    pen.text((_GAP, height - 2 * _TEXT - _GAP), f"looks like: {answer or guess}", (235, 235, 235), font)
    pen.text((_GAP, height - _TEXT - _GAP), truth.strip(), (170, 170, 170), font)
    for glimpse in range(glimpses):
        left = 2 * _GAP + _SIDE + _GAP + glimpse * (_PATCH + _GAP)
        for scale in range(scales):
            patch = _image(looked["patches"][glimpse, scale], _PATCH)
            drawn.paste(patch, (left, _GAP + scale * (_PATCH + _GAP)))
        pen.rectangle((left, _GAP, left + _PATCH - 1, _GAP + _PATCH - 1), outline=_colour(glimpse, glimpses))
        colour = (200, 200, 200) if label is None else ((120, 220, 120) if best[glimpse] == label else (240, 110, 110))
        name = label_names[best[glimpse]]
        pen.text((left, height - 2 * _TEXT - _GAP), name[:13], colour, font)
        probability = looked["probabilities"][glimpse, best[glimpse]]
        pen.text((left, height - _TEXT - _GAP), f"{glimpse + 1}: {probability:.2f}", colour, font)
    return np.asarray(drawn)


def stack(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Puts pictures below one another, narrower ones on black."""
    width = max(picture.shape[1] for picture in pictures)
    return np.concatenate([np.pad(one, ((0, 0), (0, width - one.shape[1]), (0, 0))) for one in pictures], 0)


def _path(picture: np.ndarray, locations: np.ndarray, patch: int, font: _Font) -> Image.Image:
    """Draws the sharpest patch's outline at each place, and a line from one to the next."""
    drawn = _image(picture, _SIDE)
    pen = ImageDraw.Draw(drawn)
    places = [tuple((place[::-1] + 1) / 2 * _SIDE) for place in locations]
    if len(places) > 1:
        pen.line(places, fill=(255, 220, 80), width=2)
    half_height, half_width = (patch / size * _SIDE / 2 for size in picture.shape[:2])
    for number, (x, y) in enumerate(places):
        colour = _colour(number, len(places))
        pen.rectangle((x - half_width, y - half_height, x + half_width, y + half_height), outline=colour)
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=colour)
        pen.text((x, y), str(number + 1), (255, 255, 255), font, anchor="mm")
    return drawn


def _colour(number: int, count: int) -> tuple[int, int, int]:
    share = number / max(1, count - 1)
    red, green, blue = (_FIRST * (1 - share) + _LAST * share).astype(int)
    return int(red), int(green), int(blue)


def _image(pixels: np.ndarray, side: int) -> Image.Image:
    """Returns float pixels as a square image in RGB."""
    pixels = (np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    pixels = np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels[..., :3]
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
