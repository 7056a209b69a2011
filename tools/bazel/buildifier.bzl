"""Buildifier, the formatter of Bazel's files, from the npm package that holds its binaries."""

_BUILD = """\
exports_files(["buildifier"])
"""

_MISSING = "npm is not installed, so Bazel's files were not checked: install it (Debian, Ubuntu: apt-get install npm), then run: bazel sync --only="

def _buildifier_impl(ctx):
    ctx.file("BUILD", _BUILD)
    npm = ctx.which("npm")
    if not npm:
        # A stand-in that says so: a test is not worth a build that fails.
        # buildifier: disable=print
        print(_MISSING + ctx.name)
        ctx.file("buildifier", "#!/bin/sh\necho \"%s%s\" >&2\nexit 77\n" % (_MISSING, ctx.name))
        return

    ctx.report_progress("fetching buildifier with npm")
    package = "@bazel/buildifier@" + ctx.attr.version
    result = ctx.execute([npm, "pack", "--silent", package])
    if result.return_code != 0:
        fail("npm could not fetch %s: %s" % (package, result.stderr.strip()))
    archive = ctx.path("bazel-buildifier-%s.tgz" % ctx.attr.version)

    # Bazel's own download of a local file, for the sake of its checksum.
    ctx.download_and_extract(
        url = "file://%s" % archive,
        sha256 = ctx.attr.sha256,
        stripPrefix = "package",
    )
    system = "darwin" if ctx.os.name.startswith("mac") else "linux"
    machine = ctx.execute(["uname", "-m"]).stdout.strip()
    arch = {"aarch64": "arm64", "x86_64": "amd64"}.get(machine, machine)
    ctx.symlink("buildifier-%s_%s" % (system, arch), "buildifier")

buildifier = repository_rule(
    implementation = _buildifier_impl,
    attrs = {
        "sha256": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
    },
    doc = "The program as `:buildifier`. Where npm is missing, one that says so and exits with 77.",
)
