"""Live dots with their keys over one causal context: the state of every causal type.

Theory of operation. The state keeps, for each replica, ``{key: counter}`` of the live dots and the
runs of all counters seen. A dot survives a join if both sides hold it live, or if one does and the
other has never seen it. Joining replica by replica lets most of the work be done by comparing and
copying whole dicts: what one side never saw is copied, what is equal is skipped.

Two dots of one replica can bear the same key, when a delta with the later one overtook what removed
the earlier one. Dropping the earlier one at once would be no semilattice. Therefore a second index
``{counter: key}`` holds all live dots of such a replica, and the first one the latest of each key.
The same index, made when it is first needed, finds what a small remove delta removes without
looking through everything.

``_main`` is there for speed alone: the dict of one replica, looked into first.

Source: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018): causal CRDTs, dot
stores; Bieniusa et al., "An optimized conflict-free replicated set" (2012).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

from crdt.atoms import NOTHING, Key
from crdt.causal.parts import Dots, parts_of
from crdt.causal.runs import (
    Runs,
    count,
    counters,
    covers,
    includes,
    last,
    runs_of,
    single,
    union,
)
from crdt.causal.since import DotIndex, context_of, since
from crdt.causal.spelling import Fold, decode_dots, encode_dots, fold_of
from crdt.native import Folded, Shortcut
from crdt.payloads import decode_keys_by_dot, expect_dict, expect_replica
from crdt.rows import Hash, Print, Row, Rowed
from crdt.seat import Seat
from crdt.tagged import encode

Live = dict[Key, int]
ByDot = dict[int, Key]

_NONE: Live = {}
_NO_DOTS: ByDot = {}

_ADDS = 3
"""Length of a fold that adds: ``(replica, counter, key)``; one that removes has no key."""

_SCAN_UP_TO = 16
"""Live dots to look through for each one removed before an index by counter is worth making."""


class Causal(Rowed):
    """Live dots over one context; the base of the causal types.

    Payload:
        ``{replica: [elements, live, context]}``: the elements in the order of their dots, then
        the live dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``. Without
        the context, removals would be lost.
    """

    _fields = ("_live", "_seen", "_by_dot")
    _fold: Fold | None = None  # what a folded delta holds
    if TYPE_CHECKING:
        _live: dict[str, Live]
        _seen: dict[str, Runs]
        _by_dot: dict[str, ByDot]
        _main: Live
    else:
        _live = Folded("_live")
        _seen = Folded("_seen")
        _by_dot = Folded("_by_dot")
        _main = Folded("_main")

    # --- changing ------------------------------------------------------------------------------

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

    def _dots_of(self, key: Key) -> Iterator[tuple[str, int]]:
        for replica, live in self._live.items():
            if key in live:
                if self._repeats(replica):
                    dots = self._by_dot[replica].items()
                    yield from [(replica, counter) for counter, owner in dots if owner == key]
                else:
                    yield replica, live[key]

    def _repeats(self, replica: str) -> bool:
        """Tell whether some key bears several live dots of ``replica``."""
        by_dot = self._by_dot.get(replica)
        return by_dot is not None and len(by_dot) != len(self._live.get(replica, _NONE))

    def _index(self, replica: str) -> ByDot:
        """Return the live dots of ``replica`` by counter; kept up to date from now on."""
        by_dot = self._by_dot.get(replica)
        if by_dot is None:
            live = self._live.get(replica, _NONE)
            by_dot = self._by_dot[replica] = dict(zip(live.values(), live, strict=True))
            self._quick = None  # which may hold that there is no index
        return by_dot

    # --- telling what somebody lacks -----------------------------------------------------------

    @property
    def context(self) -> dict[str, Any]:
        """What this object has seen, for `delta_since`, as JSON: ``{replica: [seen, hash]}``.

        The dots seen are runs ``[skipped, taken...]``, the hash is one of the removed among them.
        """
        return context_of(self._seen, self._dot_index)

    def delta_since(self, context: Any) -> Self:
        """Return what the owner of ``context`` lacks of this state, removals included.

        Joined into the state that told its `context` (or into a later one of the same object) it
        does what joining this whole state does. The time it takes follows the new dots and the
        runs, not the number of elements, except for the first time.

        Raises:
            PayloadError: ``context`` is none.
        """
        return self._made_of(*since(self._seen, self._dot_index, context))

    def _dot_index(self, replica: str) -> DotIndex:
        index = self._index(replica)
        if not isinstance(index, DotIndex):
            index = self._by_dot[replica] = DotIndex(index)
        return index

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        for live, claimed in parts_of(self._seen, self._dots, self._encode_keys, limit_bytes):
            yield self._made_of(live, claimed)

    def _made_of(self, live: dict[str, Dots], seen: dict[str, Runs]) -> Self:
        """Return a delta of some live dots, ascending, that claims to have seen some dots."""
        new = self._blank()
        new._seen = seen
        for replica, dots in live.items():
            new._live[replica] = {key: counter for counter, key in dots}
            if len(new._live[replica]) != len(dots):
                new._by_dot[replica] = dict(dots)
        new._choose_main()
        return new

    # --- joining -------------------------------------------------------------------------------

    def _join(self, other: Self) -> bool:
        fold = other._fold
        if fold is not None and self._join_fold(*fold):
            return True
        grew = False
        for replica, theirs in other._seen.items():
            if self._join_replica(replica, theirs, other):
                grew = True
        return grew

    def _join_fold(self, replica: str, counter: int, *key: Key) -> bool:
        """Take one dot the short way; False if it takes the long one to tell what it does."""
        if key:
            live = self._dict_of(replica)
            if self._seen.get(replica, 0) != counter - 1 or key[0] in live:
                return False
            live[key[0]] = self._seen[replica] = counter
            self._note(replica, counter, key[0])
            return True
        gone = self._by_dot.get(replica, _NO_DOTS).get(counter, NOTHING)
        if gone is NOTHING or self._repeats(replica):
            return False
        del self._live[replica][gone]
        self._unnote(replica, counter, gone)
        return True

    def _note(self, replica: str, counter: int, key: Key) -> None:
        """Keep indexes and print true after a dot, the next one, was added the short way."""
        if replica in self._by_dot:
            self._by_dot[replica][counter] = key
        if self._print is not None:
            self._print.come((replica, counter, key))
            self._print.swap((replica, counter - 1) if counter > 1 else None, (replica, counter))

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
        self._note(replica, counter, key)
        return delta

    def _join_replica(self, replica: str, theirs_seen: Runs, other: Self) -> bool:
        seen = self._seen.get(replica, 0)
        live = self._live.get(replica, _NONE)
        theirs = other._live.get(replica, _NONE)
        if self._repeats(replica) or other._repeats(replica):
            return self._join_by_dot(replica, theirs_seen, other)
        if seen == theirs_seen and live == theirs:
            return False
        new: Live
        if count(seen) == len(live) and live.items() <= theirs.items():
            # Nothing was removed here, and nothing there of what is here: all else there is new.
            new, gone = theirs, _NONE
            if len(theirs) == len(live) or self._print is not None:
                new = {key: dot for key, dot in theirs.items() if key not in live}
        else:
            new = _unseen(theirs, seen)
            gone = self._gone(replica, theirs, theirs_seen, new)
            if _twice(live, new, gone):
                return self._join_by_dot(replica, theirs_seen, other)
        seen_now = union(seen, theirs_seen)
        if not new and not gone and seen_now == seen:
            return False
        self._see(replica, seen_now)
        self._apply(replica, new, gone)
        return True

    def _see(self, replica: str, seen: Runs) -> None:
        if self._print is not None:
            before = self._seen.get(replica)
            self._print.swap(None if before is None else (replica, before), (replica, seen))
        self._seen[replica] = seen

    def _gone(self, replica: str, theirs: Live, theirs_seen: Runs, new: Live) -> Live:
        """Return the live dots here that the other side has seen and does not hold."""
        live = self._live.get(replica, _NONE)
        claimed = count(theirs_seen)
        if not live:
            return _NONE
        if claimed == len(theirs) and _all_in(theirs, live, new):
            return _NONE  # all that it has seen is alive there, and is new or the same here
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

    def _dict_of(self, replica: str) -> Live:
        """Return the dict of a replica's live dots, which stays the same object from now on."""
        live = self._live.get(replica)
        if live is None:
            live = self._live[replica] = {}
            if self._main is _NONE:  # an empty dict of our own is not to be replaced
                self._main = live
            if self._quick is not None:  # it may hold that nobody else has live dots
                self._quick = None
        return live

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
        gone = dict.fromkeys(self._live.get(replica, _NONE), 0)
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

    def _shortcut(self, replica: str) -> Shortcut | None:
        """Return also the live dots of ``replica``, all dots seen, and whether there is no more."""
        own = self._main = self._live[replica]
        if not isinstance(self._seen[replica], int):
            return None  # somebody restored a state with gaps
        lone = len(self._live) == 1 and not self._by_dot and self._print is None
        return own, self._seen, lone

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
        live, theirs = self._live.get(replica, _NONE), other._live.get(replica, _NONE)
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

    # --- the fingerprint -----------------------------------------------------------------------

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for replica, seen in self._seen.items():
            yield (replica, seen), 1
            for dot, key in self._dots(replica):
                yield (replica, dot, key), 1

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        self._quick = None  # the short path of a lone replica tells nobody

    # --- the hooks of a built-in type ----------------------------------------------------------

    @classmethod
    def _decoded(cls, payload: Any) -> Self:
        fold = fold_of(payload, cls._decode_keys)
        if fold is None or not cls._bare:
            return super()._decoded(payload)
        new = cls.__new__(cls)
        new._fold = fold
        return new

    def _empty(self) -> None:
        self._live = {}
        self._seen = {}
        self._by_dot = {}
        self._main = _NONE

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._choose_main()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._choose_main()

    def _choose_main(self) -> None:
        self._main = max(self._live.values(), key=len, default=_NONE)

    def _unfold(self, *fold: Any) -> None:
        replica, counter, *key = fold
        self._seen[replica] = single(counter)
        if key:
            self._dict_of(replica)[key[0]] = counter

    def _copied(self) -> Self:
        new = self._blank()
        new._live = {replica: live.copy() for replica, live in self._live.items()}
        new._seen = self._seen.copy()
        new._by_dot = {
            replica: by_dot.copy()
            for replica, by_dot in self._by_dot.items()
            if self._repeats(replica)
        }
        new._choose_main()
        return new

    def _encode(self) -> dict[str, Any]:
        return {replica: self._encode_replica(replica) for replica in sorted(self._seen)}

    def _dots(self, replica: str) -> Dots:
        """Return the live dots of a replica in their order."""
        if self._repeats(replica):
            dots = sorted(self._by_dot[replica].items())
        else:
            live = self._live.get(replica, _NONE)
            dots = sorted(zip(live.values(), live, strict=True), key=itemgetter(0))
        return dots

    def _encode_replica(self, replica: str) -> list[Any]:
        dots = self._dots(replica)
        keys = self._encode_keys([key for _, key in dots])
        return encode_dots(keys, [counter for counter, _ in dots], self._seen[replica])

    def _decode(self, payload: Any) -> None:
        for replica, parts in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            place = f"payload[{replica!r}]"
            keys, numbers, seen = decode_dots(parts, place, self._decode_keys)
            self._seen[replica] = seen
            self._live[replica] = live = dict(zip(keys, counters(numbers), strict=True))
            if len(live) != len(keys):
                self._by_dot[replica] = dict(zip(counters(numbers), keys, strict=True))
        self._choose_main()

    @classmethod
    def _encode_keys(cls, keys: list[Key]) -> list[Any]:
        """Return the payloads of what dots stand for: elements, unless the type says otherwise."""
        return [key if type(key) is str else encode(key) for key in keys]

    @classmethod
    def _decode_keys(cls, elements: list[Any], place: str) -> list[Key]:
        """Return the keys of such payloads, or raise PayloadError."""
        return decode_keys_by_dot(elements, place)

    def _shows_more(self, other: Self, replica: str) -> bool:
        fold = other._fold
        if fold is not None:
            return fold[0] == replica and not covers(self._seen.get(replica, 0), fold[1])
        theirs = other._seen.get(replica, 0)
        return theirs != 0 and not includes(self._seen.get(replica, 0), theirs)

    def _replicas(self) -> set[str]:
        return set(self._seen)

    @property
    def initial(self) -> bool:
        """Whether nothing has ever been written, as far as this state knows."""
        return not self._seen


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
