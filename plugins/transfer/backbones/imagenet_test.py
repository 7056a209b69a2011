"""Tests of the packaged ImageNet weights on real pictures."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from ogbrain.data.builders import builder
from plugins.transfer.backbones.efficientnet_lite import imagenet_classifier, imagenet_names
from plugins.transfer.pipelines.image_classes import fit_picture

# Stamps that show what ImageNet has a class of, and that class.
KNOWN = {
    "animals/mammals/pig": "pig",
    "animals/mammals/rodents/marmot": "marmot",
    "vehicles/auto/sportscar2": "sports car",
}


class ImagenetTest(absltest.TestCase):
    def test_names_what_real_pictures_show(self):
        data = builder("tuxpaint_stamps", os.environ.get("STAMPS_DIR", ""))
        model, names = imagenet_classifier("lite0"), imagenet_names()
        animals = data.info.features["category"].str2int("animals")
        chosen = [
            row
            for row in data.as_dataset(split="all").as_numpy_iterator()
            if row["id"].decode() in KNOWN or row["category"] == animals
        ]
        pictures = tf.stack([fit_picture(tf.constant(row["image"]), 224) for row in chosen])
        classify = tf.function(lambda batch: tf.argmax(model(batch, training=False), -1))
        best = np.concatenate([classify(pictures[start : start + 16]) for start in range(0, len(chosen), 16)])
        answers = {
            row["id"].decode(): (row["en"].decode().lower(), names[number])
            for row, number in zip(chosen, best, strict=True)
        }
        for stamp, name in KNOWN.items():
            self.assertEqual(answers[stamp][1], name, stamp)
        known = [row for row in chosen if row["id"].decode() in KNOWN]
        for other, size in (("lite1", 240), ("lite2", 260)):
            pictures = tf.stack([fit_picture(tf.constant(row["image"]), size) for row in known])
            best = tf.math.top_k(imagenet_classifier(other)(pictures, training=False), 5).indices.numpy()
            for row, five in zip(known, best, strict=True):  # of a thousand
                self.assertIn(KNOWN[row["id"].decode()], [names[number] for number in five], other)
        # A caption that holds the last word of the class: chance would give less than one in a hundred.
        right = [name.lower().split()[-1] in caption for caption, name in answers.values()]
        self.assertGreater(np.mean(right), 0.2)


if __name__ == "__main__":
    absltest.main()
