"""Data of a user's own as a TFDS data set: `folder:PATH`."""

import collections
import io
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from absl import logging

from ogbrain.data.user_listing import Item, Listing, list_data, with_splits
from ogbrain.errors import UserError

PREFIX = "folder:"
"""What a data set's name begins with to mean a folder or a file of the user's."""
LONGEST_SIDE = 512
"""Pictures are shrunk to this many pixels, which is more than the networks here see."""


class UserData(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Builds a data set out of a folder of class-named folders of pictures, or a file of texts and labels.

    Examples have `image`, `(height, width, 3)` uint8 with transparency over white, or `text`; and `label` and `file`,
    where it is from. What cannot be read is named on stderr, counted in the metadata and left out.

    Args:
        listing: What is there.
        **kwargs: Those of TFDS builders.

    Example:
        >>> builder = user_data("folder:~/birds")
        >>> builder.download_and_prepare()
    """

    VERSION = tfds.core.Version("1.0.0")
    packages_root = ""

    def __init__(self, listing: Listing, **kwargs):
        self.listing = listing
        # A class by its path and content: another folder, or one that has changed, is another data set.
        config = tfds.core.BuilderConfig(name=listing.digest, description=str(listing.path))
        verbosity = logging.get_verbosity()
        logging.set_verbosity(logging.ERROR)  # TFDS warns of each config that is not one of the class
        try:
            super().__init__(config=config, **kwargs)
        finally:
            logging.set_verbosity(verbosity)

    def _info(self) -> tfds.core.DatasetInfo:
        what = (
            {"image": tfds.features.Image(shape=(None, None, 3), encoding_format="png")}
            if self.listing.kind == "images"
            else {"text": tfds.features.Text()}
        )
        features = {
            **what,
            "label": tfds.features.ClassLabel(names=list(self.listing.labels)),
            "file": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"Data of the user's own in {self.listing.path}.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=(next(iter(what)), "label"),
            license="the user's own",
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # nothing is downloaded
        skipped = list(self.listing.skipped)
        good = []
        for item in self.listing.items:
            try:
                if item.file:
                    read_png(item.file)
                good.append(item)
            except UserError as error:
                skipped.append(str(error))
        for line in skipped[:10]:
            print(f"skipped {line}", file=sys.stderr)
        if skipped:
            print(f"skipped {len(skipped):,} in all, {len(good):,} examples are good", file=sys.stderr)
            self.info.metadata["skipped"] = len(skipped)
        placed = with_splits(good)
        counts = collections.Counter((item.label, item.split) for item in placed)
        for label in self.listing.labels:
            if not counts[label, "train"]:
                raise UserError(f"data folder:{self.listing.path}: class {label!r} has no example that can be read")
            if counts[label, "train"] == 1 and not counts[label, "test"]:
                print(f"note: class {label!r} has one example, for training; it is never tested", file=sys.stderr)
        splits = {name: [item for item in placed if item.split == name] for name in ("train", "validation", "test")}
        for name, items in splits.items():
            if not items:
                raise UserError(
                    f"data folder:{self.listing.path}: {len(placed)} examples leave none for {name}; "
                    "at least three different ones of some class"
                )
        return {name: self._generate_examples(items) for name, items in splits.items()}

    def _generate_examples(self, items: list[Item]):
        for number, item in enumerate(items):
            what = {"image": io.BytesIO(read_png(item.file))} if item.file else {"text": item.text}
            yield number, {**what, "label": item.label, "file": item.where}


def user_data(name: str, data_dir: str) -> UserData:
    """Returns the builder of `folder:PATH`, which may or may not be prepared.

    Args:
        name: `folder:PATH`; relative to where the user stands, `~` allowed.
        data_dir: TFDS' folder of prepared data.

    Raises:
        UserError: There is nothing there that data can be made of.
    """
    from ogbrain.paths import user_path

    path = name.removeprefix(PREFIX)
    if not path:
        raise UserError(f"data {name}: names no folder; folder:PATH")
    return UserData(list_data(user_path(path)), data_dir=data_dir)


def read_png(file: Path) -> bytes:
    """Reads a picture of any format that Pillow knows: the first frame, upright, transparency over white, as PNG.

    Raises:
        UserError: It is not a picture, damaged, or too large to be decoded safely.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                image.load()
                upright = ImageOps.exif_transpose(image)
            upright = _eight_bits(upright)
            if upright.mode in ("LA", "PA", "RGBA") or "transparency" in upright.info:
                upright = upright.convert("RGBA")
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright)
            upright = upright.convert("RGB")
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            output = io.BytesIO()
            upright.save(output, "PNG")
            return output.getvalue()
    except FileNotFoundError:
        raise UserError(f"{file}: no such file") from None
    except Image.UnidentifiedImageError:
        raise UserError(f"{file}: not a picture, or of a format that is not known") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error  # without the number, and the name once more
        raise UserError(f"{file}: cannot be read: {reason}") from None


def _eight_bits(image: Any) -> Any:
    """Returns a Pillow image of one deep channel as one of eight bits; Pillow would clip it, nearly all to white.

    Of 16 bits the upper ones are kept, as TensorFlow does; other numbers are spread from black to white.
    """
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image, np.float64)
    if image.mode.startswith("I;16"):
        values = values // 256
    else:
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        values = 255 * (values - values.min()) / max(np.ptp(values), 1e-12)
    return Image.fromarray(np.uint8(values))
