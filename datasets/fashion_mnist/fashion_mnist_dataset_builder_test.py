"""Tests of the Fashion-MNIST builder on a few images."""

from unittest import mock

import numpy as np
from absl.testing import absltest

from datasets.fashion_mnist import fashion_mnist_dataset_builder
from ogbrain.data.sources import ArchiveError, package_builder_test_case


class FashionMnistTest(package_builder_test_case.PackageBuilderTestCase):
    DATASET_CLASS = fashion_mnist_dataset_builder.Builder
    SPLITS = {"train": 5, "test": 3}

    def test_images_and_labels_are_those_of_the_files(self):
        builder = self._new_builder()
        builder.download_and_prepare()
        images: dict = {}
        for example in builder.as_dataset(split="train").as_numpy_iterator():
            images[int(example["label"])] = example["image"]
        # dummy_data: image n has label n and every pixel (row, column) is 20 * n + row + column
        ramp = np.add.outer(np.arange(28), np.arange(28))[..., None]
        self.assertEqual(sorted(images), [0, 1, 2, 3, 4])
        for label, image in images.items():
            np.testing.assert_array_equal(image, 20 * label + ramp)

    def test_bad_label_is_skipped_and_counted(self):
        builder = self._new_builder()
        read_idx = fashion_mnist_dataset_builder.read_idx

        def with_bad_label(data, what):
            array = read_idx(data, what)
            return np.where(array == 4, 77, array) if "train-labels" in what else array

        with mock.patch.object(fashion_mnist_dataset_builder, "read_idx", with_bad_label):
            builder.download_and_prepare()
        self.assertEqual(builder.info.splits["train"].num_examples, 4)
        self.assertEqual(builder.info.metadata["skipped"], {"label out of range": 1})

    def test_disagreeing_files_leave_nothing_prepared(self):
        builder = self._new_builder()
        read_idx = fashion_mnist_dataset_builder.read_idx

        def cut_labels(data, what):
            return read_idx(data, what)[:-1] if "labels" in what else read_idx(data, what)

        with (
            mock.patch.object(fashion_mnist_dataset_builder, "read_idx", cut_labels),
            self.assertRaisesRegex(ArchiveError, r"train has images \(5, 28, 28\) and labels \(4,\)"),
        ):
            builder.download_and_prepare()
        self.assertFalse(self._new_builder().is_prepared())

    def _new_builder(self, config=None):
        return self.DATASET_CLASS(data_dir=self.create_tempdir().full_path, config=config)


if __name__ == "__main__":
    absltest.main()
