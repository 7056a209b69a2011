"""The error of an archive that cannot be trusted or read."""

from ogbrain.errors import UserError


class ArchiveError(UserError):
    """An archive that is truncated, damaged, too large, or holds what it must not."""
