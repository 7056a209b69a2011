"""Tests of the benchmark report."""

import json
import os
from unittest import mock

from absl import flags
from absl.testing import absltest, flagsaver

from benchmarks.report import Report


class ReportTest(absltest.TestCase):
    """Rows are compared and written as scripts expect them."""

    def test_json_has_the_agreed_fields(self):
        path = os.path.join(self.create_tempdir().full_path, "deep", "figures.json")
        report = Report("nothing")
        self.assertEqual(report.add("work", ours=6.0, peer=3.0, unit="steps/s"), 2.0)
        self.assertIsNone(report.add("alone", ours=6.0, peer=None, unit="s"))
        with flagsaver.flagsaver(json=path):
            report.finish(flags.FLAGS)
        with open(path) as file:
            content = json.load(file)
        self.assertEqual(content["name"], "nothing")
        self.assertIn("cores", content["machine"])
        self.assertEqual([row["ratio"] for row in content["rows"]], [2.0, None])
        self.assertContainsSubset({"work", "ours", "peer", "ratio"}, content["rows"][0])

    def test_relative_path_is_from_where_the_user_stands(self):
        folder = self.create_tempdir().full_path
        with mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY=folder), flagsaver.flagsaver(json="a.json"):
            Report("nothing").finish(flags.FLAGS)
        self.assertTrue(os.path.exists(os.path.join(folder, "a.json")))

    def test_writes_nothing_without_the_flag(self):
        folder = self.create_tempdir().full_path
        with mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY=folder):
            Report("nothing").finish(flags.FLAGS)
        self.assertEmpty(os.listdir(folder))


if __name__ == "__main__":
    absltest.main()
