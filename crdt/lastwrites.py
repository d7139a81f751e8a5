"""Keys of which the last write counts, and a frontier below which no other write does.

What the set and the map of last writes share: a write that removes stays as a tombstone, until
`LastWrites.compact` is told that everybody knows of it. Then it goes, and a *frontier* takes the
place of all that went: at or below it no other writes count than those that are held. A state
claims to have seen all writes up to its frontier; one that it claims and does not hold is gone, as
in a causal context. One stamp for all replicas: a frontier for each would be no semilattice.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Self

from crdt.atoms import Key
from crdt.clock import MS_LIMIT, Stamp
from crdt.rows import Hash, Row, Rowed
from crdt.tagged import canonical_text

NO_STAMP: Stamp = (-1, 0)
"""The frontier of a state that was never compacted, below all stamps."""

Write = Any
"""A tuple that begins with ``ms, counter``; a total order says which of two wins."""
Writes = dict[Key, Write]


class LastWrites(Rowed):
    """A type of last writes to keys."""

    _removed: Writes
    _latest: Stamp
    _frontier: Stamp

    # --- what a type brings --------------------------------------------------------------------

    @abstractmethod
    def _standing(self) -> Writes:
        """Return the writes that show, to be changed in place."""

    @abstractmethod
    def _stands(self, write: Write) -> bool:
        """Tell whether a write shows; if not, it is a removal."""

    @abstractmethod
    def _beats(self, one: Write, other: Write) -> bool:
        """Tell whether the first of two different writes to a key wins."""

    def _twin(self) -> Self:
        """Return a blank object of the same settings."""
        return self._blank()

    def _row(self, key: Key, write: Write) -> Row:
        return key, write

    def _supersedes(self, before: Self) -> bool:
        return self._frontier != NO_STAMP or any(
            key in before._standing() or key in before._removed for key, _ in self._writes()
        )

    @property
    def _mark(self) -> str | None:  # type: ignore[override]  # most types know of none
        keys = [key for key, _ in self._writes()]
        if len(keys) != 1 or self._frontier != NO_STAMP:
            return None
        return f"[{canonical_text(keys[0])},["  # how a row with this key begins

    # --- forgetting ----------------------------------------------------------------------------

    def compact(self, stable: Self) -> Self:
        """Forget removals that everybody knows of, on the caller's word; return the delta.

        What lies at or below the newest stamp of ``stable`` is settled: removals go, and no other
        write with such a stamp will ever count. The value stays as it is. A write that is known
        here and not in ``stable`` is never settled, nor is anything newer.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any write that it lacks, and so has whoever made a state or delta that is
                still under way. A write that breaks it is void wherever it meets a compacted state.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This object has not joined ``stable`` itself. Nothing has changed.
        """
        stable = self._same_type(stable)
        if not stable.compare(self):
            raise ValueError("this object has not joined `stable`, so not everybody has")
        lacked = [write[:2] for key, write in self._writes() if stable._loses(key, write)]
        first = min(lacked, default=(MS_LIMIT, 0))
        stamps = [write[:2] for _, write in self._writes() if write[:2] < first]
        frontier = max([self._frontier, *stamps])
        delta = self._twin()
        if not any(write[:2] <= frontier for write in self._removed.values()):
            return delta
        delta._frontier = delta._latest = frontier
        # What a newer write has replaced here still counts for who lacks that one.
        newer = {key for key, write in self._writes() if write[:2] > frontier}
        before = stable._standing()
        kept = {**self._standing(), **{key: before[key] for key in newer & before.keys()}}
        delta._standing().update((key, w) for key, w in kept.items() if w[:2] <= frontier)
        return self._publish(delta)

    # --- the lattice ---------------------------------------------------------------------------

    def compare(self, other: Self) -> bool:
        """Tell whether ``other`` knows every write known here, and forgot all forgotten here."""
        other = self._same_type(other)
        return (
            self._frontier <= other._frontier
            and not any(other._loses(key, write) for key, write in self._writes())
            and not other._forgotten_by(self)
        )

    def _writes(self) -> Iterable[tuple[Key, Write]]:
        yield from self._standing().items()
        yield from self._removed.items()

    def _write_to(self, key: Key) -> Write | None:
        return self._standing().get(key) or self._removed.get(key)

    def _loses(self, key: Key, write: Write) -> bool:
        """Tell whether ``write`` is unknown here, so that what is known of ``key`` loses to it."""
        mine = self._write_to(key)
        if mine is None:
            return bool(write[:2] > self._frontier)
        return mine != write and write[:2] > self._frontier and self._beats(write, mine)

    def _forgotten_by(self, other: Self) -> list[Key]:
        """Return the keys whose write here ``other`` knows to be gone, by its frontier."""
        frontier = other._frontier
        if frontier == NO_STAMP:
            return []
        theirs = other._standing()
        return [
            key
            for key, write in self._writes()
            if write[:2] <= frontier and theirs.get(key) != write
        ]

    def _join(self, other: Self) -> bool:
        won = [(key, write) for key, write in other._writes() if self._loses(key, write)]
        gone = self._forgotten_by(other)
        for key in gone:
            self._drop(key)
        for key, write in won:
            self._take(key, write)
        return self._advance(other._frontier) or bool(won or gone)

    def _take(self, key: Key, write: Write) -> None:
        """Put a write in place of what is known of its key."""
        if self._print is not None:
            self._tell(key, write)
        kept, other = self._standing(), self._removed
        if not self._stands(write):
            kept, other = other, kept
        other.pop(key, None)
        kept[key] = write
        self._latest = max(self._latest, write[:2])

    def _drop(self, key: Key) -> None:
        """Forget the write to a key."""
        write = self._standing().pop(key, None) or self._removed.pop(key)
        if self._print is not None:
            self._print.leave(self._row(key, write))

    def _advance(self, frontier: Stamp) -> bool:
        """Take a frontier, below which what is not to be kept is gone; True if it is a later one."""
        if frontier <= self._frontier:
            return False
        if self._print is not None:
            old = None if self._frontier == NO_STAMP else _frontier_row(self._frontier)
            self._print.swap(old, _frontier_row(frontier))
        self._frontier = frontier
        self._latest = max(self._latest, frontier)
        return True

    # --- what the base asks for ----------------------------------------------------------------

    def _tell(self, key: Key, write: Write) -> None:
        """Tell the print of a write that is about to win."""
        held: Any = self._print
        before = self._write_to(key)
        held.swap(None if before is None else self._row(key, before), self._row(key, write))

    def _bulk(self) -> int:
        return len(self._standing()) + len(self._removed)

    def _hashed_rows(self, hash: Hash) -> Iterable[tuple[Row, int]]:
        for key, write in self._writes():
            yield self._row(key, write), 1
        if self._frontier != NO_STAMP:
            yield _frontier_row(self._frontier), 1

    @property
    def initial(self) -> bool:
        """Whether nothing was ever written."""
        return not self._standing() and not self._removed and self._frontier == NO_STAMP

    def _size(self) -> tuple[int, int]:
        return len(self._standing()), len(self._removed)


def _frontier_row(frontier: Stamp) -> Row:
    return "frontier", *frontier
