import os
import subprocess
import sys
from pathlib import Path

from absl import flags
from absl.testing import absltest, parameterized

from ogbrain import command, registry
from ogbrain.command_test_case import CommandTestCase
from ogbrain.errors import RunError, UserError
from ogbrain.registry.specimens import manifest, write_plugin

flags.DEFINE_integer("count", 3, "How many.")
flags.DEFINE_string("hidden_flag", "", "Not for people.")


class CommandTest(CommandTestCase):
    shown = ("count=N",)

    def test_main_gets_arguments_and_flags_in_any_order(self):
        seen = []
        main = lambda arguments: seen.append((arguments, flags.FLAGS.count))  # noqa: E731
        self.assertEqual(self.run_command(main, "list", "--count=5", "all"), (0, "", ""))
        self.assertEqual(self.run_command(main, "--count", "4", "--", "--count=6"), (0, "", ""))
        self.assertEqual(seen, [(["list", "all"], 5), (["--count=6"], 4)])

    def test_exit_code_of_main(self):
        self.assertEqual(self.run_command(lambda _: 1)[0], 1)

    @parameterized.parameters(
        (UserError("seed: 'x' is not allowed"), 2, "error: seed: 'x' is not allowed\n"),
        (RunError("disk full"), 1, "error: disk full\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (ValueError("a\nb"), 1, "error: internal: ValueError: a b (rerun with --debug for the traceback)\n"),
    )
    def test_error_is_one_line_and_with_debug_a_traceback(self, error, code, line):
        def main(arguments):
            raise error

        self.assertEqual(self.run_command(main), (code, "", line))
        debug_code, _, text = self.run_command(main, "--debug")
        self.assertEqual(debug_code, code)
        self.assertIn("Traceback (most recent call last)", text)
        self.assertIn("in main", text)
        self.assertTrue(text.splitlines()[-1] in line)

    @parameterized.parameters(
        ("--cuont=3", "unknown flag '--cuont'; did you mean '--count'? Known: --count, --debug, --plugin_path"),
        ("--count=many", "flag --count=many"),
        ("--nodbug", "unknown flag '--nodbug'"),
        ("--count", "count"),
    )
    def test_bad_flag(self, flag, message):
        code, output, errors = self.run_command(lambda _: self.fail("not reached"), flag)
        self.assertEqual((code, output), (2, ""))
        self.assertLen(errors.splitlines(), 1)
        self.assertStartsWith(errors, "error: ")
        self.assertIn(message, errors)

    @parameterized.parameters("--help", "-h", "-help", "--helpfull")
    def test_help_shows_the_flags_that_matter_a_line_each(self, flag):
        code, output, errors = self.run_command(lambda _: self.fail("not reached"), "--no_such_flag", flag)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(output.splitlines()[:4], ["Usage: bazel run //x", "", "Counts.", ""])
        lines = output.partition("Flags:\n")[2].splitlines()
        self.assertEqual(lines[0].split(), ["--count=N", "How", "many.", "Default:", "3."])
        self.assertLen(lines, 3)
        self.assertNotIn("hidden_flag", output)
        self.assertNotIn("verbosity", output)

    def test_plugin_path_is_relative_to_where_the_user_stands(self):
        folder = Path(self.create_tempdir().full_path)
        write_plugin(folder / "mine" / "command_specimen", manifest("command_specimen"))
        main = lambda _: print(registry.layers.names())  # noqa: E731
        with absltest.mock.patch.dict(os.environ, BUILD_WORKING_DIRECTORY=str(folder)):
            code, output, _ = self.run_command(main, "--plugin_path=mine")
            self.assertEqual(code, 0)
            self.assertIn("command_specimen/scale", output)
            code, _, errors = self.run_command(main, "--plugin_path=mine,theirs")
        self.assertEqual(code, 2)
        self.assertIn(f"{folder}/theirs is no folder", errors)

    def test_no_arguments(self):
        command.no_arguments([])
        with self.assertRaisesRegex(UserError, "argument 'list'"):
            command.no_arguments(["list"])

    def test_output_folder(self):
        folder = Path(self.create_tempdir().full_path)
        with command.output(folder / "a" / "b"):
            (folder / "a" / "b" / "file").write_text("done")
        with self.assertRaisesRegex(RunError, "file/c: cannot be written"), command.output(folder / "a/b/file/c"):
            self.fail("not reached")
        with self.assertRaises(BrokenPipeError), command.output(folder):
            raise BrokenPipeError

    def test_reader_that_has_had_enough(self):
        code = (
            f"import sys; sys.path = {sys.path!r}\nfrom ogbrain import command\n"
            "command.run(lambda _: print('x' * 200_000), usage='', summary='', argv=['x'])"
        )
        read_end, write_end = os.pipe()
        os.close(read_end)
        result = subprocess.run([sys.executable, "-c", code], stdout=write_end, stderr=subprocess.PIPE, check=False)
        os.close(write_end)
        self.assertEqual((result.returncode, result.stderr), (1, b""))


if __name__ == "__main__":
    absltest.main()
