"""Pictures that show examples at a glance. Imports no TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

_CELL = 192
_CAPTION = 30
_GROUND = (255, 255, 255)


def contact_sheet(pictures: Sequence[np.ndarray], captions: Sequence[str]) -> np.ndarray:
    """Returns one picture of many, in rows, each with its caption below.

    Args:
        pictures: Each `(height, width)` or `(height, width, 1, 3 or 4)`, uint8; opacity is drawn on white.
        captions: One for each, cut to two short lines.

    Returns:
        `(height, width, 3)`, uint8.
    """
    columns = max(1, int(np.ceil(np.sqrt(len(pictures)))))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (_CELL + 8) + 8, rows * (_CELL + _CAPTION + 8) + 8), _GROUND)
    draw = ImageDraw.Draw(sheet)
    # Matplotlib brings a font with it that has more than Latin letters.
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), 10)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = 8 + index % columns * (_CELL + 8), 8 + index // columns * (_CELL + _CAPTION + 8)
        image = Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture)
        scale = _CELL / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        # Small pictures keep their pixels as squares; large ones are made smaller smoothly.
        image = image.convert("RGBA").resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
        sheet.paste(image, (left + (_CELL - size[0]) // 2, top + (_CELL - size[1]) // 2), image)
        for line in range(2):
            part = caption[30 * line : 30 * line + 30]
            draw.text((left, top + _CELL + 2 + 13 * line), part, fill=(0, 0, 0), font=font)
    return np.asarray(sheet)


def spectrogram(samples: np.ndarray, window: int = 512, hop: int = 128) -> np.ndarray:
    """Returns how loud each frequency is over time: `(window / 2 + 1, time)`, uint8, low frequencies at the bottom.

    Args:
        samples: `(n,)`, of any scale.
        window: Samples in a window (Hann).
        hop: Samples between windows.
    """
    samples = np.pad(samples.astype(np.float32), (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop] * np.hanning(window)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(frames)).T + 1e-6)
    return _grey(np.clip(decibels, decibels.max() - 80, None))[::-1]


def heat_map(sequence: np.ndarray) -> np.ndarray:
    """Returns a sequence `(time, width)` as a picture `(width, time)`, uint8, its least value black."""
    return _grey(sequence.T.astype(np.float32))


def _grey(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return ((values - low) / max(float(high - low), 1e-9) * 255).astype(np.uint8)
