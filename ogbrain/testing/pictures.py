"""Picture files for tests."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_pictures(folder: str | Path, pictures: np.ndarray) -> list[Path]:
    """Writes pictures as PNG files, and returns these.

    Args:
        folder: Where to.
        pictures: `(count, height, width)` or `(count, height, width, channels)`, one channel or three: uint8, or floats
            from 0 to 1.
    """
    files = []
    for number, picture in enumerate(np.asarray(pictures)):
        values = picture if picture.dtype == np.uint8 else np.round(picture * 255).astype(np.uint8)
        files.append(Path(folder, f"{number}.png"))
        Image.fromarray(values[..., 0] if values.shape[2:] == (1,) else values).save(files[-1])
    return files


def odd_pictures(folder: str | Path) -> dict[str, Path]:
    """Writes what whoever takes pictures must have an answer to, and returns the files by what is odd about them.

    `one` pixel, a `long` one, a `tall` one, a `deep` one of 16 bits, `cmyk`, and one that is `moving`.
    """
    pictures = {
        "one.png": Image.new("L", (1, 1)),
        "long.png": Image.new("L", (10000, 3)),
        "tall.png": Image.new("L", (3, 10000)),
        "deep.png": Image.fromarray(np.linspace(0, 65535, 64).astype("uint16").reshape(8, 8)),
        "cmyk.jpg": Image.new("CMYK", (9, 9)),
    }
    for name, picture in pictures.items():
        picture.save(Path(folder, name))
    moving = Path(folder, "moving.gif")
    Image.new("L", (5, 4)).save(moving, save_all=True, append_images=[Image.new("L", (5, 4), 255)])
    return {file.stem: file for file in (*(Path(folder, name) for name in pictures), moving)}
