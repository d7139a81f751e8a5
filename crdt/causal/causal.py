"""What mutators and joins do to live dots: the base of every causal type.

Theory of operation. A dot survives a join if both sides hold it live, or if one does and the other
has never seen it. Joining replica by replica lets most of the work be done by comparing and copying
whole dicts: what one side never saw is copied, what is equal is skipped.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): causal CRDTs, dot
stores; Bieniusa et al., "An optimized conflict-free replicated set" (2012).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from crdt.atoms import NOTHING, Key
from crdt.causal.runs import (
    Runs,
    count,
    counters,
    covers,
    includes,
    last,
    runs_of,
    union,
)
from crdt.causal.store import NO_DOTS, NONE, DotStore, Live
from crdt.native import Shortcut
from crdt.seat import Seat

_SCAN_UP_TO = 16
"""Live dots to look through for each one removed before an index by counter is worth making."""


class Causal(DotStore):
    """Live dots over one context, with mutators and joins; the base of the causal types."""

    # --- changing --------------------------------------------------------------------------------

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        """Give each of ``adds`` one fresh dot in place of its dots, and remove those of ``drops``.

        The delta covers exactly the dots that were removed or replaced, and the fresh ones.
        """
        fresh = list(dict.fromkeys(adds))
        covered: dict[str, list[int]] = {}
        for key in dict.fromkeys([*fresh, *drops]):
            for holder, counter in self._dots_of(key):
                covered.setdefault(holder, []).append(counter)
        delta = self._blank()
        replica: str | None = None
        if fresh:
            replica = self._candidate()
            start = last(self._seen.get(replica, 0)) + 1
            live = dict(zip(fresh, range(start, start + len(fresh)), strict=True))
            delta._live = {replica: live}
            delta._main = live
            covered.setdefault(replica, []).extend(live.values())
        if not covered:
            return delta
        delta._seen = {holder: runs_of(sorted(dots)) for holder, dots in covered.items()}
        return self._publish(delta, replica)

    def _note(self, replica: str, first: int, keys: tuple[Key, ...]) -> None:
        """Keep indexes and print true after dots, the next ones, were added the short way."""
        if replica in self._by_dot:
            self._by_dot[replica].update(enumerate(keys, first))
        if self._print is not None:
            for counter, key in enumerate(keys, first):
                self._print.come((replica, counter, key))
            seen = first + len(keys) - 1
            self._print.swap((replica, first - 1) if first > 1 else None, (replica, seen))

    def _unnote(self, replica: str, counter: int, key: Key) -> None:
        """Keep indexes and print true after a dot was removed the short way."""
        if replica in self._by_dot:
            del self._by_dot[replica][counter]
        if self._print is not None:
            self._print.leave((replica, counter, key))

    def _sole(self, replica: str, key: Key) -> bool:
        """Tell whether one dot of ``replica`` is all that ``key`` has."""
        if self._repeats(replica):
            return False
        return sum([key in live for live in self._live.values()]) == 1

    def _renew(self, seat: Seat, key: Key) -> Self:
        """Give ``key`` a fresh dot in place of its only one, which is our own: the short way."""
        replica, own = seat.id, self._main
        before = own[key]
        counter = last(self._seen[replica]) + 1
        delta = self._blank()
        delta._live[replica] = delta._main = {key: counter}
        delta._seen[replica] = runs_of((before, counter))
        if seat.observers:
            seat.offer(delta)
        own[key] = self._seen[replica] = counter
        self._unnote(replica, before, key)
        self._note(replica, counter, (key,))
        return delta

    def _shortcut(self, replica: str) -> Shortcut | None:
        """Return also the live dots of ``replica``, all dots seen, and whether there is no more."""
        own = self._main = self._live[replica]
        if not isinstance(self._seen[replica], int):
            return None  # somebody restored a state with gaps
        lone = len(self._live) == 1 and not self._by_dot and self._print is None
        return own, self._seen, lone

    # --- joining ---------------------------------------------------------------------------------

    def _join(self, other: Self) -> bool:
        fold = other._fold
        if fold is not None and self._join_fold(*fold):
            return True
        grew = False
        for replica, theirs in other._seen.items():
            if self._join_replica(replica, theirs, other):
                grew = True
        return grew

    def _join_fold(self, replica: str, counter: int, *keys: Key) -> bool:
        """Take a fold the short way; False if it takes the long one to tell what it does."""
        if keys:
            live = self._dict_of(replica)
            if self._seen.get(replica, 0) != counter - 1 or not live.keys().isdisjoint(keys):
                return False
            fresh = range(counter, counter + len(keys))
            live.update(zip(keys, fresh, strict=True))
            self._seen[replica] = fresh[-1]
            self._note(replica, counter, keys)
            return True
        gone = self._by_dot.get(replica, NO_DOTS).get(counter, NOTHING)
        if gone is NOTHING or self._repeats(replica):
            return False
        del self._live[replica][gone]
        self._unnote(replica, counter, gone)
        return True

    def _join_replica(self, replica: str, theirs_seen: Runs, other: Self) -> bool:
        seen = self._seen.get(replica, 0)
        live = self._live.get(replica, NONE)
        theirs = other._live.get(replica, NONE)
        if self._repeats(replica) or other._repeats(replica):
            return self._join_by_dot(replica, theirs_seen, other)
        if seen == theirs_seen and live == theirs:
            return False
        new, gone = _unseen(theirs, seen), NONE
        if count(seen) != len(live) or not live.items() <= theirs.items():
            # Something was removed here, or there of what is here, or a key has another dot there.
            gone = self._gone(replica, theirs, theirs_seen, new)
            if _twice(live, new, gone):
                return self._join_by_dot(replica, theirs_seen, other)
        seen_now = union(seen, theirs_seen)
        if not new and not gone and seen_now == seen:
            return False
        self._see(replica, seen_now)
        self._apply(replica, new, gone)
        return True

    def _join_by_dot(self, replica: str, theirs_seen: Runs, other: Self) -> bool:
        """Join the long way, where a key bears several dots here, there, or afterwards."""
        seen = self._seen.get(replica, 0)
        mine, theirs = self._index(replica), other._index(replica)
        kept = {
            dot: key
            for dot, key in mine.items()
            if theirs.get(dot, NOTHING) == key or not covers(theirs_seen, dot)
        }
        kept.update((dot, key) for dot, key in theirs.items() if not covers(seen, dot))
        seen_now = union(seen, theirs_seen)
        if kept.keys() == mine.keys() and seen_now == seen:
            return False
        gone = dict.fromkeys(self._live.get(replica, NONE), 0)
        if self._print is not None:
            for dot, key in mine.items() - kept.items():
                self._print.leave((replica, dot, key))
            for dot, key in kept.items() - mine.items():
                self._print.come((replica, dot, key))
        self._see(replica, seen_now)
        self._by_dot[replica] = by_dot = {dot: kept[dot] for dot in sorted(kept)}
        live = self._dict_of(replica)
        live.clear()  # in place: the short path holds on to this dict
        live.update((key, dot) for dot, key in by_dot.items())
        self._changed(live, gone)
        return True

    def _see(self, replica: str, seen: Runs) -> None:
        if self._print is not None:
            before = self._seen.get(replica)
            self._print.swap(None if before is None else (replica, before), (replica, seen))
        self._seen[replica] = seen

    def _gone(self, replica: str, theirs: Live, theirs_seen: Runs, new: Live) -> Live:
        """Return the live dots here that the other side has seen and does not hold."""
        live = self._live.get(replica, NONE)
        claimed = count(theirs_seen)
        if not live:
            return NONE
        if claimed == len(theirs) and _all_in(theirs, live, new):
            return NONE  # all that it has seen is alive there, and is new or the same here
        if claimed * _SCAN_UP_TO < len(live):
            by_dot = self._index(replica)
            dots = [(by_dot[dot], dot) for dot in counters(theirs_seen) if dot in by_dot]
            return {key: dot for key, dot in dots if theirs.get(key) != dot}
        if isinstance(theirs_seen, int):
            return {
                key: dot
                for key, dot in live.items()
                if dot <= theirs_seen and theirs.get(key) != dot
            }
        return {
            key: dot
            for key, dot in live.items()
            if theirs.get(key) != dot and covers(theirs_seen, dot)
        }

    def _apply(self, replica: str, new: Live, gone: Live) -> None:
        live = self._dict_of(replica)
        by_dot = self._by_dot.get(replica)
        if by_dot is not None:
            for dot in gone.values():
                del by_dot[dot]
            by_dot.update(zip(new.values(), new, strict=True))
        if self._print is not None:
            for key, dot in gone.items():
                self._print.leave((replica, dot, key))
            for key, dot in new.items():
                self._print.come((replica, dot, key))
        for key in gone:
            del live[key]
        live.update(new)
        self._changed(new, gone)

    def _changed(self, new: Live, gone: Live) -> None:
        """Hear which keys a join touched; for the caches of a type."""

    def compare(self, other: Self) -> bool:
        """Tell whether ``other`` has seen all that was seen here, and revives none of it."""
        other = self._same_type(other)
        return all(
            includes(other._seen.get(replica, 0), seen) and self._keeps(replica, seen, other)
            for replica, seen in self._seen.items()
        )

    def _keeps(self, replica: str, seen: Runs, other: Self) -> bool:
        live, theirs = self._live.get(replica, NONE), other._live.get(replica, NONE)
        if not self._repeats(replica) and not other._repeats(replica):
            if live == theirs:
                return True
            if len(live) == count(seen) and all(theirs.get(key) == live[key] for key in live):
                return True  # nothing was removed here, and all that was added is there
        mine, others = self._index(replica), other._index(replica)
        if count(seen) < len(others):
            dots = [dot for dot in counters(seen) if dot in others]
            return all(mine.get(dot, NOTHING) == others[dot] for dot in dots)
        return all(
            mine.get(dot, NOTHING) == key for dot, key in others.items() if covers(seen, dot)
        )


def _twice(live: Live, new: Live, gone: Live) -> bool:
    """Tell whether some key would bear several dots."""
    if live.keys().isdisjoint(new):
        return False
    return any(key in live and key not in gone for key in new)


def _all_in(theirs: Live, live: Live, new: Live) -> bool:
    """Tell whether all dots of ``theirs`` are in ``live`` or ``new``."""
    if not new or len(new) == len(theirs):
        return bool(new) or theirs.items() <= live.items()
    return all(key in new or live.get(key) == dot for key, dot in theirs.items())


def _unseen(theirs: Live, seen: Runs) -> Live:
    """Return those dots of ``theirs`` that are not in ``seen``."""
    if seen == 0:
        return theirs
    if isinstance(seen, int):
        return {key: dot for key, dot in theirs.items() if dot > seen}
    return {key: dot for key, dot in theirs.items() if not covers(seen, dot)}
