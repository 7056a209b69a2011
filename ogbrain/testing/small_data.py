"""Small data in the place of what an experiment's config names."""

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any
from unittest import mock

import tensorflow_datasets as tfds


@contextlib.contextmanager
def use_data(builder_class: type[tfds.core.DatasetBuilder], **options: Any) -> Iterator[tfds.core.DatasetBuilder]:
    """Makes every name of a data set mean one small set, prepared in a temporary folder, while it is entered.

    Args:
        builder_class: Such as `TinyImages`.
        **options: Further arguments of the builder, such as `file_format`.

    Yields:
        Its builder.

    Example:
        >>> def setUpModule():
        ...     unittest.enterModuleContext(testing.use_data(testing.TinyImages))
    """
    with tempfile.TemporaryDirectory() as folder:
        builder = builder_class(data_dir=folder, **options)
        builder.download_and_prepare()
        with mock.patch("ogbrain.data.builders.builder", lambda name, data_dir="", **_: builder):
            yield builder
