import os
from pathlib import Path
from unittest import mock

from absl.testing import absltest

from ogbrain.paths import user_path, working_directory


class PathsTest(absltest.TestCase):
    def test_under_bazel_run_paths_are_relative_to_where_the_user_stands(self):
        with mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY="/home/ada/brain"):
            self.assertEqual(user_path("runs/first"), Path("/home/ada/brain/runs/first"))
            self.assertEqual(user_path("/data"), Path("/data"))
            self.assertEqual(working_directory(), Path("/home/ada/brain"))

    def test_elsewhere_to_the_current_folder(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("BUILD_WORKING_DIRECTORY", None)
            self.assertEqual(user_path("runs"), Path.cwd() / "runs")

    def test_home(self):
        with mock.patch.dict(os.environ, HOME="/home/ada", BUILD_WORKING_DIRECTORY="/tmp"):
            self.assertEqual(user_path("~/runs"), Path("/home/ada/runs"))
            self.assertEqual(user_path("~no such user"), Path("/tmp/~no such user"))


if __name__ == "__main__":
    absltest.main()
