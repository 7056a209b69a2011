"""The plugins in this tree. The core reads `IN_TREE` and names none of them itself."""

IN_TREE = ("attention", "episodic_memory", "transfer", "working_memory")
"""Folders here that hold a `plugin.py`, in the order in which they are found."""
