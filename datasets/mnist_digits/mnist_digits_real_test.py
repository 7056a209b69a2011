"""Tests of the digits on the real package."""

import numpy as np
from absl.testing import absltest

from ogbrain.data import builders


class MnistDigitsRealTest(absltest.TestCase):
    def test_splits_are_stratified_and_disjoint(self):
        builder = builders.builder("mnist_digits")
        counts: list = []
        seen: dict = {}
        for split in ("train", "validation", "test"):
            data = builder.as_dataset(split=split, batch_size=-1)
            counts.append(np.bincount(data["label"], minlength=10))
            for image in data["image"].numpy():
                seen.setdefault(image.tobytes(), set()).add(split)
        total = sum(counts)
        self.assertEqual(total.sum(), 10_000)
        self.assertEqual((total.min(), total.max()), (863, 1127))
        for count, share in zip(counts, (0.8, 0.1, 0.1), strict=True):
            np.testing.assert_allclose(count, total * share, atol=1)
        self.assertEqual({len(splits) for splits in seen.values()}, {1})


if __name__ == "__main__":
    absltest.main()
