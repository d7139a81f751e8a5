"""Dots that each hold content of an entry, over one context: what maps and carts are made of.

Theory of operation. Every live dot belongs to an *entry* (a key of a map, an item of a cart) and
holds a *leaf* (an element, an amount, a delta). A dot survives a join if both sides hold it with
the same content, or if one does and the other has never seen it. Neighbouring dots of equal
content are kept as one stretch, here and in payloads.

Two indexes hold the same dots: whose each counter is (`_owners`), which finds what a removal
names, and what each entry holds (`_leaves`). They are only changed together.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): DotFun and DotMap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

from crdt.atoms import Key
from crdt.causal.runs import (
    Runs,
    count,
    decode_runs,
    encode_runs,
    includes,
    last,
    union,
)
from crdt.causal.spans import Span, Spans, outside, runs_of_spans, spans_of
from crdt.errors import PayloadError
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.rows import Hash, Print, Row, Rowed

Entry = Key
Leaf = Any
"""Hashable, immutable, and equal exactly if the content is."""

Piece = tuple[str, int, int, Entry, Leaf]
"""``(replica, start, end, entry, leaf)``: a stretch of dots with their content."""

Counted = tuple[Leaf, int]
"""A leaf and how many neighbouring dots hold it."""

Dots = dict[str, list[Span]]

_NONE = Spans()


class Dotted(Rowed):
    """Live dots with content over one context; the base of ORMap and ORCart."""

    _fields: ClassVar[tuple[str, ...]] = ("_owners", "_leaves", "_seen")
    _owners: dict[str, Spans]
    _leaves: dict[Entry, dict[str, Spans]]
    _seen: dict[str, Runs]

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

    # --- changing ------------------------------------------------------------------------------

    def _write(self, adds: Iterable[tuple[Entry, Leaf]], covered: Dots) -> Self:
        """Give each of ``adds`` a fresh dot and remove the dots ``covered``, in one delta."""
        delta = self._blank()
        replica: str | None = None
        fresh = list(adds)
        if fresh:
            replica = self._candidate()
            start = self._next_dot(replica)
            for dot, (entry, leaf) in enumerate(fresh, start):
                delta._put(replica, dot, dot + 1, entry, leaf)
            covered = {**covered, replica: [*covered.get(replica, ())]}
            covered[replica].append((start, start + len(fresh)))
        if not covered:
            return delta
        return self._publish(delta._claiming(covered), replica)

    def _claiming(self, dots: Dots) -> Self:
        """Let this delta have seen some dots, and return it."""
        self._seen = {holder: runs_of_spans(spans) for holder, spans in dots.items()}
        return self

    def _next_dot(self, replica: str) -> int:
        return last(self._seen.get(replica, 0)) + 1

    def _dots_of(self, entries: Iterable[Entry]) -> Dots:
        """Return the live dots of some entries."""
        dots: Dots = {}
        for entry in entries:
            for replica, leaves in self._leaves.get(entry, {}).items():
                dots.setdefault(replica, []).extend((start, end) for start, end, _ in leaves)
        return dots

    def _pieces_of(self, entry: Entry) -> Iterator[Piece]:
        for replica, leaves in self._leaves.get(entry, {}).items():
            for start, end, leaf in leaves:
                yield replica, start, end, entry, leaf

    def _put(self, replica: str, start: int, end: int, entry: Entry, leaf: Leaf) -> None:
        self._owners.setdefault(replica, Spans()).put(start, end, entry)
        self._leaves.setdefault(entry, {}).setdefault(replica, Spans()).put(start, end, leaf)

    def _cut(self, replica: str, start: int, end: int, entry: Entry) -> None:
        holders = self._leaves[entry]
        self._owners[replica].cut(start, end)
        holders[replica].cut(start, end)
        if not holders[replica]:
            del holders[replica]
        if not holders:
            del self._leaves[entry]
        if not self._owners[replica]:
            del self._owners[replica]

    # --- joining -------------------------------------------------------------------------------

    def _join(self, other: Self) -> bool:
        new, gone = self._difference(other)
        self._apply(new, gone)
        return self._see(other) or bool(new or gone)

    def _difference(self, other: Self) -> tuple[list[Piece], list[Piece]]:
        """Return what a join with ``other`` adds and what it removes."""
        new: list[Piece] = []
        gone: list[Piece] = []
        for replica, theirs in other._seen.items():
            seen = self._seen.get(replica, 0)
            for start, end in outside(seen, 1, last(theirs) + 1):
                new += other._between(replica, start, end)
            if replica in self._owners:
                gone += self._not_kept_by(other, replica, theirs)
        return new, gone

    def _not_kept_by(self, other: Self, replica: str, within: Runs) -> Iterator[Piece]:
        """Yield the dots here, inside ``within``, that ``other`` does not hold with this content."""
        for start, end in spans_of(within):
            for piece in self._between(replica, start, end):
                yield from _less(piece, other._leaves.get(piece[3], {}).get(replica, _NONE))

    def _between(self, replica: str, start: int, end: int) -> Iterator[Piece]:
        for first, stop, entry in self._owners.get(replica, _NONE).within(start, end):
            for one, until, leaf in self._leaves[entry][replica].within(first, stop):
                yield replica, one, until, entry, leaf

    def _apply(self, new: Iterable[Piece], gone: Iterable[Piece]) -> None:
        if self._print is not None:
            for sign, pieces in ((1, new), (-1, gone)):
                for piece in pieces:
                    for row, often in _rows_of(piece):
                        self._print.count(row, sign * often)
        for replica, start, end, entry, _ in gone:
            self._cut(replica, start, end, entry)
        for piece in new:
            self._put(*piece)

    def _see(self, other: Self) -> bool:
        grown = False
        for replica, theirs in other._seen.items():
            seen = self._seen.get(replica, 0)
            now = union(seen, theirs)
            if now != seen:
                self._seen[replica] = now
                grown = True
        return grown

    def compare(self, other: Self) -> bool:
        """Tell whether ``other`` has seen all that was seen here, and revives none of it."""
        other = self._same_type(other)
        return all(
            includes(other._seen.get(replica, 0), seen)
            and next(other._not_kept_by(self, replica, seen), None) is None
            for replica, seen in self._seen.items()
        )

    # --- the fingerprint -----------------------------------------------------------------------

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for row in self._seen.items():
            yield row, 1
        for entry in self._leaves:
            for piece in self._pieces_of(entry):
                yield from _rows_of(piece)

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
        new._leaves = {
            entry: {replica: spans.copy() for replica, spans in holders.items()}
            for entry, holders in self._leaves.items()
        }
        new._seen = self._seen.copy()
        return new

    def _encode(self) -> dict[str, Any]:
        return {replica: self._encode_replica(replica) for replica in sorted(self._seen)}

    def _encode_replica(self, replica: str) -> list[Any]:
        end = last(self._seen[replica]) + 1
        pieces = list(self._between(replica, 1, end))
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


def _rows_of(piece: Piece) -> tuple[tuple[Row, int], tuple[Row, int]]:
    """Return the rows of a stretch of dots."""
    replica, start, end, entry, leaf = piece
    return ((replica, end, entry, leaf), 1), ((replica, start, entry, leaf), -1)


def _less(piece: Piece, spans: Spans) -> Iterator[Piece]:
    """Yield what is left of a piece without the dots that have the same content in ``spans``."""
    replica, at, end, entry, leaf = piece
    for start, stop, other in spans.within(at, end):
        if other == leaf:
            if at < start:
                yield replica, at, start, entry, leaf
            at = stop
    if at < end:
        yield replica, at, end, entry, leaf
