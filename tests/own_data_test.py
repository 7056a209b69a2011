"""From a folder of one's own to an exported classifier in one command."""

import csv
import os
import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from absl.testing import absltest
from PIL import Image

from tests import programs

FOLDER = Path(os.environ.get("TEST_TMPDIR", "/tmp"), "own")


class OwnDataTest(absltest.TestCase):
    def train(self, name, *arguments):
        done = programs.run(
            "train",
            f"--run_dir={FOLDER}/{name}",
            f"--export_dir={FOLDER}/exports",
            f"--config.data.data_dir={FOLDER}/data",
            "--config.baseline=none",
            *arguments,
        )
        self.assertEqual(done.code, 0, done.errors)
        for plot in ("confusion", "worst_mistakes"):
            self.assertTrue((FOLDER / name / "plots" / f"{plot}.png").exists(), plot)
        exported = re.search(r"exported: +(.*)", done.output)
        assert exported, done.output
        return tf.saved_model.load(exported[1]).signatures, done

    def test_pictures(self):
        random = np.random.default_rng(0)
        for label in ("cat", "dog"):
            (FOLDER / "pictures" / label).mkdir(parents=True)
            for number in range(20):  # noise, so that there are mistakes to draw
                pixels = random.integers(0, 255, (12, 10, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(FOLDER / "pictures" / label / f"{number}.png")
        (FOLDER / "pictures" / "cat" / "broken.jpg").write_bytes(b"\xff\xd8broken")
        keras.utils.set_random_seed(0)
        inputs = keras.Input((None, None, 3))
        keras.Model(inputs, keras.layers.Conv2D(4, 3, 2)(inputs)).save(FOLDER / "net.keras")
        signatures, done = self.train(
            "birds",
            "--plugin=transfer",
            f"--data=folder:{FOLDER}/pictures",
            f"--config.backbone=file:{FOLDER}/net.keras",
            "--config.image_size=16",
            "--config.epochs=2",
            "--config.probe_epochs=1",
        )
        self.assertRegex(done.errors, "skipped .*cat/broken.jpg")
        picture = FOLDER / "pictures" / "dog" / "3.png"  # the decoders of JPEG differ a little
        answer = signatures["serving_default"](image_bytes=tf.constant([picture.read_bytes()] * 2))
        self.assertIn(answer["label"].numpy()[0], (b"cat", b"dog"))
        self.assertEqual(answer["probabilities"].shape, (2, 2))
        features = signatures["features"](image_bytes=tf.constant([picture.read_bytes()]))
        self.assertEqual(features["features"].shape, (1, 4))
        predicted = programs.run(
            "predict", f"--run={FOLDER}/birds", f"--input={picture}", f"--output_dir={FOLDER}/predictions"
        )
        self.assertEqual(predicted.code, 0, predicted.errors)
        label, probability = answer["label"].numpy()[0].decode(), answer["probabilities"].numpy()[0].max()
        self.assertIn(f"{label} {probability:.3f}", predicted.output)

    def test_texts(self):
        with open(FOLDER / "reviews.csv", "w") as file:
            rows = csv.writer(file)
            rows.writerow(["text", "label"])
            # What is said does not follow from the words, so that there are mistakes to draw.
            rows.writerows((f"{('good', 'bad')[number % 2]} n{number}", "ab"[number % 3 % 2]) for number in range(60))
        signatures, _ = self.train(
            "reviews",
            "--experiment=transfer/sentiment",
            f"--data=folder:{FOLDER}/reviews.csv",
            "--config.vectors=random",
            "--config.epochs=2",
        )
        answer = signatures["serving_default"](text=tf.constant(["good", "x", "", "é" * 1_000_000]))
        self.assertEqual(answer["probabilities"].shape, (4, 2))
        np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], 1), 1, rtol=1e-5)
        self.assertEqual(signatures["features"](text=tf.constant(["good"]))["features"].shape, (1, 300))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    absltest.main()
