"""Tests of the digits builder on a few images."""

import json
from unittest import mock

import numpy as np
from absl.testing import absltest

from datasets.mnist_digits import mnist_digits_dataset_builder
from ogbrain.data.sources import ArchiveError, package_builder_test_case


class MnistDigitsTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = mnist_digits_dataset_builder.Builder
    SPLITS = {"train": 80, "validation": 10, "test": 10}

    def test_each_class_is_split_alike_and_bytes_are_restored(self):
        builder = self._new_builder()
        builder.download_and_prepare()
        for split, each in (("train", 8), ("validation", 1), ("test", 1)):
            examples = list(builder.as_dataset(split=split).as_numpy_iterator())
            counts = np.bincount([example["label"] for example in examples], minlength=10)
            np.testing.assert_array_equal(counts, np.full(10, each))
            for example in examples:  # dummy_data: the first pixel is 10 * label + index, of 255
                self.assertEqual(example["image"][0, 0, 0] // 10, example["label"])

    def test_bad_pixels_are_skipped_and_counted(self):
        values = [0.0] * 784 * 3
        values[5], values[784 + 6] = 1.5, float("nan")
        images = self._new_builder()._images("3.json", json.dumps({"data": values}).encode())
        self.assertEqual(sum(map(len, images.values())), 1)

    def test_malformed_files_are_refused(self):
        for data in (b"{", b"[]", b'{"data": "x"}', b'{"data": []}', b'{"data": [0, 1]}', b'{"data": [[0]]}', b"\xff"):
            with self.subTest(data), self.assertRaises(ArchiveError):
                self._new_builder()._images("3.json", data)

    def test_missing_digit_is_refused(self):
        builder = self._new_builder()
        with mock.patch.object(builder, "members", return_value=[]), self.assertRaisesRegex(ArchiveError, "no digits"):
            builder.download_and_prepare()

    def _new_builder(self):
        return self.DATASET_CLASS(data_dir=self.create_tempdir().full_path)


if __name__ == "__main__":
    absltest.main()
