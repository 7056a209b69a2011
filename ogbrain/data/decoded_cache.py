"""Decoded examples kept beside the prepared data, so that a second start decodes nothing."""

import hashlib
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Mapping

import numpy as np

from ogbrain.data.columns import Column

_FORMAT = 1


class DecodedCache:
    """A folder of `.npy` files, one or two a feature, written whole or not at all.

    The folder's name is a digest of everything the arrays depend on: the builder's name, version and metadata, and the
    prepare steps. Where the prepared data is read-only, nothing is kept.
    """

    def __init__(self, folder: str | os.PathLike[str], key: Mapping[str, object]):
        """Makes a cache of one set of decoded columns.

        Args:
            folder: Where caches are kept; made when first written.
            key: What the arrays depend on, JSON-able.
        """
        text = json.dumps({"format": _FORMAT, **key}, sort_keys=True)
        self._folder = pathlib.Path(folder)
        self._path = self._folder / hashlib.sha256(text.encode()).hexdigest()[:16]

    def get(self, make: Callable[[], dict[str, Column]]) -> dict[str, Column]:
        """Returns the columns, from the cache or newly made.

        Args:
            make: Makes the columns; called only if the cache does not hold them.

        Returns:
            The columns by feature name; arrays read from the cache are memory-mapped.
        """
        columns = self._read()
        if columns is None:
            columns = make()
            self._write(columns)
        return columns

    def _read(self) -> dict[str, Column] | None:
        """Returns the cached columns, or None if there are none that can be read."""
        try:
            manifest = json.loads((self._path / "columns.json").read_text())
            columns = {}
            for name, entry in manifest.items():
                values = np.load(self._path / f"{entry['file']}.values.npy", mmap_mode="r")
                if entry["text"]:
                    ends = np.load(self._path / f"{entry['file']}.bytes.npy")
                    values = _unpack_text(values, ends, tuple(entry["shape"]))
                splits = np.load(self._path / f"{entry['file']}.rows.npy") if entry["ragged"] else None
                columns[name] = Column(values, splits)
            return columns
        except (OSError, ValueError, KeyError):
            return None

    def _write(self, columns: Mapping[str, Column]) -> None:
        """Writes the columns into a folder of their own, then moves it to its place."""
        temporary = ""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = tempfile.mkdtemp(prefix=".writing-", dir=self._folder)
            manifest = {}
            for number, (name, column) in enumerate(columns.items()):
                base = os.path.join(temporary, str(number))
                text = column.values.dtype == object
                if text:
                    flat = column.values.reshape(-1)
                    np.save(f"{base}.bytes.npy", np.cumsum([0, *map(len, flat)], dtype=np.int64))
                    np.save(f"{base}.values.npy", np.frombuffer(b"".join(flat), np.uint8))
                else:
                    np.save(f"{base}.values.npy", column.values)
                if column.row_splits is not None:
                    np.save(f"{base}.rows.npy", column.row_splits)
                manifest[name] = {
                    "file": str(number),
                    "text": text,
                    "ragged": column.is_ragged,
                    "shape": list(column.values.shape),
                }
            pathlib.Path(temporary, "columns.json").write_text(json.dumps(manifest, indent=1))
            if self._path.exists() and self._read() is None:
                shutil.rmtree(self._path, ignore_errors=True)
            os.chmod(temporary, 0o755)
            os.rename(temporary, self._path)
        except OSError:
            # Read-only or full disk, or another worker was first: the columns are in memory all the same.
            if temporary:
                shutil.rmtree(temporary, ignore_errors=True)


def _unpack_text(data: np.ndarray, ends: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns an array of `bytes` objects of the given shape."""
    joined = data.tobytes()
    offsets = ends.tolist()
    texts = np.empty(len(offsets) - 1, dtype=object)
    texts[:] = [joined[a:b] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    return texts.reshape(shape)
