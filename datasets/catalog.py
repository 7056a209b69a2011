"""The data sets of this tree, for `ogbrain.data.catalog` to find. Imports no TensorFlow."""

from ogbrain.data.catalog import Entry

ENTRIES = (
    Entry(
        name="fashion_mnist",
        module="datasets.fashion_mnist.fashion_mnist_dataset_builder",
        kind="images",
        source="Debian dataset-fashion-mnist",
        licence="MIT",
        summary="70,000 pictures of clothing, 28x28, ten classes",
    ),
)
