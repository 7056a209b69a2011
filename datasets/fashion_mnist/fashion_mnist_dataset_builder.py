"""Fashion-MNIST, out of a Debian package."""

import io

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, DebianPackage, decompress_gzip
from ogbrain.data.sources.idx import read_idx
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.png import encode_png

LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FOLDER = "usr/share/datasets/fashion-mnist"
PACKAGE = DebianPackage("dataset-fashion-mnist", alternative="fashion_mnist")


# Not registered with TFDS, which has a data set of this name; `ogbrain.data.builders` finds this one first.
class Builder(PackageBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Builds `fashion_mnist`: 60,000 images for training and 10,000 for testing."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "All 70,000 images, in the order of the original files."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(28, 28, 1), encoding_format="png", doc="Article on black, grey values 0-255."
                    ),
                    "label": tfds.features.ClassLabel(names=LABELS, doc="Kind of article."),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            license="MIT",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the package is fetched by apt-get
        names = [
            f"{FOLDER}/{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
        ]
        files = dict(self.members(PACKAGE, set(names).__contains__))
        if missing := sorted(set(names) - set(files)):
            raise ArchiveError(f"{PACKAGE.title}: holds no {missing[0]!r}; another version of the package?")
        arrays = [read_idx(decompress_gzip(files[name], name), name) for name in names]
        return {
            "train": self._generate_examples("train", arrays[0], arrays[1]),
            "test": self._generate_examples("test", arrays[2], arrays[3]),
        }

    def _generate_examples(self, split: str, images: np.ndarray, labels: np.ndarray):
        if images.dtype != np.uint8 or images.shape != (len(labels), 28, 28) or labels.ndim != 1:
            raise ArchiveError(f"{PACKAGE.title}: {split} has images {images.shape} and labels {labels.shape}")
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            if not 0 <= label < len(LABELS):
                self.skip("label out of range", f"image {index} of {split}: label {label} is not in 0-9")
                continue
            yield index, {"image": io.BytesIO(encode_png(image)), "label": int(label)}
