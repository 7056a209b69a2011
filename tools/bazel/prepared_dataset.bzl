"""Real data for tests: a data set, prepared once and kept by Bazel.

    load("//tools/bazel:prepared_dataset.bzl", "prepared_dataset")

    prepared_dataset(
        name = "fashion_mnist_prepared",
        dataset = "fashion_mnist",
    )

    py_test(
        name = "real_data_test",
        srcs = ["real_data_test.py"],
        data = [":fashion_mnist_prepared"],
        env = {"OGBRAIN_DATA_DIR": "$(rootpath :fashion_mnist_prepared)"},
        deps = [...],
    )

With OGBRAIN_DATA_DIR the test finds the data like any program of the project, by the name of the data set. The sandbox
has no network and the folder is read-only: what was not prepared here fails rather than being fetched.

Packages that the data come in are kept in ~/.cache/ogbrain/packages, as if a user had fetched them, so a new checkout
or a change of the code that prepares them downloads nothing twice. Their checksums are compared at each use.
"""

# The folder of packages is lent to the action as a link, which the output must not keep.
_COMMAND = """\
set -eu
out=$1 dataset=$2 tool=$3
cache=~/.cache/ogbrain/packages
if mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; then
  ln -s "$cache" "$out/packages"
fi
if ! "$tool" prepare "$dataset" --data_dir="$PWD/$out" >"$out/log" 2>&1; then
  cat "$out/log" >&2
  exit 1
fi
rm -rf "$out/log" "$out/packages"
"""

def _prepared_dataset_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    dataset = ctx.attr.dataset + ("/" + ctx.attr.config if ctx.attr.config else "")
    ctx.actions.run_shell(
        outputs = [out],
        tools = [ctx.attr.tool[DefaultInfo].files_to_run],
        command = _COMMAND,
        arguments = [out.path, dataset, ctx.executable.tool.path],
        mnemonic = "PrepareDataset",
        progress_message = "Preparing the data set " + dataset,
        use_default_shell_env = True,
        # Not sandboxed, for the cache of packages and the network.
        execution_requirements = {
            "local": "1",
            "requires-network": "1",
        },
    )
    return [DefaultInfo(
        files = depset([out]),
        runfiles = ctx.runfiles([out]),
    )]

prepared_dataset = rule(
    implementation = _prepared_dataset_impl,
    attrs = {
        "config": attr.string(doc = "A configuration of the data set, such as a pair of languages."),
        "dataset": attr.string(mandatory = True, doc = "Name of the data set, as in `bazel run //ogbrain:datasets -- list`."),
        "tool": attr.label(
            cfg = "exec",
            default = "//ogbrain:datasets",
            executable = True,
            doc = "The program that prepares data sets.",
        ),
    },
    doc = "A folder laid out like OGBRAIN_DATA_DIR, with one data set prepared in it.",
)
