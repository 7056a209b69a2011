"""Sentences of LibreOffice's help and their translations, out of Debian packages."""

import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, DebianPackage
from ogbrain.data.sources.groups import Groups
from ogbrain.data.sources.keyed_split import SHARES, split_of
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.text import comparable, decode_utf8

from .help_pages import is_good_pair, paragraphs, sentence_pairs

ALTERNATIVE = "opus"
PACKAGES = {
    "en": ("en-US", DebianPackage("libreoffice-help-en-us", alternative=ALTERNATIVE)),
    "fr": ("fr", DebianPackage("libreoffice-help-fr", alternative=ALTERNATIVE)),
    "it": ("it", DebianPackage("libreoffice-help-it", alternative=ALTERNATIVE)),
}
NAMES = {"en": "English", "fr": "French", "it": "Italian"}
PAIRS = (("en", "fr"), ("en", "it"), ("fr", "it"))


class Builder(PackageBuilder):
    """Builds `libreoffice_help`: pairs of sentences, one config for each pair of languages."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Sentence pairs of 3-40 words, English, French and Italian."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name=f"{source}_{target}", description=f"{NAMES[source]} to {NAMES[target]}.")
        for source, target in PAIRS
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        source, target = self.builder_config.name.split("_")
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    source: tfds.features.Text(doc=f"Sentence in {NAMES[source]}."),
                    target: tfds.features.Text(doc=f"The same sentence in {NAMES[target]}."),
                }
            ),
            supervised_keys=(source, target),
            homepage="https://help.libreoffice.org",
            license="MPL-2.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the packages are fetched by apt-get
        texts = {language: self._paragraphs(language) for language in PACKAGES}
        # All pairs of languages, whichever is built: a sentence must have the same split in every config.
        groups = Groups()
        pairs = {pair: self._pairs(texts, *pair) for pair in PAIRS}
        for (source, target), sentences in pairs.items():
            for a, b in sentences:
                groups.join([f"{source} {comparable(a)}", f"{target} {comparable(b)}"])
        source, target = self.builder_config.name.split("_")
        splits: dict[str, list[tuple[str, str]]] = {split: [] for split in SHARES}
        for a, b in pairs[source, target]:
            splits[split_of(groups.name(f"{source} {comparable(a)}"))].append((a, b))
        return {split: self._generate_examples(source, target, chosen) for split, chosen in splits.items()}

    def _generate_examples(self, source: str, target: str, pairs: list[tuple[str, str]]):
        for index, (a, b) in enumerate(pairs):
            yield index, {source: a, target: b}

    def _paragraphs(self, language: str) -> dict[tuple[str, str], str]:
        """Returns the text of each paragraph by page and identity."""
        folder, package = PACKAGES[language]
        prefix = f"usr/share/libreoffice/help/{folder}/text/"
        found: dict[tuple[str, str], str] = {}
        for name, data in self.members(package, lambda name: name.startswith(prefix) and name.endswith(".html")):
            try:
                page = decode_utf8(data, name)
            except ArchiveError as error:
                self.skip("page not UTF-8", str(error))
                continue
            for identity, text in paragraphs(page):
                found.setdefault((name.removeprefix(prefix), identity), text)
        if not found:
            raise ArchiveError(f"{package.title}: holds no help pages under {prefix}; another version of the package?")
        return found

    @staticmethod
    def _pairs(texts: dict[str, dict[tuple[str, str], str]], source: str, target: str) -> list[tuple[str, str]]:
        """Returns the good sentence pairs of two languages, each once."""
        pairs: dict[tuple[str, str], None] = {}
        for key, text in texts[source].items():
            if key in texts[target]:
                for pair in sentence_pairs(text, texts[target][key]):
                    if is_good_pair(*pair):
                        pairs.setdefault(pair)
        return list(pairs)
