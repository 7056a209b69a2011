"""Which data a run reads."""

import dataclasses

from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The data set of an experiment."""

    name: str = "fashion_mnist"
    """Data set by its registered TFDS name, with its config where it has any: NAME, NAME/CONFIG or folder:PATH."""
    data_dir: str = ""
    """Folder of downloaded and prepared data; default $OGBRAIN_DATA_DIR, or else ~/.cache/ogbrain."""

    def __post_init__(self) -> None:
        if not self.name:
            raise UserError("config.data.name: '' is not allowed; a data set's registered name, such as fashion_mnist")
