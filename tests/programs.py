"""Starts the project's programs as a user would."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a program ended."""

    code: int
    """Exit code."""
    output: str
    """Standard output."""
    errors: str
    """Standard error."""


def command_line(program: str, *arguments: str, python: str = "") -> list[str]:
    """Returns what starts `//ogbrain:PROGRAM`, with another Python if one is given."""
    runfiles = os.environ.get("TEST_SRCDIR")
    if runfiles and not python:
        return [str(Path(runfiles, "ogbrain", "ogbrain", program)), *arguments]
    return [python or sys.executable, "-P", str(ROOT / "ogbrain" / f"{program}.py"), *arguments]


def environment(**extra: str) -> dict[str, str]:
    """Returns the environment to start a program in, as a user has it."""
    # A program started by a test must find its own files, not the test's.
    dropped = ("RUNFILES_DIR", "RUNFILES_MANIFEST_FILE", "PYTHONPATH")
    base = {
        name: value for name, value in os.environ.items() if name not in dropped or not os.environ.get("TEST_SRCDIR")
    }
    return {**base, **extra}


def run(program: str, *arguments: str, timeout: float = 300, preexec=None, python: str = "", **extra: str) -> Outcome:
    """Runs a program to its end.

    Args:
        program: Its name in `//ogbrain`.
        *arguments: Its arguments.
        timeout: Seconds after which the test fails.
        preexec: Called in the new process before the program, to limit it.
        python: Another Python to run it with, from its source.
        **extra: Environment variables.
    """
    done = subprocess.run(
        command_line(program, *arguments, python=python),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**extra),
        preexec_fn=preexec,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def writable_data(folder: Path) -> str:
    """Copies the prepared data of `OGBRAIN_DATA_DIR` to a folder that programs may write caches to."""
    shutil.copytree(Path(os.environ["OGBRAIN_DATA_DIR"]).resolve(), folder, copy_function=shutil.copyfile)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            os.chmod(Path(parent, name), 0o755)
    return str(folder)
