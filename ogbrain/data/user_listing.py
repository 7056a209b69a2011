"""What is in a folder of pictures or a file of texts that a user points to. Imports no TensorFlow."""

import collections
import csv
import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ogbrain.errors import UserError, nearest

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
TEXTS = (".csv", ".tsv", ".jsonl")
SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_TEXT_COLUMNS = ("text", "sentence", "review", "content")
_LABEL_COLUMNS = ("label", "class", "category", "sentiment")


@dataclasses.dataclass(frozen=True)
class Item:
    """One example before it is read.

    Attributes:
        label: Its class.
        where: The file, and for a text the line too, for messages.
        split: The split the user put it in, or empty.
        file: The picture's file, or None.
        text: The text, or empty.
    """

    label: str
    where: str
    split: str = ""
    file: Path | None = None
    text: str = ""

    def content(self) -> bytes:
        """Returns what makes it the same as another: the bytes of the file, or the text without case and spaces."""
        return self.file.read_bytes() if self.file else " ".join(self.text.lower().split()).encode()


@dataclasses.dataclass(frozen=True)
class Listing:
    """All the examples of a folder or a file.

    Attributes:
        path: The folder or the file.
        kind: `"images"` or `"text"`.
        items: The examples.
        labels: Names of the classes, sorted.
        skipped: What was left out and why, one line each.
        digest: Changes whenever the data does.
    """

    path: Path
    kind: str
    items: tuple[Item, ...]
    labels: tuple[str, ...]
    skipped: tuple[str, ...]
    digest: str


def list_data(path: Path) -> Listing:
    """Lists a folder of class-named folders of pictures, or a CSV, TSV or JSONL file of texts with their labels.

    A folder may hold `train`, `validation` and `test` folders with the classes in them; a file of texts may have a
    column `split`.

    Args:
        path: The folder or the file.

    Raises:
        UserError: It is not there or not of that form, has fewer than two classes, or a class is not in training.
    """
    if path.is_dir():
        kind, (items, skipped) = "images", _pictures(path)
    elif path.suffix.lower() in TEXTS and path.is_file():
        kind, (items, skipped) = "text", _texts(path)
    else:
        why = "is not a " + ", ".join(TEXTS) + " file" if path.exists() else "there is no such folder or file"
        raise UserError(
            f"data folder:{path}: {why}; a folder of class-named folders of pictures, or a file of texts and labels"
        )
    labels = tuple(sorted({item.label for item in items}))
    if len(labels) < 2:
        what = f"only the class {labels[0]!r}" if labels else "no examples"
        why = f"; left out: {len(skipped):,}, the first: {skipped[0]}" if skipped else ""
        raise UserError(f"data folder:{path}: holds {what}; at least two classes with examples are needed{why}")
    trained = {item.label for item in items if item.split in ("", "train")}
    for label in labels:
        if label not in trained:
            raise UserError(f"data folder:{path}: class {label!r} is not in the training split; it cannot be learned")
    parts = [str(path.resolve())]
    for item in items:
        stat = item.file.stat() if item.file else None
        parts.append(
            f"{item.label}|{item.where}|{item.split}|{(stat.st_size, stat.st_mtime_ns) if stat else item.text}"
        )
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Listing(path, kind, tuple(items), labels, tuple(skipped), digest)


def with_splits(items: Iterable[Item]) -> list[Item]:
    """Returns the examples each with its split.

    Where the user chose none, about a tenth of each class is for validation and a tenth for the test; equal contents
    stay together. A class of two has no validation example, a class of one is in training only.
    """
    by_label: dict[str, list[Item]] = collections.defaultdict(list)
    for item in items:
        by_label[item.label].append(item)
    explicit = {item.split for group in by_label.values() for item in group} - {""}
    placed: dict[bytes, str] = {}
    result = []
    for group in by_label.values():
        keyed = [(hashlib.sha256(item.content()).digest(), item) for item in group]
        free = sorted({key for key, item in keyed if item.split in ("", "train") and key not in placed})
        shares = _shares(len(free), explicit)
        for key, split in zip(free, shares, strict=True):
            placed[key] = split
        for key, item in keyed:
            split = item.split if item.split in ("validation", "test") else placed[key]
            result.append(dataclasses.replace(item, split=split))
    return result


def _shares(count: int, explicit: set[str]) -> list[str]:
    """Returns the splits of so many different examples of a class, in the order of their hashes."""
    tenth = max(1, round(0.1 * count))
    test = 0 if "test" in explicit or count < 2 else tenth
    validation = 0 if "validation" in explicit or count < 3 else tenth
    return ["test"] * test + ["validation"] * validation + ["train"] * (count - test - validation)


def _pictures(path: Path) -> tuple[list[Item], list[str]]:
    """Lists pictures by class, and classes without any."""
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    roots = {folder: SPLITS[folder.name.lower()] for folder in folders if folder.name.lower() in SPLITS}
    if not ("train" in roots.values() and len(roots) == len(folders)):
        roots = {path: ""}
    items: list[Item] = []
    skipped: list[str] = []
    for root, split in roots.items():
        for folder in sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")):
            named = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES and not file.is_dir())
            files = [file for file in named if file.is_file()]
            skipped += [f"{file}: a link to nothing, or no file" for file in named if not file.is_file()]
            if not files:
                skipped.append(f"class {folder.name!r}: {folder} holds no pictures")
            label = _utf8(folder.name)
            items += [Item(label, _utf8(str(file.relative_to(path))), split, file=file) for file in files]
    return items, skipped


def _texts(path: Path) -> tuple[list[Item], list[str]]:
    """Lists the rows of a file of texts, and those that lack a text or a label."""
    items: list[Item] = []
    skipped: list[str] = []
    try:
        rows = list(_rows(path))
    except UnicodeDecodeError as error:
        raise UserError(f"data folder:{path}: is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise UserError(f"data folder:{path}: cannot be read: {error.strerror}") from None
    for where, row in rows:
        if row is None:
            skipped.append(f"{where}: not a JSON object")
            continue
        if any(row.get(None) or ()):  # where csv puts what stands beyond the header's columns
            skipped.append(f"{where}: more fields than the header has; a text that holds the separator needs quotes")
            continue
        given = [_field(row, names) for names in (_TEXT_COLUMNS, _LABEL_COLUMNS)]
        if None in given:
            columns = ", ".join(map(str, row)) or "none"
            skipped.append(f"{where}: needs the fields 'text' and 'label'; it has {columns}")
            continue
        if any(isinstance(value, (list, dict)) for value in given):
            skipped.append(f"{where}: text or label is a list or an object; a string or a number")
            continue
        text, label = (_utf8(str(value)).strip() for value in given)
        if text and label:
            items.append(Item(label, where, _split(str(_field(row, ("split",)) or ""), where), text=text))
        else:
            skipped.append(f"{where}: no {'label' if text else 'text'}")
    return items, skipped


def _rows(path: Path) -> Iterable[tuple[str, dict | None]]:
    """Yields where each row is and its fields, None if they cannot be read."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix.lower() == ".jsonl":
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        row = json.loads(line)
                    except (ValueError, RecursionError):
                        row = None
                    yield f"{path.name}:{number}", row if isinstance(row, dict) else None
            return
        csv.field_size_limit(2**30)
        header = file.readline()
        file.seek(0)
        separators = "\t" if path.suffix.lower() == ".tsv" else ",;"  # some spreadsheets write semicolons
        reader = csv.DictReader(file, delimiter=max(separators, key=header.count), strict=True)
        last = 0
        try:
            for row in reader:
                last = reader.line_num
                yield f"{path.name}:{last}", row
        except csv.Error as error:  # an open quote swallows all that follows
            where = f"data folder:{path}: cannot be read after line {last}"
            raise UserError(f"{where}: {error}; a quote within a quoted text is doubled") from None


def _split(name: str, where: str) -> str:
    """Returns the split that a user's name for it means; empty for none."""
    key = name.strip().lower()
    if key and key not in SPLITS:
        near = nearest(key, SPLITS)
        hint = f"; did you mean {near!r}?" if near else ""
        raise UserError(f"data folder:{where}: split {name!r} is not allowed; train, validation or test{hint}")
    return SPLITS.get(key, "")


def _field(row: dict, names: tuple[str, ...]) -> Any:
    """Returns the first of some fields, whatever the case of its name, empty for null; None if none is there."""
    found = {str(key).strip().lower(): value for key, value in row.items()}
    for name in names:
        if name in found:
            value = found[name]
            return "" if value is None or value != value else value  # NaN is not equal to itself
    return None


def _utf8(text: str) -> str:
    """Returns a text that can be written: other bytes of a file's name, and halves of characters, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
