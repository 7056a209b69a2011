"""Tests of a study's runs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from absl.testing import absltest

from benchmarks import study_run
from ogbrain.config import ExperimentConfig
from ogbrain.errors import UserError


class StudyRunTest(absltest.TestCase):
    def test_goes_on_with_the_same_config_only(self):
        folder = Path(self.create_tempdir().full_path, "deep", "run")
        first: Any = SimpleNamespace(config=ExperimentConfig(seed=1))
        other: Any = SimpleNamespace(config=ExperimentConfig(seed=2))

        def record(*_):
            (folder / "metrics.jsonl").write_text(
                '{"split": "train", "return": 1}\n{"split": "validation", "return": 2.5}\n'
            )
            return mock.Mock(run=lambda: {"seconds": 3})

        with mock.patch.object(study_run, "RunLoop", side_effect=record) as loop:
            for _ in range(2):
                self.assertEqual(study_run.study_run("a/b", first, folder), ({"seconds": 3}, [2.5]))
            saved = (folder / "config.json").read_text()
            with self.assertRaisesRegex(UserError, "deep/run: holds a run with another config"):
                study_run.study_run("a/b", other, folder)
        self.assertEqual(loop.call_count, 2)
        self.assertEqual((folder / "config.json").read_text(), saved)


if __name__ == "__main__":
    absltest.main()
