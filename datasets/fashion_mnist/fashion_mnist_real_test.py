"""Tests of Fashion-MNIST on the real package."""

import numpy as np
from absl.testing import absltest

from ogbrain.data import builders


class FashionMnistRealTest(absltest.TestCase):
    def test_all_images_are_there(self):
        builder = builders.builder("fashion_mnist")
        for split, each in (("train", 6000), ("test", 1000)):
            data = builder.as_dataset(split=split, batch_size=-1)
            self.assertEqual(data["image"].shape, (10 * each, 28, 28, 1))
            np.testing.assert_array_equal(np.bincount(data["label"]), np.full(10, each))
            images = data["image"].numpy()
            # Mean and spread of all pixels, as published for the set: 0.286 and 0.353 of the range.
            self.assertAlmostEqual(images.mean() / 255, 0.286, delta=0.002)
            self.assertAlmostEqual(images.std() / 255, 0.353, delta=0.002)
        package = builder.info.metadata["packages"]["dataset-fashion-mnist"]
        self.assertRegex(package["sha256"], "^[0-9a-f]{64}$")
        self.assertNotEmpty(package["version"])
        self.assertNotIn("skipped", builder.info.metadata)


if __name__ == "__main__":
    absltest.main()
