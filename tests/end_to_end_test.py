"""From real images to an exported model, with the programs that users start."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
from absl.testing import absltest
from PIL import Image

from tests import programs

SMALL = (
    "--config.canvas=40",
    "--config.glimpses=3",
    "--config.units=32",
    "--config.patch_units=32",
    "--config.location_units=32",
    "--config.policy_units=16",
    "--config.batch_size=64",
    "--config.epochs=2",
    "--config.steps_per_epoch=30",
    "--config.evaluation_steps=4",
    "--config.log_every=10",
    "--config.checkpoint_seconds=0",
    "--noconfig.xla",
)


class EndToEndTest(absltest.TestCase):
    """Train, evaluate, predict, export; kill and resume."""

    folder: Path
    data: str
    run_dir: Path
    trained: programs.Outcome

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(os.environ.get("TEST_TMPDIR", "/tmp"), "end_to_end")
        cls.folder.mkdir()
        cls.data = programs.writable_data(cls.folder / "data")
        cls.run_dir = cls.folder / "run"
        cls.trained = cls.program("train", "--plugin=attention", f"--run_dir={cls.run_dir}", *SMALL)

    @classmethod
    def program(cls, name, *arguments):
        return programs.run(name, *arguments, OGBRAIN_DATA_DIR=cls.data)

    def succeed(self, name, *arguments):
        outcome = self.program(name, *arguments)
        self.assertEqual(outcome.code, 0, outcome.errors)
        return outcome

    def test_training_shows_its_figures_and_the_next_command(self):
        self.assertEqual(self.trained.code, 0, self.trained.errors)
        self.assertIn("baseline mlp", self.trained.output)
        self.assertIn(f"run folder: {self.run_dir}", self.trained.output)
        self.assertIn(f"bazel run //ogbrain:predict -- --run={self.run_dir} --input=FILE", self.trained.output)
        for name in (
            "config.json",
            "results.json",
            "metrics.jsonl",
            "MODEL_CARD.md",
            "plots/accuracy.png",
            "plots/glimpse_path.png",
        ):
            self.assertTrue((self.run_dir / name).is_file(), name)
        results = json.loads((self.run_dir / "results.json").read_text())
        self.assertIn("accuracy", results["baselines"]["mlp"]["test"])
        self.assertNotIn("Traceback", self.trained.errors)

    def test_evaluate_predict_and_export(self):
        output = self.folder / "answers"
        self.succeed("evaluate", f"--run={self.run_dir}", "--split=validation", f"--output_dir={output}")
        self.assertBetween(json.loads((output / "validation.json").read_text())["accuracy"], 0.0, 1.0)

        picture = self.folder / "boot.png"
        Image.fromarray(np.tile(np.arange(0, 240, 4, dtype=np.uint8), (60, 1))).save(picture)
        predicted = self.succeed("predict", f"--run={self.run_dir}", f"--input={picture}", f"--output_dir={output}")
        with Image.open(predicted.output.split("picture: ")[1].strip()) as drawn:
            self.assertGreater(drawn.size[0], 60)

        listed = self.folder / "pictures.txt"
        listed.write_bytes(f"\ufeff{picture}\r\n\n{picture}\n".encode())
        many = self.succeed("predict", f"--run={self.run_dir}", f"--input_file={listed}", f"--output_dir={output}")
        answers = [json.loads(line) for line in many.output.splitlines()]
        self.assertEqual([answer["input"] for answer in answers], [str(picture)] * 2)

        refused = self.program("predict", f"--run={self.run_dir}", "--stream")
        self.assertEqual((refused.code, refused.errors.count("answers no streams")), (2, 1), refused.errors)

        exported = self.succeed("export", f"--run={self.run_dir}", f"--export_dir={self.folder / 'exports'}")
        version = Path(exported.output.split("exported: ")[1].splitlines()[0])
        self.assertEqual(version.name, "1")
        again = self.succeed("export", f"--run={self.run_dir}", f"--export_dir={self.folder / 'exports'}")
        self.assertIn("attention_glimpse/2", again.output)
        import tensorflow as tf

        answers = tf.saved_model.load(str(version)).signatures["serving_default"](
            image_bytes=tf.constant([picture.read_bytes()] * 3)
        )
        self.assertEqual(answers["probabilities"].shape, (3, 10))
        np.testing.assert_allclose(tf.reduce_sum(answers["probabilities"], -1), 1.0, atol=1e-5)

    def test_a_killed_run_resumed_ends_bit_for_bit_like_an_unbroken_one(self):
        killed = self.folder / "killed"
        arguments = programs.command_line("train", "--plugin=attention", f"--run_dir={killed}", *SMALL)
        step = random.randrange(1, 59)
        print(f"killing at step {step}")
        with open(self.folder / "killed.log", "w") as log:
            process = subprocess.Popen(
                arguments,
                env=programs.environment(OGBRAIN_DATA_DIR=self.data),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            deadline = time.monotonic() + 240
            while time.monotonic() < deadline and process.poll() is None:
                saved = [int(file.stem.split("-")[1]) for file in killed.glob("checkpoints/last-*.index")]
                if max(saved, default=0) >= step:
                    break
                time.sleep(0.005)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.assertFalse((killed / "results.json").exists(), "ended before it was killed")
        resumed = self.succeed("train", f"--run_dir={killed}", "--resume")
        self.assertIn("resumed at step", resumed.output)
        for name in ("test", "validation", "best_step"):
            first, second = (json.loads((run / "results.json").read_text()) for run in (self.run_dir, killed))
            self.assertEqual(first[name], second[name])
            self.assertEqual(first["baselines"]["mlp"]["test"], second["baselines"]["mlp"]["test"])

    def test_sigterm_saves_and_says_how_to_resume(self):
        stopped = self.folder / "stopped"
        process = subprocess.Popen(
            programs.command_line(
                "train", "--plugin=attention", f"--run_dir={stopped}", "--config.baseline=none", *SMALL
            ),
            env=programs.environment(OGBRAIN_DATA_DIR=self.data),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        while process.poll() is None and not list(stopped.glob("checkpoints/last-*.index")):
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn(f"and saved; resume: bazel run //ogbrain:train -- --run_dir={stopped} --resume", errors)

    def test_unreadable_checkpoints_are_one_line(self):
        broken = self.folder / "broken"
        (broken / "checkpoints").mkdir(parents=True)
        (broken / "config.json").write_bytes((self.run_dir / "config.json").read_bytes())
        for name in ("best-30.index", "best-30.data-00000-of-00001"):
            (broken / "checkpoints" / name).write_bytes(b"not a checkpoint")
        outcome = self.program("evaluate", f"--run={broken}")
        self.assertEqual(outcome.code, 2, outcome.errors)
        self.assertRegex(outcome.errors.splitlines()[-1], "^error: checkpoint .*best-30: cannot be read ")
        self.assertNotIn("Traceback", outcome.errors)


if __name__ == "__main__":
    absltest.main()
