"""What happens to dots with content: writes, removals, joins, and what others are told of them.

Theory of operation. A dot survives a join if both sides hold it, or if one does and the other has
never seen it.

The content of a dot may change once, from plain to *settled*: a sum takes the place of the amounts
that everybody has seen, an item of a sequence is deleted and keeps its place. Of two contents the
settled one stays. Nobody writes two that are both plain or both settled; where a liar did, the dot
is dropped.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): DotFun and DotMap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Self

from crdt.atoms import NOTHING
from crdt.causal.entries import Counted as Counted
from crdt.causal.entries import DotEntries, rows_of
from crdt.causal.entries import Entry as Entry
from crdt.causal.entries import Leaf as Leaf
from crdt.causal.portions import Piece as Piece
from crdt.causal.portions import portions_of
from crdt.causal.runs import (
    Runs,
    common,
    includes,
    last,
    union,
)
from crdt.causal.spans import Span, outside, runs_of_spans, spans_of
from crdt.causal.told import UNKNOWN, Track, context_part, lacking, read_context
from crdt.packing import sized

Dots = dict[str, list[Span]]

Settling = tuple[Dots, list[Piece]]
"""Dots that compacting covers, and the settled content that some of them get."""


class Dotted(DotEntries):
    """Live dots with content over one context; the base of ORMap and ORCart."""

    @classmethod
    @abstractmethod
    def _settle(cls, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        """Yield what compacting does to an entry with these pieces, of which ``stable`` is known."""

    @classmethod
    def _kept(cls, entry: Entry, leaf: Leaf) -> Leaf:
        """Return what a dot holds after its removal, `NOTHING` if it goes."""
        return NOTHING

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
                yield from _against(piece, other)

    def _apply(self, new: Iterable[Piece], gone: Iterable[Piece]) -> None:
        if self._print is not None:
            for sign, pieces in ((1, new), (-1, gone)):
                for piece in pieces:
                    for row, often in rows_of(piece):
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
            pieces = list(self._all_of(replica))
            settled = [piece[1:3] for piece in pieces if self._settled(*piece[3:])]
            live = runs_of_spans([piece[1:3] for piece in pieces])
            track = self._cached[replica] = Track(seen, live, runs_of_spans(settled))
        return track, seen, *track.upto(seen, lambda runs: self._live_among(replica, runs))

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        for portion in portions_of(self._seen, self._all_of, self._bytes_of, limit_bytes):
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
            for dots, settled in visibly(
                self._settle(pieces, stable), pieces, partial(self._shows, entry)
            ):
                for replica, spans in dots.items():
                    covered.setdefault(replica, []).extend(spans)
                for piece in settled:
                    delta._put(*piece)
        return self._publish(delta._claiming(covered)) if covered else delta


def _against(piece: Piece, other: Dotted) -> Iterator[tuple[Piece, Leaf]]:
    """Yield the parts of a piece that have another content in ``other``, each with that."""
    replica, at, end, entry, leaf = piece
    for start, stop, theirs in other._within(entry, replica, at, end):
        if at < start:
            yield (replica, at, start, entry, leaf), NOTHING
        if theirs != leaf:
            yield (replica, start, stop, entry, leaf), theirs
        at = stop
    if at < end:
        yield (replica, at, end, entry, leaf), NOTHING


def visibly(
    settlings: Iterable[Settling], pieces: list[Piece], shows: Callable[[Leaf], bool]
) -> list[Settling]:
    """Return what compacting does to an entry, nothing if that would hide what shows."""
    found = list(settlings)
    before, after = (
        any(shows(leaf) for _, _, _, _, leaf in held) for held in (pieces, _left_by(found, pieces))
    )
    return [] if before and not after else found


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
