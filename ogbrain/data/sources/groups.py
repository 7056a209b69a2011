"""Things that belong together, directly or through others."""

from collections.abc import Iterable


class Groups:
    """Disjoint sets of strings (union-find), each named by its least member.

    Two examples that share any text must be in one split; so must a third that shares
    another text with one of them. Splitting by the name of the group does that.

    Example:
        >>> groups = Groups()
        >>> groups.join(["en: Save", "fr: Enregistrer"])
        >>> groups.join(["en: Record", "fr: Enregistrer"])
        >>> groups.name("en: Save")
        'en: Record'
    """

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, members: Iterable[str]) -> None:
        """Puts all members, and whatever they are already together with, into one group."""
        roots = sorted({self.name(member) for member in members})
        for root in roots[1:]:
            self._parent[root] = roots[0]

    def name(self, member: str) -> str:
        """Returns the least member of the group that a member is in; one not seen before is a group alone."""
        root = member
        while (parent := self._parent.setdefault(root, root)) != root:
            root = parent
        while self._parent[member] != root:  # shortens the way for the next time
            self._parent[member], member = root, self._parent[member]
        return root
