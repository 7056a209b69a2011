"""Takes the readable text out of an e-mail."""

import email
import html
import re
from typing import Any

from ogbrain.data.sources.text import tidy

_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_HEADERS = re.compile(r"\s*(Return-Path|Received|Delivered-To): ")
_LINE_SPACE = re.compile(r"\n\s*\n\s*")


def mail_body(message: str, depth: int = 0) -> str:
    r"""Returns the text of all text parts of a message, without its headers, tags of HTML left out.

    Args:
        message: The message as it came, headers first.
        depth: How many messages this one is inside of.

    Returns:
        The text, white space within paragraphs as one space, one empty line between paragraphs; empty if the
        message has no text.

    Example:
        >>> mail_body("Subject: hello\nContent-Type: text/html\n\n<p>Good <b>day</b></p>")
        'Good day'
    """
    if message.startswith("From "):  # the line that a mailbox file puts before each message
        message = message.partition("\n")[2]
    texts = []
    for part in email.message_from_string(message).walk():
        if part.get_content_maintype() != "text":
            continue
        text = _decoded(part.get_payload(decode=True) or b"", part.get_content_charset() or "latin-1")
        if depth < 3 and _HEADERS.match(text):  # a message that was passed on whole, its headers first
            text = mail_body(text.lstrip(), depth + 1)
        if part.get_content_subtype() == "html":
            text = html.unescape(_TAG.sub(" ", text))
        texts.append(text)
    paragraphs = (tidy(paragraph) for paragraph in _LINE_SPACE.split("\n\n".join(texts).replace("\r\n", "\n")))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _decoded(data: Any, charset: str) -> str:
    try:
        return data.decode(charset)
    except (LookupError, UnicodeError, ValueError):  # spam names encodings that do not exist, or another's
        return data.decode("latin-1")
