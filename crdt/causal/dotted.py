"""Dots that each hold content of an entry, over one context: what maps and carts are made of.

Theory of operation. Every live dot belongs to an *entry* (a key of a map, an item of a cart) and
holds a *leaf* (an element, an amount, a delta). A dot survives a join if both sides hold it, or if
one does and the other has never seen it. Neighbouring dots of equal content are kept as one
stretch, here and in payloads.

The content of a dot may change once, from plain to *settled*: a sum takes the place of the amounts
that everybody has seen, an item of a sequence is deleted and keeps its place. Of two contents the
settled one stays. Nobody writes two that are both plain or both settled; where a liar did, the dot
is dropped.

Two indexes hold the same dots: whose each counter is (`_owners`), which finds what a removal
names, and what each entry holds (`_leaves`). They are only changed together.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): DotFun and DotMap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, ClassVar, Self

from crdt.atoms import NOTHING, Key
from crdt.causal.portions import Piece as Piece
from crdt.causal.portions import portions_of
from crdt.causal.runs import (
    Runs,
    common,
    count,
    decode_runs,
    encode_runs,
    includes,
    last,
    union,
)
from crdt.causal.spans import Span, Spans, outside, runs_of_spans, spans_of
from crdt.causal.told import UNKNOWN, Track, context_part, lacking, read_context
from crdt.errors import PayloadError
from crdt.packing import sized
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.rows import Hash, Print, Row, Rowed

Entry = Key
Leaf = Any
"""Hashable, immutable, and equal exactly if the content is."""

Counted = tuple[Leaf, int]
"""A leaf and how many neighbouring dots hold it."""

Dots = dict[str, list[Span]]

Settling = tuple[Dots, list[Piece]]
"""Dots that compacting covers, and the settled content that some of them get."""

_NONE = Spans()


class Dotted(Rowed):
    """Live dots with content over one context; the base of ORMap and ORCart."""

    _fields: ClassVar[tuple[str, ...]] = ("_owners", "_leaves", "_seen")
    _owners: dict[str, Spans]
    _leaves: dict[Entry, dict[str, Spans]]
    _seen: dict[str, Runs]
    _cached: dict[str, Track] | None = None
    """What was removed and settled of each replica, once somebody has asked."""

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
    @abstractmethod
    def _settle(cls, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to an entry with these pieces, of which ``stable`` is known."""

    @classmethod
    def _kept(cls, entry: Entry, leaf: Leaf) -> Leaf:
        """Return what a dot holds after its removal, `NOTHING` if it goes."""
        return NOTHING

    @classmethod
    def _shows(cls, entry: Entry, leaf: Leaf) -> bool:
        """Tell whether a dot with this content is a reason to show the entry."""
        return True

    @classmethod
    def _may_stand(cls, replica: str, counter: int, entry: Entry, leaf: Leaf) -> bool:
        """Tell whether a leaf of a payload may stand under this dot."""
        return True

    # --- changing ------------------------------------------------------------------------------

    def _write(
        self, adds: Iterable[tuple[Entry, Leaf]], covered: Dots, kept: Iterable[Piece] = ()
    ) -> Self:
        """Give each of ``adds`` a fresh dot and remove the dots ``covered``, in one delta.

        Of these, ``kept`` stay with a settled content.
        """
        delta = self._blank()
        for piece in kept:
            delta._put(*piece)
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

    def _removing(self, entries: Iterable[Entry]) -> Settling:
        """Return what removing some entries covers, and what it leaves of that."""
        dots: Dots = {}
        kept: list[Piece] = []
        for replica, start, end, entry, leaf in chain.from_iterable(map(self._pieces_of, entries)):
            left = self._kept(entry, leaf)
            if left is NOTHING or left != leaf:
                dots.setdefault(replica, []).append((start, end))
                if left is not NOTHING:
                    kept.append((replica, start, end, entry, left))
        return dots, kept

    def _pieces_of(self, entry: Entry) -> Iterator[Piece]:
        for replica, leaves in self._leaves.get(entry, {}).items():
            for start, end, leaf in leaves:
                yield replica, start, end, entry, leaf

    def _count_in(self, seen: dict[str, Runs]) -> None:
        """Count in the context of a map around this object from now on."""
        self._seen = seen

    def _put(self, replica: str, start: int, end: int, entry: Entry, leaf: Leaf) -> None:
        if self._cached is not None and replica in self._cached:
            self._cached[replica].put(start, end, settled=self._settled(entry, leaf))
        self._owners.setdefault(replica, Spans()).put(start, end, entry)
        self._leaves.setdefault(entry, {}).setdefault(replica, Spans()).put(start, end, leaf)

    def _cut(self, replica: str, start: int, end: int, entry: Entry) -> None:
        if self._cached is not None and replica in self._cached:
            self._cached[replica].cut(start, end)
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
        """Return what a join with ``other`` adds and what it removes, or takes the content of."""
        new: list[Piece] = []
        gone: list[Piece] = []
        for replica, theirs in other._seen.items():
            seen = self._seen.get(replica, 0)
            for start, end in outside(seen, 1, last(theirs) + 1):
                new += other._between(replica, start, end)
            if replica in self._owners:
                for piece, leaf in self._otherwise_in(other, replica, theirs):
                    _, start, end, entry, mine = piece
                    if leaf is NOTHING or not self._settled(entry, mine):
                        gone.append(piece)
                        if leaf is not NOTHING and self._settled(entry, leaf):
                            new.append((replica, start, end, entry, leaf))
                    elif self._settled(entry, leaf):
                        gone.append(piece)
        return new, gone

    def _otherwise_in(
        self, other: Self, replica: str, within: Runs
    ) -> Iterator[tuple[Piece, Leaf]]:
        """Yield the dots here, inside ``within``, whose content is another one in ``other``.

        With each comes that content, `NOTHING` where ``other`` does not hold the dot.
        """
        for start, end in spans_of(within):
            for piece in self._between(replica, start, end):
                yield from _against(piece, other._leaves.get(piece[3], {}).get(replica, _NONE))

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
        return self._claim(other._seen)

    def _claim(self, dots: dict[str, Runs]) -> bool:
        """Have seen some dots; True if some of them are new."""
        grown = False
        for replica, theirs in dots.items():
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
            and all(
                mine is not NOTHING
                and other._settled(piece[3], piece[4])
                and not self._settled(piece[3], mine)
                for piece, mine in other._otherwise_in(self, replica, seen)
            )
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

    # --- telling what somebody lacks, and forgetting -------------------------------------------

    @property
    def context(self) -> dict[str, Any]:
        """What this object has seen, for `delta_since`, as JSON: ``{replica: [seen, hash...]}``.

        The dots seen are runs ``[skipped, taken...]``; the hashes are of those among them that
        were removed, and, where there are any, of those whose content was settled since.
        """
        return {replica: context_part(*self._tracked(replica)) for replica in sorted(self._seen)}

    def delta_since(self, context: Any) -> Self:
        """Return what the owner of ``context`` lacks of this state, removals included.

        Joined into the state that told its `context` (or into a later one of the same object) it
        does what joining this whole state does. The time it takes follows the new dots and the
        runs, not the number of entries, except for the first time.

        Raises:
            PayloadError: ``context`` is none.
        """
        known = read_context(context)
        delta = self._blank()
        for replica in self._seen:
            sent, claimed = lacking(*self._tracked(replica), known.get(replica, UNKNOWN))
            for start, end in spans_of(sent):
                for piece in self._between(replica, start, end):
                    delta._put(*piece)
            if claimed:
                delta._seen[replica] = claimed
        return delta

    def _tracked(self, replica: str) -> tuple[Track, Runs, Runs, Runs]:
        """Return the track of a replica, and the dots seen, removed and settled."""
        if self._cached is None:
            self._cached = {}
        seen = self._seen[replica]
        track = self._cached.get(replica)
        if track is None:
            pieces = list(self._between(replica, 1, last(seen) + 1))
            settled = [piece[1:3] for piece in pieces if self._settled(*piece[3:])]
            live = runs_of_spans([piece[1:3] for piece in pieces])
            track = self._cached[replica] = Track(seen, live, runs_of_spans(settled))
        return track, seen, *track.upto(seen, lambda runs: self._live_among(replica, runs))

    def _live_among(self, replica: str, runs: Runs) -> Runs:
        spans = self._owners.get(replica, _NONE)
        return runs_of_spans(
            [
                (one, stop)
                for start, end in spans_of(runs)
                for one, stop, _ in spans.within(start, end)
            ]
        )

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        def pieces_of(replica: str) -> Iterator[Piece]:
            return self._between(replica, 1, last(self._seen[replica]) + 1)

        for portion in portions_of(self._seen, pieces_of, self._bytes_of, limit_bytes):
            part = self._blank()
            part._seen = portion.claims()
            for piece in portion.pieces:
                part._put(*piece)
            yield part

    def _bytes_of(self, piece: Piece, behind: bool) -> int:
        """Return what a piece takes as JSON; less ``behind`` one of the same entry."""
        _, start, end, entry, leaf = piece
        alone = sized(self._encode_group(entry, [(leaf, end - start)]))
        return alone - sized(self._encode_group(entry, [])) + 1 if behind else alone

    def compact(self, stable: Self) -> Self:
        """Fold what everybody has seen, on the caller's word, and return the delta to gossip.

        Amounts of one replica that ``stable`` holds become one sum under the last of their dots,
        and removals that children keep are forgotten. Nothing that shows changes: where nothing
        but removals shows a key, they stay.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any change that it lacks, and so has whoever made a state or delta that is
                still under way.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This object has not joined ``stable`` itself. Nothing has changed.
        """
        stable = self._same_type(stable)
        if not stable.compare(self):
            raise ValueError("this object has not joined `stable`, so not everybody has")
        delta = self._blank()
        covered: Dots = {}
        for entry in self._leaves:
            pieces = list(self._pieces_of(entry))
            settlings = list(self._settle(pieces, stable))
            if self._shown_by(pieces) and not self._shown_by(_left_by(settlings, pieces)):
                continue
            for dots, settled in settlings:
                for replica, spans in dots.items():
                    covered.setdefault(replica, []).extend(spans)
                for piece in settled:
                    delta._put(*piece)
        return self._publish(delta._claiming(covered)) if covered else delta

    def _shown_by(self, pieces: Iterable[Piece]) -> bool:
        return any(self._shows(entry, leaf) for _, _, _, entry, leaf in pieces)

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

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._cached = None

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


def _rows_of(piece: Piece) -> tuple[tuple[Row, int], tuple[Row, int]]:
    """Return the rows of a stretch of dots."""
    replica, start, end, entry, leaf = piece
    return ((replica, end, entry, leaf), 1), ((replica, start, entry, leaf), -1)


def _against(piece: Piece, spans: Spans) -> Iterator[tuple[Piece, Leaf]]:
    """Yield the parts of a piece that have another content in ``spans``, each with that."""
    replica, at, end, entry, leaf = piece
    for start, stop, other in spans.within(at, end):
        if at < start:
            yield (replica, at, start, entry, leaf), NOTHING
        if other != leaf:
            yield (replica, start, stop, entry, leaf), other
        at = stop
    if at < end:
        yield (replica, at, end, entry, leaf), NOTHING


def _left_by(settlings: list[Settling], pieces: list[Piece]) -> Iterator[Piece]:
    """Yield what compacting leaves of some pieces, and what it adds."""
    gone: Dots = {}
    for dots, settled in settlings:
        yield from settled
        for replica, spans in dots.items():
            gone.setdefault(replica, []).extend(spans)
    for replica, start, end, entry, leaf in pieces:
        for first, stop in outside(runs_of_spans(gone.get(replica, ())), start, end):
            yield replica, first, stop, entry, leaf


def within(pieces: Iterable[Piece], seen: dict[str, Runs]) -> list[Piece]:
    """Return the parts of pieces whose dots are in a context."""
    return [
        (replica, one, stop, entry, leaf)
        for replica, start, end, entry, leaf in pieces
        for one, stop in spans_of(common(seen.get(replica, 0), runs_of_spans([(start, end)])))
    ]


def folded(pieces: list[Piece], fold: Callable[[list[Counted]], Leaf]) -> Iterator[Settling]:
    """Yield one settled leaf for all that each replica has, where that is more than a stretch."""
    by_replica: dict[str, list[Piece]] = {}
    for piece in pieces:
        by_replica.setdefault(piece[0], []).append(piece)
    for replica, group in by_replica.items():
        if len(group) > 1:
            leaf = fold([(leaf, end - start) for _, start, end, _, leaf in group])
            _, _, end, entry, _ = group[-1]
            spans = [(start, stop) for _, start, stop, _, _ in group]
            yield {replica: spans}, [(replica, end - 1, end, entry, leaf)]
