"""Text from a pipe."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from ogbrain.data.vocabulary import normalized


def read_words(source: BinaryIO) -> Iterator[str]:
    """Yields text as it comes, cut between words only; the pieces joined are the text with single spaces.

    Args:
        source: UTF-8; what is not, is replaced.

    Yields:
        A piece of one word or more; each but the first begins with a space.

    Example:
        >>> "".join(read_words(io.BytesIO(b"  Click  the  door ")))
        'click the door'
    """
    read = getattr(source, "read1", source.read)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held, first = "", True
    while True:
        data = read(4096)
        start = len(held)
        held += decoder.decode(data, final=not data)
        # The last word may go on in the next piece; what was held has no space but its first character.
        spaces = (i for i in range(start, len(held)) if not normalized(held[i]))
        cut = len(held) if not data else max(spaces, default=0)
        piece, held = normalized(held[:cut]), held[cut:]
        if piece:
            yield piece if first else f" {piece}"
            first = False
        if not data:
            return
