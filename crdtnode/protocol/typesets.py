"""Which types each member knows: roots are compared over those that both sides know.

Members announce a hash of their set of tags. Where it equals ours nothing more is said; else the
lists are exchanged once. A list that does not have the hash that it claims is no list.
"""

from collections import OrderedDict

from crdtnode.protocol.members import Member
from crdtnode.registry import Registry
from crdtnode.wire.messages import Types

SETS_MOST = 256
"""Foreign sets of types remembered; the one learned longest ago is forgotten, and asked for anew."""


class TypeSets:
    """The sets of types that were heard of, by hash."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._kinds = registry.kinds
        self._prints = registry.fingerprints
        self._sets: OrderedDict[int, frozenset[str]] = OrderedDict()
        self._tags: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()

    def learn(self, message: Types) -> bool:
        """Remember what a hash stands for; False where it does not stand for that."""
        if self._registry.fingerprints.text_hash("\n".join(message.tags)) != message.hash:
            return False
        self._sets[message.hash] = frozenset(message.tags)
        if len(self._sets) > SETS_MOST:
            self._sets.popitem(last=False)
        return True

    def ours(self) -> Types:
        """Our own list, for whoever does not know it."""
        return Types(self._registry.types_hash, tuple(self._registry.types))

    def common(self, member: Member) -> frozenset[str] | None:
        """The types that both know; None where we do not know which this member knows.

        Roots are compared over these, and only they travel.
        """
        kinds = self._kinds
        if kinds.tags is not self._tags:
            self._tags = kinds.tags
            self._known = frozenset(self._tags)
        ours = self._known
        if member.types == kinds.tags_hash:
            return ours
        theirs = self._sets.get(member.types)
        return None if theirs is None else theirs & ours

    def root_equal(self, member: Member) -> bool | None:
        """Whether the root that a member told last is ours; None where that cannot be said."""
        ours = self.root(member)
        if member.root is None or ours is None or not member.talks:
            return None
        return member.root == ours

    def root(self, member: Member) -> int | None:
        """Our root over what we share with this member; None where its set is not known."""
        if member.types == self._kinds.tags_hash:  # nearly always
            return self._prints.root
        common = self.common(member)
        return None if common is None else self._registry.fingerprints.root_over(common)
