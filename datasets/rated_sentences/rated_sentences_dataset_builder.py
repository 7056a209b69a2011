"""Sentences rated by twenty people each, out of a Python source distribution."""

import io
import math
import re

import numpy as np
import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, PypiPackage
from ogbrain.data.sources.archive_reader import read_targz
from ogbrain.data.sources.groups import Groups
from ogbrain.data.sources.keyed_split import SHARES, split_groups
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.text import comparable, decode_utf8, tidy

PACKAGE = PypiPackage(
    "vaderSentiment",
    "3.3.2",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    size=2_466_783,
    sdist=True,
    alternative="sentiment140",
)
INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = {
    "movie": "movieReviewSnippets_GroundTruth.txt",
    "tweets": "tweets_GroundTruth.txt",
    "news": "nytEditorialSnippets_GroundTruth.txt",
    "products": "amazonReviewSnippets_GroundTruth.txt",
}
ABOUT = {
    "movie": "10,605 sentences of film reviews.",
    "tweets": "4,200 tweets.",
    "news": "5,190 sentences of 500 newspaper editorials.",
    "products": "3,708 sentences of 309 reviews of products.",
}
LABELS = ("negative", "positive", "neutral")
_ROW = re.compile(r"(?P<document>\d+)(?:_\d+)?\t(?P<score>[^\t]+)\t(?P<text>[^\t]+)")


class Builder(PackageBuilder):
    """Builds `rated_sentences`: text, mean score and label, one config for each kind of text."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Movie reviews, tweets, news and product reviews with their mean scores."}
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name, description=about) for name, about in ABOUT.items()]

    def _info(self) -> tfds.core.DatasetInfo:
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(doc="The sentence."),
                    "score": tfds.features.Scalar(
                        np.float32,
                        doc=tfds.features.Documentation(
                            desc="Mean of twenty ratings.", value_range="-4 (most negative) to 4 (most positive)"
                        ),
                    ),
                    "label": tfds.features.ClassLabel(
                        names=LABELS, doc="negative below -0.5, positive above 0.5, else neutral."
                    ),
                    "document": tfds.features.Text(doc="Number of the review or editorial that the sentence is from."),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://github.com/cjhutto/vaderSentiment",
            license="MIT; the texts are their authors'",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the package is fetched by pip
        inner = dict(self.members(PACKAGE, INNER.__eq__)).get(INNER)
        if inner is None:
            raise ArchiveError(f"{PACKAGE.title}: holds no {INNER}")
        name = f"hutto_ICWSM_2014/{FILES[self.builder_config.name]}"
        files = dict(read_targz(io.BytesIO(inner), name.__eq__, INNER))
        if name not in files:
            raise ArchiveError(f"{PACKAGE.title}: {INNER} holds no {name}")
        rows = list(self._rows(decode_utf8(files[name], name), name))
        # A document stays in one split, and so do documents that share a sentence.
        groups = Groups()
        for document, _, text in rows:
            groups.join([f"document {document}", f"text {comparable(text)}"])
        names = [groups.name(f"document {document}") for document, _, _ in rows]
        splits = split_groups(names)
        chosen: dict[str, list] = {split: [] for split in SHARES}
        for index, (name, row) in enumerate(zip(names, rows, strict=True)):
            chosen[splits[name]].append((index, row))
        return {split: self._generate_examples(rows) for split, rows in chosen.items()}

    def _generate_examples(self, rows):
        for index, (document, score, text) in rows:
            label = LABELS[0] if score < -0.5 else LABELS[1] if score > 0.5 else LABELS[2]
            yield index, {"text": text, "score": score, "label": label, "document": document}

    def _rows(self, content: str, name: str):
        """Yields document, score and text of each row; a row that is not of that form is skipped and counted."""
        for number, line in enumerate(content.rstrip().split("\n"), 1):
            row = _ROW.fullmatch(line.rstrip("\r"))
            try:
                score = float(row["score"]) if row else math.nan
            except ValueError:
                score = math.nan
            text = tidy(row["text"]) if row else ""
            if row is None or not -4 <= score <= 4 or not text:
                self.skip("malformed row", f"{name}:{number}: not 'id <tab> score in -4..4 <tab> text': {line[:60]!r}")
                continue
            yield row["document"], score, text
