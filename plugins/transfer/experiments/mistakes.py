"""Pictures of what a classifier mistakes for what."""

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_TILE, _GAP, _TEXT = 128, 6, 30


def draw_confusion(counts: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draws a confusion matrix: a row a true class, a column a guess, shaded by the share of the row.

    Args:
        counts: `(classes, classes)`; the examples of class `i` that were taken for class `j`.
        names: Names of the classes.

    Returns:
        uint8 `(height, width, 3)`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to import
    from matplotlib.figure import Figure

    side = float(np.clip(1.5 + 0.42 * len(names), 4, 16))
    figure = Figure(figsize=(side, side), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    short = [textwrap.shorten(name, 20, placeholder="...") or name[:20] for name in names]
    # What stands between dollars is a name here, not mathematics.
    axes.set_xticks(range(len(names)), short, rotation=90, parse_math=False)
    axes.set_yticks(range(len(names)), short, parse_math=False)
    axes.set(xlabel="guess", ylabel="class")
    if len(names) <= 30:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    output = io.BytesIO()
    FigureCanvasAgg(figure).print_png(output)
    return np.asarray(Image.open(output).convert("RGB"))


def draw_pictures(pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int = 6) -> np.ndarray:
    """Draws pictures side by side with a caption of two short lines below each.

    Args:
        pictures: uint8 `(height, width, 3)` each.
        captions: One for each.
        columns: Pictures in a row.

    Returns:
        uint8 `(height, width, 3)`.
    """
    rows = -(-len(pictures) // columns)
    width, height = _TILE + _GAP, _TILE + _TEXT + _GAP
    drawn = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(11)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = _GAP + number % columns * width, _GAP + number // columns * height
        drawn.paste(Image.fromarray(picture).resize((_TILE, _TILE)), (left, top))
        for line, text in enumerate(caption.split("\n")[:2]):
            pen.text((left, top + _TILE + 1 + 14 * line), text[:22], "black", font)
    return np.asarray(drawn)


def draw_texts(texts: Sequence[str], captions: Sequence[str]) -> np.ndarray:
    """Draws short texts below one another, each with a caption to its left; long ones are cut.

    Returns:
        uint8 `(height, width, 3)`.
    """
    font = ImageFont.load_default(12)
    drawn = Image.new("RGB", (1000, 20 * len(texts) + 2 * _GAP), "white")
    pen = ImageDraw.Draw(drawn)
    for number, (text, caption) in enumerate(zip(texts, captions, strict=True)):
        top = _GAP + 20 * number
        # The font knows Latin-1 only.
        plain = " ".join(text[:200].split()).encode("latin-1", "replace").decode("latin-1")
        pen.text((_GAP, top), caption[:40].encode("latin-1", "replace").decode("latin-1"), (150, 30, 30), font)
        pen.text((260, top), plain[:110], "black", font)
    return np.asarray(drawn)
