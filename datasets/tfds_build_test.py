"""The builders build with TFDS' own `tfds build`, run in their folders."""

import os
from pathlib import Path

import simple_parsing
import tensorflow_datasets as tfds
from absl.testing import absltest
from tensorflow_datasets.scripts.cli import build

FOLDER = Path(__file__).resolve().parent


class TfdsBuildTest(absltest.TestCase):
    def test_a_builder_is_built_in_its_folder(self):
        # The command's own part: its program imports optional packages for other commands before it starts.
        data_dir = self.create_tempdir().full_path
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(FOLDER / "memory_tasks")
        simple_parsing.parse(build.Args, args=["--config=reber", f"--data_dir={data_dir}"]).execute()
        builder = tfds.builder_from_directory(str(Path(data_dir, "memory_tasks", "reber", "1.0.0")))
        self.assertEqual(builder.info.splits["train"].num_examples, 10_000)

    def test_every_folder_is_laid_out_as_tfds_new_does(self):
        folders = [path.parent for path in FOLDER.glob("*/*_dataset_builder.py")]
        self.assertGreater(len(folders), 7)
        for folder in folders:
            for name in (f"{folder.name}_dataset_builder.py", "README.md", "CITATIONS.bib", "TAGS.txt", "__init__.py"):
                self.assertTrue((folder / name).is_file(), f"{folder.name}/{name}")


if __name__ == "__main__":
    absltest.main()
