"""Bad input to any program: one clear line, the right exit code, no traceback, nothing lost."""

import os
import resource
from pathlib import Path

from absl.testing import absltest, parameterized

from tests import programs

FOLDER = Path(os.environ.get("TEST_TMPDIR", "/tmp"))

BROKEN = {
    "raises": "raise RuntimeError('out of luck')",
    "exits": "import sys; sys.exit(3)",
    "tomorrow": "import ogbrain\nPLUGIN = ogbrain.Plugin(name='tomorrow', api=99, summary='Later.')",
    "attention": "import ogbrain\nPLUGIN = ogbrain.Plugin(name='attention', api=1, summary='Clashes.')",
}


class BadInputTest(parameterized.TestCase):
    """None of these gets as far as TensorFlow, unless it must."""

    def assert_one_line(self, outcome, code, *parts):
        self.assertEqual(outcome.code, code, outcome.errors)
        last = outcome.errors.strip().splitlines()[-1]
        self.assertStartsWith(last, "error: ")
        for part in parts:
            self.assertIn(part, last)
        self.assertNotIn("Traceback", outcome.errors)

    @parameterized.parameters(
        ("train", (), "--plugin=NAME or --experiment=PLUGIN/NAME is needed; plugins: attention"),
        ("train", ("--plugin=atention",), "unknown plugin 'atention'; did you mean 'attention'?"),
        ("train", ("--experiment=attention/glimps",), "did you mean 'attention/glimpse'?"),
        ("train", ("--experiment=glimpse",), "did you mean 'attention/glimpse'?"),
        ("train", ("--plugin=attention", "--config.glimpse=3"), "did you mean config.glimpses?"),
        ("train", ("--plugin=attention", "--config.glimpses=none"), "'none' is not allowed; a value of type int"),
        ("train", ("--plugin=attention", "--config.glimpses=0"), "config.glimpses: 0 is not allowed; from 1 to 100"),
        ("train", ("--plugin=attention", "--config.baseline=mpl"), "did you mean 'mlp'?"),
        ("train", ("--plugn=attention",), "unknown flag '--plugn'; did you mean '--plugin'?"),
        ("train", ("--plugin=attention", "--resume"), "--resume: needs --run_dir=DIR"),
        ("train", ("--config_file=nowhere.json",), "nowhere.json: cannot be read"),
        ("train", ("--plugin_path=nowhere",), "nowhere"),
        ("evaluate", (), "--run=DIR is needed"),
        ("evaluate", ("--run=x", "--split=tset"), "did you mean 'test'?"),
        ("predict", ("--run=x",), "--input=FILE|TEXT, --input_file=FILE or --stream is needed"),
        ("predict", ("--run=x", "--stream", "--input=y"), "--stream: reads standard input; not with --input"),
        ("predict", ("--run=x", "--input_file=nowhere.txt"), "nowhere.txt: No such file or directory"),
        ("export", ("--run=x",), "--export_dir=DIR are needed"),
        ("export", ("--run=x", "--export_dir=y", "--version=-1"), "--version=-1: is not allowed"),
        ("plugins", ("descrbe", "attention"), "did you mean 'describe'?"),
        ("plugins", ("describe", "atention"), "did you mean 'attention'?"),
        ("datasets", ("prepare", "fashion_mnis"), "did you mean 'fashion_mnist'?"),
    )
    def test_is_one_line_and_exit_code_2(self, program, arguments, message):
        self.assert_one_line(programs.run(program, *arguments), 2, message)

    def test_folders_that_are_no_runs(self):
        runs = FOLDER / "runs"
        (runs / "20260101-120000-abcd").mkdir(parents=True)
        (runs / "20260101-120000-abcd" / "config.json").write_text("{}")
        outcome = programs.run("evaluate", f"--run={runs / '20260101-120000-abcx'}")
        self.assert_one_line(outcome, 2, "there is no such folder; did you mean", "20260101-120000-abcd?")

    def test_a_config_file_that_is_none(self):
        file = FOLDER / "garbage.json"
        file.write_bytes(b"\xff\x00 garbage")
        self.assert_one_line(programs.run("train", f"--config_file={file}"), 2, "garbage.json: is not JSON")

    def test_broken_plugins_are_shown_and_hurt_no_other(self):
        folder = FOLDER / "plugins"
        for name, text in BROKEN.items():
            (folder / name).mkdir(parents=True)
            (folder / name / "__init__.py").write_text("")
            (folder / name / "plugin.py").write_text(text)
        listed = programs.run("plugins", "list", f"--plugin_path={folder}")
        self.assertEqual(listed.code, 0, listed.errors)
        for part in ("out of luck", "tomorrow", "99", "glimpses"):
            self.assertIn(part, listed.output)
        outcome = programs.run("train", "--plugin=tomorrow", f"--plugin_path={folder}")
        self.assert_one_line(outcome, 2, "plugin 'tomorrow'", "API 99")

    def test_data_that_cannot_be_had(self):
        # No registry's client on the PATH, and nothing fetched before.
        outcome = programs.run(
            "train", "--plugin=attention", f"--run_dir={FOLDER / 'offline'}", OGBRAIN_DATA_DIR=str(FOLDER / "nothing"),
            PATH=only_python(),
        )  # fmt: skip
        self.assert_one_line(outcome, 2, "apt-get")

    def test_unknown_data(self):
        # The second time the folder is as free as the first time.
        for _ in range(2):
            outcome = programs.run(
                "train", "--plugin=attention", "--config.data.name=fashion_mnits", f"--run_dir={FOLDER / 'u'}"
            )
            self.assert_one_line(outcome, 2, "fashion_mnits", "did you mean 'fashion_mnist'?")

    def test_a_full_disk_is_one_line_and_exit_code_1(self):
        # The size of files is limited to what the config needs and a checkpoint exceeds: writes fail as on a full disk.
        data = programs.writable_data(FOLDER / "data")
        arguments = ("--plugin=attention", f"--run_dir={FOLDER / 'full'}", "--config.baseline=none", "--noconfig.xla")
        small = ("--config.units=16", "--config.epochs=1", "--config.steps_per_epoch=2", "--config.evaluation_steps=1")
        # The first run, without a limit, leaves its decoded pictures beside the data.
        first = programs.run(
            "train", *arguments[:1], f"--run_dir={FOLDER / 'free'}", *arguments[2:], *small, OGBRAIN_DATA_DIR=data
        )
        self.assertEqual(first.code, 0, first.errors)
        outcome = programs.run(
            "train", *arguments, *small, OGBRAIN_DATA_DIR=data,
            preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        )  # fmt: skip
        self.assert_one_line(outcome, 1, f"run folder {FOLDER / 'full'}", "cannot be written")


def only_python() -> str:
    """Returns a PATH with the tools that start a program, but no registry's client."""
    tools = FOLDER / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "sh", "env", "python3", "dirname", "readlink"):
        for folder in ("/usr/bin", "/bin"):
            if Path(folder, name).exists() and not (tools / name).exists():
                (tools / name).symlink_to(Path(folder, name))
    return str(tools)


if __name__ == "__main__":
    absltest.main()
