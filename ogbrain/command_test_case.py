"""Commands run in the test's own process."""

import contextlib
import io
from collections.abc import Callable, Sequence

from absl.testing import flagsaver, parameterized

from ogbrain import command


class CommandTestCase(parameterized.TestCase):
    """Runs commands as their programs do, up to the exit.

    Attributes:
        shown: The flags that help shows.
    """

    shown: Sequence[str] = ()

    def run_command(self, main: Callable[[list[str]], int | None], *arguments: str) -> tuple[int, str, str]:
        """Runs a command; its flags are afterwards what they were.

        Args:
            main: Of the command.
            *arguments: The command line, without the program's name.

        Returns:
            The exit code, what it printed, and its errors.
        """
        output, errors = io.StringIO(), io.StringIO()
        with (
            flagsaver.flagsaver(),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            self.assertRaises(SystemExit) as exit_,
        ):
            command.run(main, usage="bazel run //x", summary="Counts.", shown=self.shown, argv=["program", *arguments])
        code = exit_.exception.code
        return (code if isinstance(code, int) else 0), output.getvalue(), errors.getvalue()
