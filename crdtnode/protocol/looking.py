"""Looks at what a member holds, for people who want to see what differs; nothing is changed by it.

*Theory of operation.* Whoever asks walks down the other's tries, a few branches at a time, along
those that differ from its own: the price is that of the difference. Then it asks for the names of
what it does not have, or for the payload of one object. Whoever is asked remembers nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import field

from crdtnode.protocol import descent
from crdtnode.protocol.effects import Copy, Differences, Identity, Inspected
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.values import struct
from crdtnode.wire.messages import Holding, Look, Looked, TrieNode

PATIENCE = 5.0
"""Seconds within which a member has to answer."""

BRANCHES_MOST = 64
"""Branches of tries in one question."""

DIFFERENCES_MOST = 1000
"""Objects that differ, of each sort, after which nothing more is looked at."""

ENOUGH = DIFFERENCES_MOST + 64
"""Objects below one branch that are looked at: more than a node of a trie lists."""

Branch = tuple[str, int, int]
TOP: Branch = ("", 0, 0)
NEVER = float("inf")


@struct
class _Inspection:
    member: Member
    until: float
    branches: list[Branch] = field(default_factory=list)
    here: set[int] = field(default_factory=set)
    there: set[int] = field(default_factory=set)
    both: set[int] = field(default_factory=set)
    complete: bool = True
    naming: bool = False
    """The tries are done: the names of what is only there are asked for."""
    place: int | None = None
    """The only object that is looked at; None where all are compared."""


class Looking:
    """Our own questions, and answers to those of others."""

    def __init__(self, registry: Registry, typesets: TypeSets) -> None:
        self._registry = registry
        self._fingerprints = registry.fingerprints
        self._typesets = typesets
        self.running: dict[int, _Inspection] = {}
        """Our own questions that are open, by ticket."""
        self._last = 0

    # Others look at us

    def answer(self, member: Member, look: Look, now: float) -> list[Send]:
        """Show what is asked for."""
        nodes = tuple(self._node(branch) for branch in look.branches)
        holdings = (self._holding(place, now, payload=look.payloads) for place in look.places)
        looked = Looked(look.id, nodes, tuple(h for h in holdings if h is not None))
        return [to(member, looked, stream=True)]

    def _node(self, branch: Branch) -> TrieNode:
        if branch == TOP:
            return descent.type_roots(self._fingerprints, self._fingerprints.types())
        return descent.shown(self._fingerprints, *branch)

    def _holding(self, place: int, now: float, *, payload: bool) -> Holding | None:
        entry = self._registry.entry(place)
        if entry is None:
            return None
        version = self._registry.refresh(place, now, at_once=False)
        state = self._registry.state(place) if payload else None
        return Holding(entry.tag, entry.name, version, () if state is None else state[3])

    # We look at others

    def compare(self, member: Member, now: float) -> tuple[int, list[Send]]:
        """Compare everything with a member; effect `Inspected` with this ticket has the outcome."""
        return self._begin(_Inspection(member, now + PATIENCE, branches=[TOP]))

    def inspect(self, member: Member, place: int, now: float) -> tuple[int, list[Send]]:
        """Get a member's copy of one object; as `compare`."""
        return self._begin(_Inspection(member, now + PATIENCE, place=place))

    def _begin(self, inspection: _Inspection) -> tuple[int, list[Send]]:
        self._last += 1
        self.running[self._last] = inspection
        return self._last, [self._question(self._last, inspection)]

    def _question(self, ticket: int, inspection: _Inspection) -> Send:
        if inspection.place is not None:
            look = Look(ticket, (), (inspection.place,), payloads=True)
        elif inspection.naming:
            look = Look(ticket, (), tuple(sorted(inspection.there)), payloads=False)
        else:
            branches = tuple(inspection.branches[:BRANCHES_MOST])
            del inspection.branches[:BRANCHES_MOST]
            look = Look(ticket, branches, (), payloads=False)
        return to(inspection.member, look, stream=True)

    def hear(self, member: Member, looked: Looked, now: float) -> list[Outcome]:
        """Take an answer, and go on."""
        inspection = self.running.get(looked.id)
        if inspection is None or inspection.member is not member:
            return []
        inspection.until = now + PATIENCE
        if inspection.place is not None:
            return self._over(looked.id, Copy(tuple(h.payloads for h in looked.holdings[:1])))
        if inspection.naming:
            return self._over(looked.id, self._named(inspection, looked.holdings))
        common = self._typesets.common(member)
        tags = sorted(self._fingerprints.types() if common is None else common)
        for node in looked.nodes:
            self._compare(inspection, node, tags)
        found = (inspection.here, inspection.there, inspection.both)
        if max(map(len, found)) > DIFFERENCES_MOST:
            inspection.complete = False
            inspection.branches.clear()
        inspection.naming = not inspection.branches
        if inspection.naming and not inspection.there:
            return self._over(looked.id, self._named(inspection, ()))
        return [self._question(looked.id, inspection)]

    def _compare(self, inspection: _Inspection, theirs: TrieNode, tags: list[str]) -> None:
        if not theirs.tag:
            roots = dict(theirs.leaves)
            inspection.branches += [
                (tag, 0, 0)
                for tag in tags
                if roots.get(self._fingerprints.text_hash(tag), 0)
                != self._fingerprints.type_root(tag)
            ]
        elif theirs.leaf:
            self._compare_rows(inspection, theirs)
        else:
            self._compare_sums(inspection, theirs)

    def _compare_rows(self, inspection: _Inspection, theirs: TrieNode) -> None:
        rows = dict(theirs.leaves)
        for place, version in rows.items():
            our_version = self._fingerprints.get(place)
            if our_version != version:
                (inspection.both if our_version else inspection.there).add(place)
        ours = self._fingerprints.subtree(theirs.tag, theirs.depth, theirs.prefix, most=ENOUGH)
        inspection.here.update(place for place in ours if place not in rows)

    def _compare_sums(self, inspection: _Inspection, theirs: TrieNode) -> None:
        for digit, (our_sum, sum_) in enumerate(zip(self._sums(theirs), theirs.sums, strict=True)):
            below = (theirs.tag, theirs.depth + 1, theirs.prefix * 16 + digit)
            if not sum_:
                inspection.here.update(self._fingerprints.subtree(*below, most=ENOUGH))
            elif sum_ != our_sum:
                inspection.branches.append(below)

    def _sums(self, theirs: TrieNode) -> Sequence[int]:
        """Our sums of the 16 branches below where their node is."""
        ours = self._fingerprints.node(theirs.tag, theirs.depth, theirs.prefix)
        return ours.sums or (0,) * 16  # we have so little there that all of theirs is looked at

    def _named(self, inspection: _Inspection, holdings: Iterable[Holding]) -> Differences:
        there = sorted((h.tag, h.name) for h in holdings)
        return Differences(
            only_here=self._identities(inspection.here),
            only_there=tuple(there)[:DIFFERENCES_MOST],
            differing=self._identities(inspection.both),
            complete=inspection.complete,
        )

    def _identities(self, places: Iterable[int]) -> tuple[Identity, ...]:
        entries = (self._registry.entry(place) for place in places)
        return tuple(sorted((e.tag, e.name) for e in entries if e is not None))[:DIFFERENCES_MOST]

    def _over(self, ticket: int, found: Differences | Copy | None) -> list[Outcome]:
        del self.running[ticket]
        return [Inspected(ticket, found)]

    # Time

    @property
    def deadline(self) -> float:
        """When to give up waiting for the next answer."""
        return min((i.until for i in self.running.values()), default=NEVER)

    def wake(self, now: float) -> list[Outcome]:
        """Questions that nobody answered."""
        silent = [t for t, i in self.running.items() if i.until <= now or not i.member.talks]
        return [outcome for ticket in silent for outcome in self._over(ticket, None)]
