"""Finds a TFDS builder by name: one of the catalogs, else TFDS' own; prepares it if need be."""

import contextlib
import importlib
import logging
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import downloader

from ogbrain.data import catalog, resources
from ogbrain.data.sources.file_lock import file_lock
from ogbrain.data.sources.locations import data_root, prepared_dir
from ogbrain.data.user_data import PREFIX, user_data
from ogbrain.errors import UserError, nearest
from ogbrain.paths import user_path


def builder(
    name: str, data_dir: str = "", prepare: bool = True, config: tfds.download.DownloadConfig | None = None
) -> tfds.core.DatasetBuilder:
    """Returns the builder of a data set, prepared.

    Preparing is atomic: TFDS writes into a folder aside and renames it; one process at a
    time does so, and what a killed one left aside is cleared away first.

    Args:
        name: `NAME` or `NAME/CONFIG`; a name of a catalog means that data set even where TFDS has the same name.
            `folder:PATH` means a folder of class-named folders of pictures, or a CSV, TSV or JSONL file of texts.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`, or else `~/.cache/ogbrain`.
        prepare: Whether to prepare the data set if it is not, with its progress shown.
        config: How TFDS is to prepare it.

    Raises:
        UserError: There is no such data set or config, or its data cannot be had or read.

    Example:
        >>> builder("fashion_mnist").as_dataset(split="train")
    """
    found = _find(name, data_dir)
    if not prepare or found.is_prepared():
        return found
    folder = Path(found.data_dir)
    title = found.info.full_name
    try:
        with file_lock(folder.parent / ".lock", f"preparing {title}"):
            found = _find(name, data_dir)  # another process may have prepared it while this one waited
            if not found.is_prepared():
                for left in folder.parent.glob(f"incomplete.*_{folder.name}"):
                    shutil.rmtree(left, ignore_errors=True)
                print(f"preparing {title} in {folder}", file=sys.stderr, flush=True)
                with _few_retries(), draws_kept():
                    found.download_and_prepare(
                        download_dir=str(data_root(data_dir) / "downloads"),
                        download_config=config or tfds.download.DownloadConfig(try_download_gcs=False),
                    )
    except UserError:
        raise
    except Exception as error:
        raise _explained(error, title, folder) from error
    finally:
        with contextlib.suppress(OSError):  # a folder that TFDS made and left empty would count as a version
            folder.rmdir()
    return found


def prepare(name: str, data_dir: str = "", beam_processes: int = 0) -> str:
    """Prepares a data set or a resource, and returns a line that says what is there.

    Args:
        name: `NAME` or `NAME/CONFIG`.
        data_dir: Folder of all data; default `$OGBRAIN_DATA_DIR`.
        beam_processes: Processes of Apache Beam, 0 to do without it.

    Raises:
        UserError: As `builder`; or Beam is asked for and not installed.
    """
    entry = catalog.entries().get(name.partition("/")[0])
    if entry and entry.kind == "resource":
        return f"{name}: in {resources.prepare(name, data_dir)[1]}"
    found = builder(name, data_dir, config=_beam_config(beam_processes) if beam_processes else None)
    counts = ", ".join(f"{split} {about.num_examples:,}" for split, about in found.info.splits.items())
    return f"{name}: {counts}; in {found.data_dir}"


@contextlib.contextmanager
def draws_kept() -> Iterator[None]:
    """Leaves what Python and NumPy draw next as it is: TFDS draws names, and a seeded run must not depend on that."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _beam_config(processes: int) -> tfds.download.DownloadConfig:
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise UserError(
            "--beam needs apache-beam, which is not installed; pip install 'ogbrain[beam]', or add apache-beam to "
            "requirements.in and run tools/lock.sh"
        ) from error
    options = PipelineOptions(
        runner="DirectRunner", direct_num_workers=processes, direct_running_mode="multi_processing"
    )
    return tfds.download.DownloadConfig(try_download_gcs=False, beam_options=options)


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    """Lets TFDS' downloads fail within seconds where there is no web; their ten retries take minutes, each logged."""
    logger = logging.getLogger("urllib3.connectionpool")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with mock.patch.object(downloader, "MAX_RETRIES", 3):
            yield
    finally:
        logger.setLevel(level)


def _find(name: str, data_dir: str) -> tfds.core.DatasetBuilder:
    if name.startswith(PREFIX):
        return user_data(name, str(prepared_dir(data_dir)))
    base, _, config = name.partition("/")
    entry = catalog.entries().get(base)
    folder = str(prepared_dir(data_dir))
    if entry is None:
        return _find_in_tfds(name, folder)
    if entry.kind == "resource":
        raise UserError(f"{base!r} is a resource, not a data set of examples; ogbrain.data.resources.load loads it")
    entry.check_config(config)
    found = importlib.import_module(entry.module).Builder(data_dir=folder, config=config or None)
    found.packages_root = data_dir
    return found


def _find_in_tfds(name: str, folder: str) -> tfds.core.DatasetBuilder:
    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.registered.DatasetNotFoundError as error:
        # TFDS has hundreds: near names are looked for among all, but only ours are listed.
        base, ours = name.partition("/")[0], list(catalog.entries())
        near = nearest(base, [*ours, *tfds.list_builders(with_community_datasets=False)])
        raise UserError(
            f"unknown data set {base!r}; {f'did you mean {near!r}? ' if near else ''}"
            f"Known: {', '.join(ours)}, and all of TFDS"
        ) from error
    except Exception as error:
        if user_path(name).exists():
            raise UserError(f"data set {name!r}: is no data set's name; did you mean '{PREFIX}{name}'?") from error
        if ":" in name and (near := nearest(name.partition(":")[0], [PREFIX[:-1]])):
            raise UserError(f"data set {name!r}: is no data set's name; did you mean {near!r}?") from error
        raise UserError(f"data set {name!r}: {' '.join(str(error).split())}") from error


def _explained(error: Exception, title: str, folder: Path) -> Exception:
    """Returns the error to raise for one that preparing met: one line where the cause is not a fault of the code."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, UserError):  # raised among the examples, wrapped by TFDS
            return chain
        # urllib3's errors, requests' and those of sockets, told apart by name: none is imported for it.
        if any(word in type(chain).__name__ for word in ("Connect", "gaierror", "Timeout", "MaxRetry", "Proxy", "SSL")):
            return UserError(
                f"data set {title}: its download needs the web, which cannot be reached ({type(chain).__name__}); "
                f"data sets out of packages: {', '.join(catalog.entries())}"
            )
        if isinstance(chain, OSError) and chain.strerror:
            return UserError(f"data set {title}: cannot be prepared in {folder}: {chain.strerror}")
        chain = chain.__cause__ or chain.__context__
    return error
