"""How much an archive may hold before it is refused as a bomb."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on what is unpacked from one archive.

    Attributes:
        members: Most members, folders included.
        member_bytes: Most bytes of one member, unpacked.
        total_bytes: Most bytes of all members together, unpacked.
    """

    members: int = 100_000
    member_bytes: int = 512 << 20
    total_bytes: int = 2 << 30


DEFAULT_LIMITS = Limits()
