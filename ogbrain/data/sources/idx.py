"""The IDX format of the MNIST family of data sets."""

import math

import numpy as np

from ogbrain.data.sources.archive_error import ArchiveError

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(data: bytes, what: str) -> np.ndarray:
    """Returns the array in an IDX file.

    Args:
        data: Content of the file, not compressed.
        what: Names the file in errors.

    Returns:
        An array of the shape and the type that the header says, in the machine's byte order.

    Raises:
        ArchiveError: The header is not IDX, or the length is not what it says.

    Example:
        >>> read_idx(decompress_gzip(raw, "train-labels"), "train-labels").shape
        (60000,)
    """
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _DTYPES or not 1 <= data[3] <= 8:
        raise ArchiveError(f"{what}: not an IDX file (it begins with {data[:4].hex() or 'nothing'})")
    dtype, dimensions = np.dtype(_DTYPES[data[2]]), data[3]
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise ArchiveError(f"{what}: IDX header is cut short")
    shape = tuple(int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4))
    expected = math.prod(shape) * dtype.itemsize
    if len(data) - start != expected:
        raise ArchiveError(f"{what}: IDX header says {expected:,} bytes, {shape}, not {len(data) - start:,}")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
