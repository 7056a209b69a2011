"""Makes the virtual environment that all of the project's Python programs run in.

Run by the repository rule of `python_environment.bzl`, with the Python that the environment is to be made from and
nothing but its standard library:

    python3 install_environment.py LOCK ENVIRONMENT
    BELOW/venv/bin/python install_environment.py --over ENVIRONMENT PACKAGES FOLDER

LOCK is a complete requirements file with hashes. ENVIRONMENT is a new folder: `venv/` is made in it,
`bin/ogbrain-python`, the program to run scripts with, and `digest`, which names the lock and the Python that all this
was made from. With `--over` the new environment has all that the one of the Python it is run with has, and the
packages of plugins: PACKAGES is one text, as a shell would take it apart, of folders, wheels and names that pip knows;
relative paths begin in FOLDER. What such packages need beyond the lock is to be among them.
"""

import compileall
import hashlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import sysconfig
import time
import venv

# Imported by the setup.py of the packages that come as source only. The lock has it too.
_BUILD_TOOLS = ("setuptools", "wheel", "packaging")

# "Collecting name==1.0 ...", or "Processing .../name-1.0-py3-none-any.whl" of a file that is on this machine already.
_PROGRESS = re.compile(r"Collecting ([^\s=]+)==(\S+)|Processing (?:\S*/)?([^\s/-]+)-([^\s-]+)")

_WRAPPER = """\
#!/bin/sh
# Runs a script in the environment {digest}.
# -P keeps the script's own folder off sys.path: a file named like a package must not hide that package.
if [ ! -x "{python}" ]; then
  echo "The Python of this environment is gone: run 'bazel sync --only={repository}' to make it anew." >&2
  exit 1
fi
: "${{TF_CPP_MIN_LOG_LEVEL=2}}" "${{TF_USE_LEGACY_KERAS=1}}"
export TF_CPP_MIN_LOG_LEVEL TF_USE_LEGACY_KERAS
exec "{python}" -P -X utf8 "$@"
"""


def split_lock(text: str) -> dict[str, str]:
    """Splits a lock into its packages.

    Args:
        text: A requirements file as `uv pip compile --generate-hashes` writes it.

    Returns:
        The lines of each package by its name. A package that is locked at two versions for two markers has both.
    """
    packages: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        start = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line)
        if start:
            name = start.group().lower()
        if name and not line.lstrip().startswith("#"):
            packages[name] = packages.get(name, "") + line
    return packages


def say(text: str) -> None:
    """Prints a line of progress at once."""
    print(text, flush=True)


def pip_install(python: pathlib.Path, requirements: pathlib.Path, text: str, total: int) -> None:
    """Installs exactly what a piece of a lock says, with one line of progress a package."""
    requirements.write_text(text, encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "--no-deps", "--require-hashes", "--no-compile"]
    command += ["--no-build-isolation", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["-r", str(requirements)]
    unwanted = ("PIP_USER", "PYTHONHOME", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["PYTHONUNBUFFERED"] = "1"
    done = 0
    kept = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            kept.append(line)
            if found := _PROGRESS.match(line):
                done += 1
                say(f"  [{done}/{total}] " + " ".join(filter(None, found.groups())))
            elif line.startswith("Installing collected"):
                say("  unpacking")
    if process.returncode:
        say("".join(kept[-25:]))
        raise SystemExit(f"pip could not install the packages of {requirements.name}.")


def install_over(environment: pathlib.Path, packages: str, folder: pathlib.Path) -> None:
    """Makes an environment that has the packages of this Python's, and those of plugins."""
    digest = hashlib.sha256(f"{sys.version}{sys.executable}{packages}".encode()).hexdigest()[:16]
    command = [sys.executable, "-m", "pip", "--python", str(environment / "venv" / "bin" / "python"), "install"]
    command += ["--no-deps", "--no-build-isolation", "--no-input", "--disable-pip-version-check", "--quiet"]
    for package in shlex.split(packages):
        path = folder / pathlib.Path(package).expanduser()
        if "/" in package and not path.exists():
            raise SystemExit(f"OGBRAIN_PLUGINS: {path}: there is no such folder or wheel")
        # A folder is linked to, not copied: what is changed there holds at once.
        command += ["--editable", str(path)] if path.is_dir() else [str(path) if path.is_file() else package]
    say(f"Installing {packages}")
    venv_dir = environment / "venv"
    venv.EnvBuilder(symlinks=True, clear=True).create(venv_dir)
    site_packages = next((venv_dir / "lib").glob("python3*/site-packages"))
    below = sysconfig.get_path("purelib")
    (site_packages / "ogbrain_below.pth").write_text(f"import site; site.addsitedir({below!r})\n", encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        say(done.stdout + done.stderr)
        raise SystemExit(f"OGBRAIN_PLUGINS: pip could not install {packages}")
    finish(environment, digest)


def finish(environment: pathlib.Path, digest: str) -> None:
    """Writes the program to run scripts with, and the digest."""
    wrapper = environment / "bin" / "ogbrain-python"
    wrapper.parent.mkdir(exist_ok=True)
    python = environment / "venv" / "bin" / "python"
    script = _WRAPPER.format(digest=digest, python=python, repository=environment.name)
    wrapper.write_text(script, encoding="utf-8")
    wrapper.chmod(0o755)
    (environment / "digest").write_text(digest, encoding="utf-8")


def main() -> None:
    """Makes the environment."""
    if sys.argv[1] == "--over":
        install_over(pathlib.Path(sys.argv[2]).absolute(), sys.argv[3], pathlib.Path(sys.argv[4]))
        return
    lock, environment = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
    start = time.monotonic()
    text = lock.read_text(encoding="utf-8")
    digest = hashlib.sha256(f"{sys.version}{sys.executable}{text}".encode()).hexdigest()[:16]
    say(f"Installing the Python packages of {lock.name} for Python {sys.version.split()[0]} (once, a minute or two)")

    venv_dir = environment / "venv"
    venv.EnvBuilder(with_pip=True, symlinks=True, clear=True).create(venv_dir)
    python = venv_dir / "bin" / "python"
    packages = split_lock(text)
    tools = "".join(packages[name] for name in _BUILD_TOOLS if name in packages)
    rest = {name: lines for name, lines in packages.items() if name not in _BUILD_TOOLS}
    pip_install(python, environment / "build_tools.txt", tools, len(packages) - len(rest))
    pip_install(python, environment / "packages.txt", "".join(rest.values()), len(rest))

    # Byte code now, on all cores, so that the first import is as quick as any other.
    say("  compiling")
    site_packages = next((venv_dir / "lib").glob("python3*/site-packages"))
    compileall.compile_dir(site_packages, quiet=2, workers=0)

    finish(environment, digest)
    say(f"  done in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
