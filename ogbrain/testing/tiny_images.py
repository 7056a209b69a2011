"""A data set of a few small pictures, learnt in seconds, for tests."""

import numpy as np
import tensorflow_datasets as tfds


class TinyImages(tfds.core.GeneratorBasedBuilder):
    """Noisy 8x8 pictures whose label is the quadrant that is bright: 192 to train, 64 to test.

    Example:
        >>> builder = TinyImages(data_dir=folder)
        >>> builder.download_and_prepare()
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = {
            "image": tfds.features.Image(shape=(8, 8, 1)),
            "label": tfds.features.ClassLabel(names=["top left", "top right", "bottom left", "bottom right"]),
        }
        return self.dataset_info_from_configs(
            description="Pictures with one bright quadrant.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            license="CC0-1.0",
            citation="none",
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(192, 1), "test": self._generate_examples(64, 2)}

    def _generate_examples(self, count, seed):
        random = np.random.default_rng(seed)
        for index in range(count):
            image = random.integers(0, 120, (8, 8, 1), dtype=np.uint8)
            row, column = divmod(index % 4, 2)
            image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 60
            yield index, {"image": image, "label": index % 4}
