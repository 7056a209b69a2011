"""Where downloaded packages and prepared data are kept."""

import os
from pathlib import Path

VARIABLE = "OGBRAIN_DATA_DIR"


def data_root(data_dir: str | os.PathLike = "") -> Path:
    """Returns the folder of all data: the one given, else `$OGBRAIN_DATA_DIR`, else `~/.cache/ogbrain`."""
    given = str(data_dir) or os.environ.get(VARIABLE, "")
    root = Path(given).expanduser() if given else Path.home() / ".cache" / "ogbrain"
    # Under `bazel run` the working directory is Bazel's; a relative path means where the user stands.
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())) / root


def packages_dir(data_dir: str | os.PathLike = "") -> Path:
    """Returns the folder of downloaded packages and their checksums."""
    return data_root(data_dir) / "packages"


def prepared_dir(data_dir: str | os.PathLike = "") -> Path:
    """Returns the folder of prepared data sets, laid out as TFDS does."""
    return data_root(data_dir) / "tfds"
