"""Tests of configs: types, checks, overrides and the JSON round trip."""

import dataclasses
import tempfile
from pathlib import Path

from absl.testing import absltest, parameterized
from hypothesis import given
from hypothesis import strategies as st

from ogbrain import config as config_lib
from ogbrain.errors import UserError


@dataclasses.dataclass(frozen=True)
class Specimen(config_lib.ExperimentConfig):
    """A config with a field of every kind."""

    scales: tuple[int, ...] = (1, 2)
    """Whole numbers."""
    names: tuple[str, ...] = ("a",)
    """Words."""


def _resolve(*arguments: str) -> Specimen:
    overrides, rest = config_lib.split_arguments(arguments)
    assert not rest, rest
    return config_lib.resolve(Specimen(), overrides)


class OverridesTest(parameterized.TestCase):
    @parameterized.parameters(
        (["--config.seed=3"], "seed", 3),
        (["--config.seed", "3"], "seed", 3),
        (["--config.xla"], "xla", True),
        (["--noconfig.xla"], "xla", False),
        (["--config.scales=(3,4)"], "scales", (3, 4)),
        (["--config.scales=3,4"], "scales", (3, 4)),
        (["--config.scales=3"], "scales", (3,)),
        (["--config.names=x,y"], "names", ("x", "y")),
        (["--config.names=train[:9],train[9:]"], "names", ("train[:9]", "train[9:]")),
        (["--config.optimizer.learning_rate=1"], "optimizer", config_lib.OptimizerConfig(learning_rate=1.0)),
        (["--config.data.name=glue/cola"], "data", config_lib.DataConfig(name="glue/cola")),
        (["--config.seed=1", "--config.seed=2"], "seed", 2),
    )
    def test_sets_the_field_and_no_other(self, arguments, field, expected):
        self.assertEqual(_resolve(*arguments), dataclasses.replace(Specimen(), **{field: expected}))

    @parameterized.parameters(
        ("--config.sed=3", "unknown config field config.sed; did you mean config.seed? "),
        ("--config.learning_rate=3", "did you mean config.optimizer.learning_rate? "),
        ("--config.seed=abc", "config.seed: 'abc' is not allowed; a value of type int"),
        ("--config.seed=1.5", "config.seed: '1.5' is not allowed; a value of type int"),
        ("--config.seed", "config.seed: has no value"),
        ("--config.xla=maybe", "config.xla: 'maybe' is not allowed; a value of type bool"),
        ("--config.scales=3.5", "config.scales[0]: 3.5 is not allowed; a value of type int"),
        ("--config.optimizer=3", "config.optimizer: is a group of fields; set one of config.optimizer.name"),
        ("--config.batch_size=0", "config.batch_size: 0 is not allowed; at least 1"),
        ("--config.optimizer.name=adma", "config.optimizer.name: 'adma' is not allowed; did you mean 'adam'? "),
        ("--config.optimizer.learning_rate=nan", "config.optimizer.learning_rate: nan is not allowed"),
        ("--config.data.name=", "config.data.name: '' is not allowed"),
    )
    def test_bad_input_is_one_clear_line(self, argument, message):
        with self.assertRaises(UserError) as caught:
            _resolve(argument)
        self.assertIn(message, str(caught.exception))
        self.assertNotIn("\n", str(caught.exception))

    def test_other_arguments_are_left(self):
        overrides, rest = config_lib.split_arguments(
            ["train", "--plugin=x", "--config.seed", "1", "--config.xla", "--debug"]
        )
        self.assertEqual(overrides, ["--config.seed=1", "--config.xla"])
        self.assertEqual(rest, ["train", "--plugin=x", "--debug"])

    @given(st.text(max_size=20), st.text(max_size=20))
    def test_anything_typed_is_taken_or_refused_in_one_line(self, field, value):
        try:
            _resolve(f"--config.{field}={value}")
        except UserError as error:
            self.assertLen(str(error).splitlines(), 1)


class SerializationTest(absltest.TestCase):
    @given(
        st.builds(
            Specimen,
            seed=st.integers(0, 2**31 - 1),
            xla=st.booleans(),
            scales=st.lists(st.integers(-5, 5)).map(tuple),
            names=st.lists(st.text(max_size=5)).map(tuple),
            optimizer=st.builds(config_lib.OptimizerConfig, learning_rate=st.floats(0, 1)),
        )
    )
    def test_a_saved_config_comes_back_equal(self, config):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "config.json")
            config_lib.save(config, file, experiment="a/b")
            record = config_lib.load(file)
        self.assertEqual(record["experiment"], "a/b")
        self.assertEqual(config_lib.from_dict(Specimen, record["config"]), config)

    def test_bad_files_are_named(self):
        folder = Path(self.create_tempdir())
        (folder / "broken.json").write_text("{")
        (folder / "other.json").write_text("[]")
        for name, reason in (
            ("none.json", "cannot be read"),
            ("broken.json", "not JSON"),
            ("other.json", 'no "config"'),
        ):
            with self.assertRaisesRegex(UserError, f"{name}: .*{reason}"):
                config_lib.load(folder / name)

    def test_unknown_fields_and_wrong_types_in_a_file_are_refused(self):
        with self.assertRaisesRegex(UserError, "did you mean config.optimizer.momentum"):
            config_lib.from_dict(Specimen, {"optimizer": {"momentun": 1.0}})
        with self.assertRaisesRegex(UserError, "config.seed: '1' is not allowed; a value of type int"):
            config_lib.from_dict(Specimen, {"seed": "1"})
        with self.assertRaisesRegex(UserError, "config.optimizer: 3 is not allowed; a group of fields"):
            config_lib.from_dict(Specimen, {"optimizer": 3})

    def test_flat_values_are_numbers_and_strings_by_dotted_name(self):
        flat = config_lib.flat_values(config_lib.ExperimentConfig())
        self.assertEqual(flat["optimizer.learning_rate"], config_lib.ExperimentConfig().optimizer.learning_rate)
        self.assertEqual(set(map(type, flat.values())) - {bool, int, float, str}, set())


if __name__ == "__main__":
    absltest.main()
