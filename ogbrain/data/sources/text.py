"""Text as the builders compare and keep it."""

import re
import unicodedata

from ogbrain.data.sources.archive_error import ArchiveError

_SPACE = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[\W_]+")


def decode_utf8(data: bytes, what: str) -> str:
    """Returns the text of a file that must be UTF-8, without a byte order mark.

    Raises:
        ArchiveError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{what}: not UTF-8 (byte {data[error.start]:#04x} at {error.start})") from error


def tidy(text: str) -> str:
    """Returns text in Unicode's composed form with each run of white space as one space."""
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def comparable(text: str) -> str:
    """Returns what two texts have in common that differ in case, punctuation or spacing alone.

    Text of nothing but punctuation stays as it is, so that "+" and "-" remain two.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub(" ", folded).strip() or tidy(folded)
