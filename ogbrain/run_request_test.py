"""Tests of what `train`'s flags mean together, against a plugin made for it."""

import json
from pathlib import Path
from unittest import mock

from absl.testing import absltest, parameterized

from ogbrain import registry
from ogbrain.errors import UserError
from ogbrain.run_request import RunRequest

MANIFEST = """
import ogbrain
PLUGIN = ogbrain.Plugin(
    name="specimen", api=1, summary="A specimen.",
    experiments={"first": ".nowhere:First", "second": ".nowhere:Second"},
    configs={"first": ".config:First", "second": ".config:First"},
    default_experiment="first",
)
"""
CONFIG = """
import dataclasses
from ogbrain.config import ExperimentConfig

@dataclasses.dataclass(frozen=True)
class First(ExperimentConfig):
    '''A config.'''
    size: int = 3
    '''A size.'''
"""


def size(request: RunRequest) -> int:
    """Returns the field that the specimen's config adds."""
    return vars(request.config)["size"]


class RunRequestTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.create_tempdir())
        plugin = self.folder / "specimen"
        plugin.mkdir()
        for name, text in (("__init__", ""), ("plugin", MANIFEST), ("config", CONFIG)):
            (plugin / f"{name}.py").write_text(text)
        fresh = registry.Registry(sources=lambda: ())
        fresh.add_path(plugin)
        self.enterContext(mock.patch.object(registry, "REGISTRY", fresh))
        self.enterContext(mock.patch.object(registry.configs, "_registry", fresh))
        self.plugin = plugin

    def test_a_plugin_means_its_default_experiment(self):
        request = RunRequest.resolve(plugin="specimen", overrides=["--config.size=5"])
        self.assertEqual((request.experiment, size(request), request.resume), ("specimen/first", 5, False))

    def test_a_saved_request_repeats_the_run(self):
        first = RunRequest.resolve(
            experiment="specimen/second", plugin_path=[self.plugin], overrides=["--config.optimizer.learning_rate=0.5"]
        )
        first.save(self.folder)
        again = RunRequest.resolve(config_file=self.folder / "config.json")
        self.assertEqual(again, first)
        changed = RunRequest.resolve(config_file=self.folder / "config.json", overrides=["--config.size=9"])
        self.assertEqual((size(changed), changed.config.optimizer.learning_rate), (9, 0.5))

    def test_resume_takes_the_run_as_it_is(self):
        RunRequest.resolve(plugin="specimen", overrides=["--config.size=4"]).save(self.folder)
        request = RunRequest.resolve(run_dir=self.folder, resume=True)
        self.assertEqual((size(request), request.resume), (4, True))
        RunRequest.resolve(run_dir=self.folder, resume=True, plugin="specimen", overrides=["--config.size=4"])
        with self.assertRaisesRegex(UserError, "config.size: 5 is not allowed with --resume, the run has 4"):
            RunRequest.resolve(run_dir=self.folder, resume=True, overrides=["--config.size=5"])

    @parameterized.parameters(
        ({}, "--plugin=NAME or --experiment=PLUGIN/NAME is needed; plugins: specimen"),
        ({"plugin": "specimn"}, "unknown plugin 'specimn'; did you mean 'specimen'"),
        ({"experiment": "specimen/frist"}, "unknown experiment 'specimen/frist'; did you mean 'specimen/first'"),
        ({"experiment": "specimen/first", "plugin": "other"}, "is not of --plugin=other"),
        ({"plugin": "specimen", "resume": True}, "--resume: needs --run_dir=DIR"),
        ({"plugin": "specimen", "overrides": ["--config.sise=1"]}, "did you mean config.size"),
        ({"config_file": Path("none.json")}, "config file none.json: cannot be read"),
        ({"run_dir": Path("nowhere"), "resume": True}, "nowhere/config.json: cannot be read"),
        ({"plugin": "specimen", "run_dir": Path(__file__)}, "is a file; a folder, made if need be"),
    )
    def test_contradictions_and_unknown_names_are_one_line(self, arguments, message):
        with self.assertRaises(UserError) as caught:
            RunRequest.resolve(**arguments)
        self.assertIn(message, str(caught.exception))
        self.assertLen(str(caught.exception).splitlines(), 1)

    def test_a_folder_in_use_and_a_file_of_another_experiment_are_refused(self):
        RunRequest.resolve(plugin="specimen").save(self.folder)
        with self.assertRaisesRegex(UserError, "holds a run already; add --resume"):
            RunRequest.resolve(plugin="specimen", run_dir=self.folder)
        with self.assertRaisesRegex(UserError, "holds a run already; add --resume"):
            RunRequest.resolve(config_file=self.folder / "config.json", run_dir=self.folder)
        with self.assertRaisesRegex(UserError, "the config file is of 'specimen/first'"):
            RunRequest.resolve(experiment="specimen/second", config_file=self.folder / "config.json")
        record = json.loads((self.folder / "config.json").read_text())
        record["config"]["size"] = "three"
        (self.folder / "config.json").write_text(json.dumps(record))
        with self.assertRaisesRegex(UserError, "config.size: 'three' is not allowed; a value of type int"):
            RunRequest.resolve(config_file=self.folder / "config.json")


if __name__ == "__main__":
    absltest.main()
