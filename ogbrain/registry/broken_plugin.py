"""A plugin that was found but cannot be used."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class BrokenPlugin:
    """What is known about a plugin that failed; every other plugin goes on working."""

    name: str
    """The plugin's name, or the name of its folder or entry point if it did not get as far as its manifest."""
    origin: str
    """Where it was found, for people to read."""
    why: str
    """What went wrong, in one line."""
    traceback: str
    """The whole traceback."""
