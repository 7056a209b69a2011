"""Tests of the weights on the real package."""

import numpy as np
from absl.testing import absltest

from ogbrain.data import resources


class EfficientnetLiteRealTest(absltest.TestCase):
    def test_weights_are_whole(self):
        for name, tensors in (("lite0", 296), ("lite1", 386), ("lite2", 386)):
            weights = resources.load(f"efficientnet_lite/{name}")
            self.assertLen(weights, tensors)
            self.assertEqual(weights["_fc.weight"].shape, (1000, 1280))
            self.assertEqual(weights["_conv_stem.weight"].shape, (32, 3, 3, 3))
            for array in weights.values():
                self.assertTrue(np.isfinite(array).all())
            for key in weights:
                if key.endswith("running_var"):
                    self.assertGreaterEqual(weights[key].min(), 0)
        lite0 = resources.load("efficientnet_lite/lite0")
        floats = sum(array.size for array in lite0.values() if array.dtype == np.float32)
        self.assertEqual(floats, 4_694_024)  # with the moving averages
        self.assertRegex(resources.info("efficientnet_lite/lite0")["sha256"], "^f2bc3dd05dbc22e1")


if __name__ == "__main__":
    absltest.main()
