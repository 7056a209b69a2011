"""What all commands share: flags, short help, one line for an error, exit codes.

Exit codes: 0 done, 1 a fault of the program or the machine, 2 the user's input, 130 interrupted.
"""

import contextlib
import importlib
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from absl import app, flags, logging

from ogbrain import registry
from ogbrain.errors import RunError, UserError, one_line, unknown_name
from ogbrain.paths import user_path

FLAGS = flags.FLAGS

flags.DEFINE_bool("debug", False, "Show the traceback of an error, and what TensorFlow logs.")
flags.DEFINE_list("plugin_path", [], "More plugins: a folder with a plugin.py, or a folder of such folders.")

_HELP = frozenset(dash + name for name in ("help", "helpshort", "helpfull", "h", "?") for dash in ("-", "--"))
_SHARED = ("plugin_path=DIR[,DIR]", "debug")


def run(
    main: Callable[[list[str]], int | None],
    *,
    usage: str,
    summary: str,
    shown: Sequence[str] = (),
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Runs a command and exits.

    Args:
        main: Takes the arguments that are not flags, without the program's name; returns the exit code, None for 0.
        usage: What is typed, as `"bazel run //ogbrain:plugins -- list"`.
        summary: What the command does: the help above its flags.
        shown: The flags to show in the help, in order, each with what its value is: `"run_dir=DIR"`, `"json"`. The
            flags that all commands have follow by themselves. Other flags work but are not shown.
        argv: The command line with the program's name; default `sys.argv`.

    Example:
        >>> if __name__ == "__main__":
        ...     command.run(main, usage="...", summary="Lists plugins.", shown=("json",))
    """
    argv = list(sys.argv if argv is None else argv)
    options = argv[: argv.index("--")] if "--" in argv else argv
    # Flags that cannot be parsed must not hide this one.
    debug = "--debug" in options or "-debug" in options
    if not debug:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        if _HELP.intersection(options):
            print(_help(usage, summary, shown), flush=True)
            sys.exit(0)
        app.run(lambda arguments: _run(main, arguments), argv, flags_parser=lambda arguments: _parsed(arguments, shown))
    except UserError as error:
        _fail(error.exit_code, one_line(error), debug)
    except KeyboardInterrupt as error:
        _fail(130, str(error) or "interrupted", debug)
    except BrokenPipeError:
        # The reader of the output has had enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        hint = "" if debug else " (rerun with --debug for the traceback)"
        _fail(1, f"internal: {one_line(error)}{hint}", debug)
    raise AssertionError("app.run always exits")


def no_arguments(arguments: Sequence[str]) -> None:
    """Raises UserError if there are arguments that are not flags, for a command that takes none."""
    if arguments:
        raise UserError(f"argument {arguments[0]!r}: is not a flag; --NAME=VALUE, --help says which")


def load_tensorflow() -> None:
    """Imports TensorFlow without the greetings that it prints whatever its log level says; warnings and errors stay."""
    if FLAGS.debug:
        return
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        finally:
            os.dup2(screen, 2)
            os.close(screen)
            log.seek(0)
            for line in log.read().decode(errors="replace").splitlines():
                if not re.match(r"I\d{4} |WARNING: All log messages before", line):
                    print(line, file=sys.stderr)
    logging.set_verbosity(logging.WARNING)


@contextlib.contextmanager
def output(folder: Path) -> Iterator[None]:
    """Makes a folder for what is written while entered; a failure to write is one line.

    Raises:
        RunError: The folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BrokenPipeError:  # of something that was printed
        raise
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); free space or another folder") from error


def _run(main: Callable[[list[str]], int | None], arguments: list[str]) -> int:
    for path in FLAGS.plugin_path:
        registry.REGISTRY.add_path(user_path(path))
    code = main(arguments[1:]) or 0
    sys.stdout.flush()
    return code


def _parsed(argv: list[str], shown: Sequence[str]) -> list[str]:
    FLAGS.set_gnu_getopt(True)  # flags may follow the other arguments
    try:
        return FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        known = [f"--{flag.partition('=')[0]}" for flag in (*shown, *_SHARED)]
        raise unknown_name("flag", f"--{error.flagname}", known, "--help says what they are") from error
    except flags.Error as error:
        raise UserError(str(error)) from error


def _help(usage: str, summary: str, shown: Sequence[str]) -> str:
    signatures = [f"--{flag}" for flag in (*shown, *_SHARED)]
    width = max(map(len, signatures))
    lines = []
    for signature in signatures:
        flag = FLAGS[signature[2:].partition("=")[0]]
        default = f" Default: {flag.default}." if flag.default not in (None, "", False, []) else ""
        lines.append(f"  {signature:{width}}  {' '.join((flag.help or '').split())}{default}")
    return "\n".join([f"Usage: {usage}", "", summary.strip(), "", "Flags:", *lines])


def _fail(code: int, line: str, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    print(f"error: {line}" if code != 130 else line, file=sys.stderr, flush=True)
    sys.exit(code)
