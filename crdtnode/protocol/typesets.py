"""Which types each member knows: roots are compared over those that both sides know.

Members announce a hash of their set of tags. Where it equals ours nothing more is said; else the
lists are exchanged once.
"""

from crdtnode.protocol.members import Member
from crdtnode.registry import Registry
from crdtnode.wire.messages import Types

SETS_MOST = 256
"""Foreign sets of types remembered."""


class TypeSets:
    """The sets of types that were heard of, by hash."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._sets: dict[int, frozenset[str]] = {}

    def learn(self, message: Types) -> None:
        """Remember what a hash stands for."""
        if len(self._sets) < SETS_MOST:
            self._sets[message.hash] = frozenset(message.tags)

    def ours(self) -> Types:
        """Our own list, for whoever does not know it."""
        return Types(self._registry.types_hash, tuple(self._registry.types))

    def known(self, member: Member) -> bool:
        """True where we know which types this member knows."""
        return member.types == self._registry.types_hash or member.types in self._sets

    def common(self, member: Member) -> frozenset[str] | None:
        """The types that we share with a member whose set is known; None stands for all of ours."""
        if member.types == self._registry.types_hash:
            return None
        return self._sets[member.types].intersection(self._registry.types)

    def root_equal(self, member: Member) -> bool | None:
        """Whether the root that a member told last is ours; None where that cannot be said."""
        ours = self.root(member)
        if member.root is None or ours is None or not member.talks:
            return None
        return member.root == ours

    def root(self, member: Member) -> int | None:
        """Our root over what we share with this member; None where its set is not known."""
        if not self.known(member):
            return None
        return self._registry.fingerprints.root_over(self.common(member))
