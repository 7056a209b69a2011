"""Edit distance: errors of a transcript."""

from collections.abc import Sequence


def edit_distance(wanted: Sequence, given: Sequence) -> int:
    """Returns the least number of substitutions, insertions and deletions between two sequences (Levenshtein 1966).

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    row = list(range(len(given) + 1))
    for i, left in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(given, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
