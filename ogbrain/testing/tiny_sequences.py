"""A dataset of sequences of different lengths, made in a moment, for tests."""

import numpy as np
import tensorflow_datasets as tfds


class TinySequences(tfds.core.GeneratorBasedBuilder):
    """Examples that tell their own number: `id`, and `tokens` that repeat it as often as the example is long.

    Example:
        >>> builder = TinySequences(data_dir=folder, file_format="array_record")
        >>> builder.download_and_prepare()
    """

    VERSION = tfds.core.Version("1.0.0")
    SIZES = {"train": 37, "test": 11}

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {
                "id": np.int64,
                "image": tfds.features.Image(shape=(2, 3, 1)),
                "label": tfds.features.ClassLabel(names=["even", "odd"]),
                "text": {"en": tfds.features.Text()},
                "tokens": tfds.features.Sequence(np.int32),
                "frames": tfds.features.Tensor(shape=(None, 2), dtype=np.float32),
                "words": tfds.features.Sequence(tfds.features.Text()),
            }
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        first = 0
        generators = {}
        for name, size in self.SIZES.items():
            generators[name] = self._generate_examples(first, size)
            first += size
        return generators

    def _generate_examples(self, first: int, size: int):
        for number in range(first, first + size):
            length = self.length(number)
            yield (
                number,
                {
                    "id": number,
                    "image": np.full((2, 3, 1), number, np.uint8),
                    "label": number % 2,
                    "text": {"en": f"number {number} é"},
                    "tokens": [number] * length,
                    "frames": np.full((length, 2), number, np.float32),
                    "words": [f"w{number}"] * length,
                },
            )

    @staticmethod
    def length(number: int) -> int:
        """Returns the length of an example: 0 to 12."""
        return number * 7 % 13
