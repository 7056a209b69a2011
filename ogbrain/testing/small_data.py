"""Small data in the place of what an experiment's config names."""

import contextlib
import tempfile
from collections.abc import Iterator
from unittest import mock

import tensorflow_datasets as tfds


@contextlib.contextmanager
def use_data(builder_class: type[tfds.core.DatasetBuilder]) -> Iterator[tfds.core.DatasetBuilder]:
    """Makes every name of a data set mean one small set, prepared in a temporary folder, while it is entered.

    Args:
        builder_class: Such as `TinyImages`.

    Yields:
        Its builder.

    Example:
        >>> class MyTest(testing.ExperimentTestCase):
        ...     def setUp(self):
        ...         super().setUp()
        ...         self.enterContext(testing.use_data(testing.TinyImages))
    """
    with tempfile.TemporaryDirectory() as folder:
        builder = builder_class(data_dir=folder)
        builder.download_and_prepare()
        with mock.patch("ogbrain.data.builders.builder", lambda name, data_dir="", **_: builder):
            yield builder
