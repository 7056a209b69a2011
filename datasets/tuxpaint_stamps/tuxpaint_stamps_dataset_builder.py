"""Small captioned pictures of a drawing program for children, out of a Debian package."""

import io
import re

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from ogbrain.data.sources import ArchiveError, DebianPackage
from ogbrain.data.sources.groups import Groups
from ogbrain.data.sources.keyed_split import SHARES, split_groups
from ogbrain.data.sources.package_builder import PackageBuilder
from ogbrain.data.sources.text import comparable, decode_utf8, tidy

PACKAGE = DebianPackage("tuxpaint-stamps-default", alternative="coco_captions")
LANGUAGES = {"en": "English", "fr": "French", "it": "Italian", "es": "Spanish"}
CATEGORIES = (
    "animals",
    "clothes",
    "food",
    "hobbies",
    "household",
    "medical",
    "military",
    "naturalforces",
    "people",
    "plants",
    "seasonal",
    "space",
    "sports",
    "symbols",
    "town",
    "vehicles",
)
FOLDER = "usr/share/tuxpaint/stamps/"
MOST_PIXELS = 4096 * 4096
_CAPTION = re.compile(r"(fr|it|es)\.utf8=(.*)")


class Builder(PackageBuilder):
    """Builds `tuxpaint_stamps`: pictures with transparency, captions in four languages, categories."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The stamps that are PNG files and have all four captions."}

    def _info(self) -> tfds.core.DatasetInfo:
        captions = {language: tfds.features.Text(doc=f"Caption in {name}.") for language, name in LANGUAGES.items()}
        return self.package_info(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(
                        shape=(None, None, 4), encoding_format="png", doc="Red, green, blue and opacity, 0-255."
                    ),
                    **captions,
                    "category": tfds.features.ClassLabel(names=CATEGORIES, doc="First folder of the stamp."),
                    "folder": tfds.features.Text(doc="All folders of the stamp, finer than its category."),
                    "id": tfds.features.Text(doc="Name of the stamp."),
                }
            ),
            supervised_keys=("image", "en"),
            homepage="https://tuxpaint.org/stamps/",
            license="GPL-2.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        del dl_manager  # the package is fetched by apt-get
        images: dict[str, bytes] = {}
        texts: dict[str, bytes] = {}
        for name, data in self.members(PACKAGE, lambda n: n.startswith(FOLDER) and n.endswith((".png", ".txt"))):
            (images if name.endswith(".png") else texts)[name.removeprefix(FOLDER)[:-4]] = data
        # Pictures without a text are mirrored or flipped versions of others.
        found = (self._stamp(name, images[name], texts[name]) for name in sorted(images) if name in texts)
        stamps = [stamp for stamp in found if stamp]
        if not stamps:
            raise ArchiveError(f"{PACKAGE.title}: holds no captioned stamps; another version of the package?")
        groups = Groups()
        for stamp in stamps:
            groups.join(f"{language} {comparable(stamp[language])}" for language in LANGUAGES)
        names = [groups.name(f"en {comparable(stamp['en'])}") for stamp in stamps]
        splits = split_groups(names)
        chosen: dict[str, list[dict]] = {split: [] for split in SHARES}
        for name, stamp in zip(names, stamps, strict=True):
            chosen[splits[name]].append(stamp)
        return {split: self._generate_examples(stamps) for split, stamps in chosen.items()}

    def _generate_examples(self, stamps: list[dict]):
        for stamp in stamps:
            yield stamp["id"], {**stamp, "image": io.BytesIO(stamp["image"])}

    def _stamp(self, name: str, image: bytes, text: bytes) -> dict | None:
        """Returns the example of a stamp, None for one that is skipped and counted."""
        category, _, _ = name.partition("/")
        if category not in CATEGORIES:
            self.skip("unknown category", f"{name}: {category!r} is not a category")
            return None
        try:
            captions = read_captions(decode_utf8(text, f"{name}.txt"))
        except ArchiveError as error:
            self.skip("text not UTF-8", str(error))
            return None
        if missing := [LANGUAGES[language] for language in LANGUAGES if not captions.get(language)]:
            self.skip("caption missing", f"{name}: no caption in {', '.join(missing)}")
            return None
        try:
            png = with_opacity(image)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            self.skip("image does not decode", f"{name}.png: {error}")
            return None
        return {"image": png, **captions, "category": category, "folder": name.rpartition("/")[0], "id": name}


def read_captions(text: str) -> dict[str, str]:
    """Returns the captions in a stamp's text by language: first a line in English, then others that name theirs."""
    first, *lines = text.splitlines() or [""]
    found = {"en": tidy(first)}
    for line in lines:
        if match := _CAPTION.fullmatch(line):
            found.setdefault(match[1], tidy(match[2]))
    return found


def with_opacity(data: bytes) -> bytes:
    """Returns a PNG file as one of red, green, blue and opacity with 8 bits each; unchanged if it is one.

    Raises:
        ValueError: It has more pixels than a stamp would.
        OSError: It does not decode.
    """
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width}x{image.height} pixels, over {MOST_PIXELS:,}")
        image.load()
        if image.mode == "RGBA":
            return data
        converted = io.BytesIO()
        Image.fromarray(np.asarray(image.convert("RGBA"))).save(converted, "PNG")
        return converted.getvalue()
