"""Plain tables that fit a terminal."""

import itertools
import shutil
import textwrap
from collections.abc import Sequence

_GAP = "  "
_NARROWEST = 10


def terminal_width() -> int:
    """Returns the width to write for: the terminal's, but from 80 to 120 columns."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, 80), 120)


def table(rows: Sequence[Sequence[str]], width: int, indent: str = "  ", limits: Sequence[int] = ()) -> str:
    """Lays out rows in columns; cells that are too long are wrapped, those of the widest column first.

    Args:
        rows: The cells, equally many in each row.
        width: Columns of characters that the table may take, its indent included.
        indent: What each line begins with.
        limits: The most that the first columns may take, each; the others take what is left.

    Returns:
        The lines, without trailing blanks, joined by newlines; empty without rows.

    Example:
        >>> print(table([["seed", "int", "Seed of all that is drawn."]], width=80))
          seed  int  Seed of all that is drawn.
    """
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths = [min(pair) for pair in itertools.zip_longest(widths, limits[: len(widths)], fillvalue=width)]
    room = width - len(indent) - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        second = max([_NARROWEST, *(other for index, other in enumerate(widths) if index != widest)])
        excess = sum(widths) - room
        # Down to the next widest, and from there on one at a time and so in turn.
        widths[widest] -= min(excess, max(widths[widest] - second, 1))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, max(wide, 1)) or [""] for cell, wide in zip(row, widths, strict=True)]
        for parts in itertools.zip_longest(*cells, fillvalue=""):
            line = _GAP.join(part.ljust(wide) for part, wide in zip(parts, widths, strict=True))
            lines.append((indent + line).rstrip())
    return "\n".join(lines)
