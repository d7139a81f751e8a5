"""Dots that each hold content of an entry, over one context: the state of maps and carts.

Theory of operation. Every live dot belongs to an *entry* (a key of a map, an item of a cart) and
holds a *leaf* (an element, an amount, a delta). Neighbouring dots of equal content are kept as one
stretch, here and in payloads. Two indexes hold the same dots: whose each counter is (`_owners`),
which finds what a removal names, and what each entry holds (`_leaves`). They are only changed
together.

Most entries hold one stretch: a plain tuple, which costs little memory and nothing to the garbage
collector. Only what holds more has a dict of `Spans` by replica. A copy shares both; whoever changes
a dict first makes it its own (`_to_change`). So a large map can be copied, to be hashed or divided
while it changes, in little time.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): DotFun and DotMap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from crdt.atoms import Key
from crdt.causal.portions import Piece
from crdt.causal.runs import Runs, count, decode_runs, encode_runs, includes
from crdt.causal.spans import Span, Spans, runs_of_spans, spans_of
from crdt.causal.told import Track
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.rows import Hash, Print, Row, Rowed

Entry = Key
Leaf = Any
"""Hashable, immutable, and equal exactly if the content is."""

Counted = tuple[Leaf, int]
"""A leaf and how many neighbouring dots hold it."""

NO_SPANS = Spans()

Lone = tuple[str, int, int, Leaf]
"""``(replica, start, end, leaf)``: the one stretch of dots that an entry holds."""

Held = Lone | dict[str, Spans]


class DotEntries(Rowed):
    """Live dots with content over one context, as a state; `Dotted` says what happens to it."""

    _fields: ClassVar[tuple[str, ...]] = ("_owners", "_leaves", "_seen")
    _owners: dict[str, Spans]
    _leaves: dict[Entry, Held]
    _seen: dict[str, Runs]
    _cached: dict[str, Track] | None = None
    """What was removed and settled of each replica, once somebody has asked."""
    _owned: set[Entry] | None = None
    """Entries whose dict no copy shares; None where there was never a copy."""

    @classmethod
    @abstractmethod
    def _encode_group(cls, entry: Entry, leaves: list[Counted]) -> list[Any]:
        """Return the payload of neighbouring leaves of one entry, each with how often it stands."""

    @classmethod
    @abstractmethod
    def _decode_group(cls, payload: Any, place: str, depth: int) -> tuple[Entry, list[Counted]]:
        """Return what `_encode_group` was given, or raise PayloadError.

        Args:
            payload: Foreign data.
            place: Where it stands.
            depth: How many maps stand around it.
        """

    @classmethod
    @abstractmethod
    def _settled(cls, entry: Entry, leaf: Leaf) -> bool:
        """Tell whether the content of a dot can change no more."""

    @classmethod
    def _shows(cls, entry: Entry, leaf: Leaf) -> bool:
        """Tell whether a dot with this content is a reason to show the entry."""
        return True

    @classmethod
    def _may_stand(cls, replica: str, counter: int, entry: Entry, leaf: Leaf) -> bool:
        """Tell whether a leaf of a payload may stand under this dot."""
        return True

    # --- the dots ------------------------------------------------------------------------------

    def _pieces_of(self, entry: Entry) -> Iterator[Piece]:
        held = self._leaves.get(entry)
        if isinstance(held, tuple):
            replica, start, end, leaf = held
            yield replica, start, end, entry, leaf
        elif held is not None:
            for replica, leaves in held.items():
                for start, end, leaf in leaves:
                    yield replica, start, end, entry, leaf

    def _within(
        self, entry: Entry, replica: str, start: int, end: int
    ) -> list[tuple[int, int, Leaf]]:
        """Return what an entry holds in a stretch, cut to it, as ``(start, end, leaf)``."""
        held = self._leaves.get(entry)
        if not isinstance(held, tuple):
            return [] if held is None else held.get(replica, NO_SPANS).within(start, end)
        whose, first, stop, leaf = held
        if whose != replica or stop <= start or end <= first:
            return []
        return [(max(first, start), min(stop, end), leaf)]

    def _count_in(self, seen: dict[str, Runs]) -> None:
        """Count in the context of a map around this object from now on."""
        self._seen = seen

    def _put(self, replica: str, start: int, end: int, entry: Entry, leaf: Leaf) -> None:
        if self._cached is not None and replica in self._cached:
            self._cached[replica].put(start, end, settled=self._settled(entry, leaf))
        self._owners.setdefault(replica, Spans()).put(start, end, entry)
        if entry in self._leaves:
            self._to_change(entry).setdefault(replica, Spans()).put(start, end, leaf)
            self._tidy(entry)
        else:
            self._leaves[entry] = replica, start, end, leaf

    def _to_change(self, entry: Entry) -> dict[str, Spans]:
        """Return what an entry holds as a dict that no copy shares from now on."""
        held = self._leaves[entry]
        if isinstance(held, tuple):
            replica, *stretch = held
            spans = Spans()
            spans.put(*stretch)
            holders = {replica: spans}
        elif self._owned is None or entry in self._owned:
            return held
        else:
            holders = {replica: spans.copy() for replica, spans in held.items()}
        self._leaves[entry] = holders
        if self._owned is not None:
            self._owned.add(entry)
        return holders

    def _tidy(self, entry: Entry) -> None:
        """Keep one stretch as a tuple, and no entry that holds nothing."""
        holders: Any = self._leaves[entry]
        if not holders:
            del self._leaves[entry]
        elif len(holders) == 1:
            ((replica, spans),) = holders.items()
            if len(spans) == 1:
                ((start, end, leaf),) = spans
                self._leaves[entry] = replica, start, end, leaf

    def _cut(self, replica: str, start: int, end: int, entry: Entry) -> None:
        if self._cached is not None and replica in self._cached:
            self._cached[replica].cut(start, end)
        holders = self._to_change(entry)
        self._owners[replica].cut(start, end)
        holders[replica].cut(start, end)
        if not holders[replica]:
            del holders[replica]
        self._tidy(entry)
        if not self._owners[replica]:
            del self._owners[replica]

    def _between(self, replica: str, start: int, end: int) -> Iterator[Piece]:
        for first, stop, entry in self._owners.get(replica, NO_SPANS).within(start, end):
            for one, until, leaf in self._within(entry, replica, first, stop):
                yield replica, one, until, entry, leaf

    def _all_of(self, replica: str) -> Iterator[Piece]:
        """Yield the live dots of a replica, ascending, one stretch after the other."""
        for first, stop, entry in self._owners.get(replica, NO_SPANS):
            for one, until, leaf in self._within(entry, replica, first, stop):
                yield replica, one, until, entry, leaf

    def _live_among(self, replica: str, runs: Runs) -> Runs:
        spans = self._owners.get(replica, NO_SPANS)
        return runs_of_spans(
            [
                (one, stop)
                for start, end in spans_of(runs)
                for one, stop, _ in spans.within(start, end)
            ]
        )

    # --- the fingerprint -----------------------------------------------------------------------

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for row in self._seen.items():
            yield row, 1
        for entry in self._leaves:
            for piece in self._pieces_of(entry):
                yield from rows_of(piece)

    def _bulk(self) -> int:
        return len(self._leaves)

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        made.known = made.known or (self._seen.copy(),)

    def _catch_up(self, held: Print) -> None:
        # A child counts its dots in the map's own context, and tells nobody.
        (known,) = held.known
        for replica, seen in self._seen.items():
            before = known.get(replica)
            if before != seen:
                held.swap(None if before is None else (replica, before), (replica, seen))
                known[replica] = seen

    # --- the hooks of a built-in type ----------------------------------------------------------

    def _empty(self) -> None:
        self._owners = {}
        self._leaves = {}
        self._seen = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._owners = {replica: spans.copy() for replica, spans in self._owners.items()}
        new._leaves = self._leaves.copy()
        self._owned, new._owned = set(), set()
        new._seen = self._seen.copy()
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._owned = source._owned
        self._cached = None

    def _encode(self) -> dict[str, Any]:
        return {replica: self._encode_replica(replica) for replica in sorted(self._seen)}

    def _encode_replica(self, replica: str) -> list[Any]:
        pieces = list(self._all_of(replica))
        return [
            self._grouped((entry, leaf, end - start) for _, start, end, entry, leaf in pieces),
            encode_runs(runs_of_spans((start, end) for _, start, end, _, _ in pieces)),
            encode_runs(self._seen[replica]),
        ]

    @classmethod
    def _grouped(cls, items: Iterable[tuple[Entry, Leaf, int]]) -> list[Any]:
        """Return the payload of leaves in dot order, neighbours of one entry in one group."""
        groups: list[tuple[Entry, list[Counted]]] = []
        for entry, leaf, often in items:
            if not groups or groups[-1][0] != entry:
                groups.append((entry, []))
            leaves = groups[-1][1]
            if leaves and leaves[-1][0] == leaf:
                often += leaves.pop()[1]
            leaves.append((leaf, often))
        return [cls._encode_group(entry, leaves) for entry, leaves in groups]

    @classmethod
    def _ungrouped(cls, payload: Any, place: str, depth: int) -> list[tuple[Entry, Leaf, int]]:
        """Return the leaves that `_grouped` wrote, or raise PayloadError."""
        items: list[tuple[Entry, Leaf, int]] = []
        for i, group in enumerate(expect_list(payload, place)):
            here = f"{place}[{i}]"
            entry, leaves = cls._decode_group(group, here, depth)
            if not leaves or (items and items[-1][0] == entry):
                raise PayloadError("neighbours of one entry stand in one group", here)
            items += [(entry, leaf, often) for leaf, often in leaves]
        return items

    def _decode(self, payload: Any) -> None:
        for replica, parts in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            self._decode_replica(replica, parts, f"payload[{replica!r}]")

    def _decode_replica(self, replica: str, parts: Any, place: str) -> None:
        groups, live_runs, context = expect_list(parts, place, 3)
        live = decode_runs(live_runs, f"{place}[1]")
        seen = decode_runs(context, f"{place}[2]")
        if not seen:
            raise PayloadError("a replica of which nothing was seen is left out", place)
        if not includes(seen, live):
            raise PayloadError("a live dot is outside the context", f"{place}[1]")
        items = self._ungrouped(groups, f"{place}[0]", 1)
        if sum(often for _, _, often in items) != count(live):
            raise PayloadError("as many leaves as live dots are expected", place)
        self._seen[replica] = seen
        spans = spans_of(live)
        spans.reverse()
        for item in items:
            self._lay(replica, spans, *item)

    def _lay(self, replica: str, spans: list[Span], entry: Entry, leaf: Leaf, often: int) -> None:
        """Put a leaf on the next free dots, which are the last of ``spans``."""
        while often:
            start, end = spans.pop()
            stop = min(end, start + often)
            if not self._may_stand(replica, start, entry, leaf):
                raise PayloadError("this cannot stand under its dot", f"payload[{replica!r}][0]")
            self._put(replica, start, stop, entry, leaf)
            often -= stop - start
            if stop < end:
                spans.append((stop, end))

    def _shows_more(self, other: Self, replica: str) -> bool:
        return not includes(self._seen.get(replica, 0), other._seen.get(replica, 0))

    def _replicas(self) -> set[str]:
        return set(self._seen)

    @property
    def initial(self) -> bool:
        """Whether nothing has ever been written, as far as this state knows."""
        return not self._seen


def rows_of(piece: Piece) -> tuple[tuple[Row, int], tuple[Row, int]]:
    """Return the rows of a stretch of dots."""
    replica, start, end, entry, leaf = piece
    return ((replica, end, entry, leaf), 1), ((replica, start, entry, leaf), -1)
