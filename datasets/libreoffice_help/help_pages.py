"""Reads sentences out of LibreOffice's help pages, HTML made from XHP."""

import html
import re
from collections.abc import Iterator

from ogbrain.data.sources.text import tidy

# XHP gives each paragraph an identity that its translations keep.
_PARAGRAPH = re.compile(r'<(p|h[1-6]) id="((?:par|hd)_id\w+)"[^>]*>(.*?)</\1>', re.DOTALL)
# A phrase that depends on the system is there once for macOS and once for all others, next to each other.
_FOR_MAC = re.compile(
    r'<span hidden="true" id="MAC(?:(?!<span hidden="true" id=).)*(?=<span hidden="true" id="default)', re.DOTALL
)
_TAG = re.compile(r"<[^<>]*>")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"«“(]?[A-ZÀ-Ý])")


def paragraphs(page: str) -> Iterator[tuple[str, str]]:
    """Yields identity and text of each paragraph and heading of a page.

    Args:
        page: HTML of the page.

    Example:
        >>> list(paragraphs('<p id="par_id1" dir="auto">Save &amp; <b>close</b></p>'))
        [('par_id1', 'Save & close')]
    """
    for _, identity, body in _PARAGRAPH.findall(page):
        yield identity, tidy(html.unescape(_TAG.sub("", _FOR_MAC.sub("", body))))


def sentence_pairs(source: str, target: str) -> list[tuple[str, str]]:
    """Returns the sentences of two paragraphs in pairs; if they have not as many sentences, the paragraphs whole."""
    sources, targets = _SENTENCE_END.split(source), _SENTENCE_END.split(target)
    if len(sources) != len(targets):
        return [(source, target)]
    return list(zip(sources, targets, strict=True))


def is_good_pair(source: str, target: str) -> bool:
    """Returns whether a pair is a translation to learn from.

    Both sides have 3 to 40 words and at least 75% letters, they differ, and neither is more than 2.5 times as long.
    """
    for text in (source, target):
        if not 3 <= len(text.split()) <= 40:
            return False
        characters = [character for character in text if not character.isspace()]
        if sum(character.isalpha() for character in characters) < 0.75 * len(characters):
            return False
    return source != target and 0.4 <= len(source) / len(target) <= 2.5
