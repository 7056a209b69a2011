"""The conformance kit on all that the plugin has."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from PIL import Image

import ogbrain
from ogbrain import testing
from ogbrain.config import DataConfig, OptimizerConfig

testing.load_plugin(__file__)


class PluginTest(testing.PluginTestCase):
    def test_conformance(self):
        self.check_plugin(__file__)


class LayerTest(testing.LayerTestCase):
    def test_conformance(self):
        layer_class = ogbrain.layers.get("rhythm/leaky_memory")
        inputs = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
        self.check_layer(layer_class, {"units": 4}, inputs, output_shape=(2, 4))
        self.check_layer(layer_class, {"units": 4, "return_sequences": True}, inputs, output_shape=(2, 5, 4))


class PicturesTest(testing.PipelineTestCase):
    spec = {"image": ((None, 8, 8, 1), tf.float32), "label": ((None,), tf.int64)}

    def setUp(self):
        super().setUp()
        self.enterContext(testing.use_data(testing.TinyImages))

    def make_pipeline(self):
        return ogbrain.pipelines.get("rhythm/pictures")("tiny_images")


class ClassifyTest(testing.ExperimentTestCase):
    def test_conformance(self):
        self.enterContext(testing.use_data(testing.TinyImages))
        config = ogbrain.configs.get("rhythm/classify")(
            epochs=3, batch_size=32, log_every=1, units=16, baseline="none", data=DataConfig(name="tiny_images"),
            optimizer=OptimizerConfig(learning_rate=1e-2),
        )  # fmt: skip
        picture = self.create_tempfile("picture.png").full_path
        Image.fromarray(np.full((20, 20, 3), 100, "uint8")).save(picture)
        self.check_experiment(ogbrain.experiments.get("rhythm/classify"), config, inputs=[picture])


if __name__ == "__main__":
    absltest.main()
