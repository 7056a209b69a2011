"""Shows examples of a data set, whatever its features are."""

import itertools

import numpy as np
import tensorflow_datasets as tfds

from ogbrain import table
from ogbrain.data import builders, catalog, resources
from ogbrain.data.contact_sheet import contact_sheet, heat_map, spectrogram
from ogbrain.errors import unknown_name


def show(name: str, split: str = "train", count: int = 9, data_dir: str = "") -> tuple[np.ndarray | None, str]:
    """Returns a picture of some examples, if they can be seen, and a table of them, if they can be read.

    Args:
        name: Data set or resource, `NAME` or `NAME/CONFIG`; it is prepared if it is not.
        split: Which split to show.
        count: How many examples.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

    Returns:
        A picture `(height, width, 3)`, uint8, or None: of images, of the spectrograms of sound, of other arrays as
        heat maps. A table, of what is text, numbers or labels.

    Raises:
        UserError: There is no such data set or split, or its data cannot be had.
    """
    entry = catalog.entries().get(name.partition("/")[0])
    if entry and entry.kind == "resource":
        return None, _resource_text(resources.load(name, data_dir), count)
    builder = builders.builder(name, data_dir)
    if split not in builder.info.splits:
        raise unknown_name(f"split of {name!r}", split, builder.info.splits)
    examples = list(itertools.islice(builder.as_dataset(split=split).as_numpy_iterator(), count))
    features = builder.info.features
    rows, pictures = [], []
    for example in examples:
        words, seen = {}, None
        for key, feature in features.items():
            value = example[key]
            if isinstance(feature, tfds.features.Image):
                seen = value if seen is None else seen
            elif isinstance(feature, tfds.features.Audio):
                seen = spectrogram(value)
            elif isinstance(feature, tfds.features.ClassLabel):
                words[key] = feature.int2str(int(value))
            elif np.ndim(value) == 2 and seen is None:
                seen = heat_map(value)
            elif np.ndim(value) == 0:
                words[key] = value.decode(errors="replace") if isinstance(value, bytes) else f"{value:.4g}"
        rows.append(words)
        pictures.append(seen)
    picture = None
    visible = [seen for seen in pictures if seen is not None]
    if visible and len(visible) == len(rows):
        picture = contact_sheet(visible, [" | ".join(row.values()) for row in rows])
    text = ""
    if rows and rows[0]:
        cells = [tuple(value[:300] for value in row.values()) for row in rows]
        text = table.table([tuple(rows[0]), *cells], table.terminal_width(), indent="")
    return picture, text


def _resource_text(resource, count: int) -> str:
    if isinstance(resource, dict):
        rows = [(key, str(value.dtype), str(value.shape)) for key, value in itertools.islice(resource.items(), count)]
        return table.table([("ARRAY", "TYPE", "SHAPE"), *rows], table.terminal_width(), indent="")
    names, vectors = resource
    lines = [(names[i], " ".join(f"{x:.3f}" for x in vectors[i][:8]) + " ...") for i in range(min(count, len(names)))]
    return table.table([("WORD", "VECTOR"), *lines], table.terminal_width(), indent="")
