"""The Python environment of the project, made by Bazel itself.

The rule finds a Python on the machine, makes a virtual environment in the external repository, installs the locked
packages into it, and describes it as a pair of Python runtimes. `//tools/bazel:BUILD` has the toolchains.
"""

_OLDEST = (3, 11)
_NEWEST = (3, 13)

# Prints: major minor executable has-venv. Run to find out, since a program named python3 on the PATH may be a shim
# that fails, or any version.
_PROBE = """
import sys
try:
    import ensurepip, venv
    ready = "yes"
except ImportError:
    ready = "no"
print(sys.version_info[0], sys.version_info[1], ready, sys.executable)
"""

_BUILD = """\
load("@bazel_tools//tools/python:toolchain.bzl", "py_runtime_pair")

# The shebang is that of the launcher Bazel puts before each program: this Python without its site packages starts
# faster than whatever "python3" on the PATH is.
py_runtime(
    name = "runtime",
    interpreter_path = "{interpreter}",
    python_version = "PY3",
    stub_shebang = "#!{launcher}",
)

py_runtime_pair(
    name = "runtimes",
    py3_runtime = ":runtime",
    visibility = ["//visibility:public"],
)
"""

def _probe(ctx, candidate):
    """Runs a Python and tells what it is, or None if it does not run."""
    result = ctx.execute([candidate, "-c", _PROBE], timeout = 30)
    words = result.stdout.strip().split(" ", 3)
    if result.return_code != 0 or len(words) != 4:
        return None
    return struct(
        version = (int(words[0]), int(words[1])),
        has_venv = words[2] == "yes",
        path = words[3],
    )

def _find_python(ctx):
    """Looks for a Python that will do.

    Args:
        ctx: The repository's context.

    Returns:
        Its path and an empty string; or None and one line that says what to install.
    """
    named = ctx.os.environ.get("OGBRAIN_PYTHON", "")
    names = [named] if named else ["python3", "python3.13", "python3.12", "python3.11"]
    seen = []
    without_venv = None
    for name in names:
        path = name if "/" in name else ctx.which(name)
        python = _probe(ctx, path) if path else None
        if not python:
            continue
        version = "%d.%d" % python.version
        seen.append("%s is %s" % (name, version))
        if python.version < _OLDEST or python.version > _NEWEST:
            continue
        if python.has_venv:
            return python.path, ""
        without_venv = without_venv or version
    if without_venv:
        need = "Python %s is here without its venv module" % without_venv
        package = "python%s-venv" % without_venv
    else:
        found = ", ".join(seen) if seen else (named or "python3") + " does not run"
        need = "Python 3.11, 3.12 or 3.13 with venv is needed, and %s" % found
        package = "python3.11-venv"
    return None, "%s: install it (Debian, Ubuntu: apt-get install %s), then run: bazel sync --only=%s" % (need, package, ctx.name)

def _stand_in(ctx, problem):
    """Makes all programs say in one line what is wrong. fail() would bury it in the rule's own traceback."""
    stand_in = ctx.path("bin/no-python")
    ctx.file(stand_in, "#!/bin/sh\necho '%s' >&2\nexit 1\n" % problem.replace("'", ""))
    ctx.file("BUILD", _BUILD.format(interpreter = stand_in, launcher = stand_in))

def _runtimes(ctx):
    """Describes the environment that has been made here."""

    # The digest is part of the interpreter's path, so that what was built and tested with other packages is stale.
    interpreter = ctx.path("bin/ogbrain-python-" + ctx.read("digest"))
    ctx.symlink("bin/ogbrain-python", interpreter)
    ctx.file("BUILD", _BUILD.format(
        interpreter = interpreter,
        launcher = "%s -IS" % ctx.path("venv/bin/python"),
    ))

def _python_environment_impl(ctx):
    python, problem = _find_python(ctx)
    if problem:
        _stand_in(ctx, problem)
        return

    lock = ctx.path(ctx.attr.lock)
    ctx.report_progress("installing the Python packages of " + lock.basename)
    result = ctx.execute(
        [python, "-I", "-W", "ignore::SyntaxWarning", ctx.path(ctx.attr._installer), lock, ctx.path(".")],
        timeout = 3600,
        quiet = False,
    )
    if result.return_code != 0:
        fail("The Python packages could not be installed: see the lines above.")
    _runtimes(ctx)

python_environment = repository_rule(
    implementation = _python_environment_impl,
    attrs = {
        "lock": attr.label(mandatory = True, doc = "Requirements file: complete, with hashes."),
        "_installer": attr.label(default = "//tools/bazel:install_environment.py"),
    },
    environ = ["OGBRAIN_PYTHON"],
    doc = "A virtual environment with the packages of a lock, as `:runtimes`, a py_runtime_pair.",
)

def _plugins_environment_impl(ctx):
    packages = ctx.os.environ.get("OGBRAIN_PLUGINS", "")
    if not packages.strip():
        _stand_in(ctx, "--config=plugins: OGBRAIN_PLUGINS is not set; the folders, wheels or names of packages with plugins, as in OGBRAIN_PLUGINS=~/my_plugin")
        return
    result = ctx.execute(
        [
            ctx.path(ctx.attr.below).dirname.get_child("venv").get_child("bin").get_child("python"),
            "-I",
            ctx.path(ctx.attr._installer),
            "--over",
            ctx.path("."),
            packages,
            ctx.path(ctx.attr.workspace).dirname,
        ],
        timeout = 600,
        quiet = False,
    )
    if result.return_code != 0:
        _stand_in(ctx, "--config=plugins: %s; then run: bazel sync --only=%s" % (result.stderr.strip().split("\n")[-1], ctx.name))
        return
    _runtimes(ctx)

plugins_environment = repository_rule(
    implementation = _plugins_environment_impl,
    attrs = {
        "below": attr.label(mandatory = True, doc = "The BUILD file of a `python_environment`, whose packages it has, too."),
        "workspace": attr.label(default = "@//:WORKSPACE", doc = "The file beside which relative paths begin."),
        "_installer": attr.label(default = "//tools/bazel:install_environment.py"),
    },
    environ = ["OGBRAIN_PLUGINS"],
    doc = "An environment over another one, with the packages of OGBRAIN_PLUGINS, as `:runtimes`, a py_runtime_pair.",
)
