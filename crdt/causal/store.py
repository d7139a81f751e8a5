"""Live dots with their keys over one causal context: the state of every causal type.

Theory of operation. The state keeps, for each replica, ``{key: counter}`` of the live dots and the
runs of all counters seen. What mutators and joins do to it stands in `crdt.causal.causal`.

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
from itertools import count as count_from
from itertools import islice
from operator import itemgetter, lt
from typing import TYPE_CHECKING, Any, ClassVar, Self

from crdt.atoms import Key
from crdt.causal.parts import Dots, parts_of
from crdt.causal.runs import (
    Runs,
    common,
    count,
    counters,
    covers,
    includes,
    minus,
    runs_between,
    stretch,
    stretches,
    union,
)
from crdt.causal.since import NOTHING_SEEN, DotIndex, context_of, decode_context, since
from crdt.causal.spelling import (
    FOLD_MOST,
    Fold,
    decode_dots,
    encode_dots,
    encode_fold,
    fold_of,
)
from crdt.native import Folded
from crdt.payloads import decode_keys_by_dot, expect_dict, expect_replica
from crdt.rows import Hash, Print, Row, Rowed
from crdt.tagged import encode

Live = dict[Key, int]
ByDot = dict[int, Key]

_BLOCK = 512
"""Dots that are looked at together when a state is divided."""

NONE: Live = {}
NO_DOTS: ByDot = {}


class DotStore(Rowed):
    """Live dots over one context: the state of the causal types.

    Payload:
        ``{replica: [elements, live, context]}``: the elements in the order of their dots, then
        the live dots and all dots seen, as runs ``[skipped, taken, skipped, taken...]``. Without
        the context, removals would be lost.
    """

    _fields = ("_live", "_seen", "_by_dot")
    _fold: Fold | None = None  # what a folded delta holds
    _folds: ClassVar[bool] = True
    """Whether deltas may be folded: what a dot bears is spelled without regard to the dot."""
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
        return by_dot is not None and len(by_dot) != len(self._live.get(replica, NONE))

    def _index(self, replica: str) -> ByDot:
        """Return the live dots of ``replica`` by counter; kept up to date from now on."""
        by_dot = self._by_dot.get(replica)
        if by_dot is None:
            live = self._live.get(replica, NONE)
            by_dot = self._by_dot[replica] = dict(zip(live.values(), live, strict=True))
            self._quick = None  # which may hold that there is no index
        return by_dot

    def _dot_index(self, replica: str) -> DotIndex:
        index = self._by_dot.get(replica)
        if not isinstance(index, DotIndex):
            index = self._by_dot[replica] = DotIndex(self._index(replica))
        return index

    def _dict_of(self, replica: str) -> Live:
        """Return the dict of a replica's live dots, which stays the same object from now on."""
        live = self._live.get(replica)
        if live is None:
            live = self._live[replica] = {}
            if self._main is NONE:  # an empty dict of our own is not to be replaced
                self._main = live
            if self._quick is not None:  # it may hold that nobody else has live dots
                self._quick = None
        return live

    def _choose_main(self) -> None:
        if len(self._live) == 1:
            (self._main,) = self._live.values()
        else:
            self._main = max(self._live.values(), key=len, default=NONE)

    # --- telling what somebody lacks -------------------------------------------------------------

    @property
    def context(self) -> dict[str, Any]:
        """What this object has seen, for `delta_since`, as JSON: ``{replica: [seen, hash]}``.

        The dots seen are runs ``[skipped, taken...]``, the hash is one of the removed among them.
        """
        return context_of(self._seen, self._removed)

    def delta_since(self, context: Any) -> Self:
        """Return what the owner of ``context`` lacks of this state, removals included.

        Joined into the state that told its `context` (or into a later one of the same object) it
        does what joining this whole state does. The time it takes follows the new dots and the
        runs, not the number of elements, except for the first time.

        Raises:
            PayloadError: ``context`` is none.
        """
        lacked, claimed = since(self._seen, self._dot_index, context)
        fold = self._fold_of(lacked, claimed) if self._folds and self._bare else None
        if fold is not None:
            delta = type(self).__new__(type(self))
            delta._fold = fold
            return delta
        indexes = {replica: self._by_dot[replica] for replica in lacked}
        live = {r: [(dot, indexes[r][dot]) for dot in dots] for r, dots in lacked.items()}
        return self._made_of(live, claimed)

    def _fold_of(self, lacked: dict[str, list[int]], claimed: dict[str, Runs]) -> Fold | None:
        """Return a fold of live dots, if one says just that they are there."""
        if len(lacked) != 1 or len(claimed) != 1:
            return None
        ((replica, dots),) = lacked.items()
        if len(dots) > FOLD_MOST or claimed[replica] != stretch(dots[0], len(dots)):
            return None
        keys = tuple(map(self._by_dot[replica].__getitem__, dots))
        return (replica, dots[0], *keys) if len(set(keys)) == len(dots) else None

    def _removed(self, replica: str) -> tuple[Runs, str]:
        """Return the dots of a replica that are live no more, and their hash.

        Nobody looks at the live ones where none was removed.
        """
        seen, by_dot = self._seen[replica], self._by_dot.get(replica)
        if by_dot is None and len(self._live.get(replica, NONE)) == count(seen):
            return NOTHING_SEEN
        index = self._dot_index(replica)
        removed = index.removed(seen)
        return removed, index.hash(removed)

    def _parts_since(self, context: Any, limit_bytes: int) -> Iterator[Self]:
        known = decode_context(context)
        lacking: dict[str, Runs] = {}
        told: dict[str, Runs] = {}
        for replica, seen in self._seen.items():
            theirs, removed_hash = known.get(replica, NOTHING_SEEN)
            removed, _ = self._removed(replica)
            if removed and self._dot_index(replica).hash(common(removed, theirs)) == removed_hash:
                removed = 0  # they removed the same of what they have seen
            lacking[replica] = minus(seen, theirs)
            claimed = union(lacking[replica], removed)
            if claimed:
                told[replica] = claimed
        blocks = {replica: self._blocks_within(replica, lacking[replica]) for replica in told}
        parts = parts_of(told, blocks.__getitem__, self._encode_keys, limit_bytes)
        return (self._made_of(live, claimed) for live, claimed in parts)

    def _blocks_within(self, replica: str, runs: Runs) -> Iterator[Dots]:
        """Yield the live dots of a replica among ``runs``, ascending, a few at a time.

        They are those of now, or of later without what was removed meanwhile.
        """
        live = self._live.get(replica, NONE)
        if replica not in self._by_dot and len(live) == self._seen[replica]:
            row = live.copy()  # nothing was removed: mostly each dot stands in its place
            for start, end in stretches(runs):
                at = start
                dots = zip(row.values(), row, strict=True)
                for block in _blocked(islice(dots, start - 1, end - 1)):
                    if [counter for counter, _ in block] != [*range(at, at + len(block))]:
                        break
                    yield block
                    at += len(block)
                runs = minus(runs, runs_between([(start, at)]))
            if not runs:
                return
        index = self._dot_index(replica)
        wanted = counters(runs) if count(runs) <= len(index) else index.within(runs)
        yield from _blocked((counter, index[counter]) for counter in wanted if counter in index)

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        for live, claimed in parts_of(self._seen, self._blocks, self._encode_keys, limit_bytes):
            yield self._made_of(live, claimed)

    def _blocks(self, replica: str) -> Iterator[Dots]:
        """Yield the live dots of a replica, a few at a time.

        They ascend, since dots mostly stand in their order; where one does not, it and all behind
        it are sorted, and ascend from a lesser one again.
        """
        if self._repeats(replica):
            yield from _blocked(self._dots(replica))
            return
        live = self._live.get(replica, NONE)
        dots, at = zip(live.values(), live, strict=True), 0
        for block in _blocked(dots):
            counters = [at, *[counter for counter, _ in block]]
            if not all(map(lt, counters, counters[1:])):
                yield from _blocked(sorted([*block, *dots], key=itemgetter(0)))
                return
            yield block
            at = counters[-1]

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

    # --- the fingerprint -------------------------------------------------------------------------

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for replica, seen in self._seen.items():
            yield (replica, seen), 1
            if self._repeats(replica):
                for dot, key in self._by_dot[replica].items():
                    yield (replica, dot, key), 1
            else:
                for key, dot in self._live.get(replica, NONE).items():
                    yield (replica, dot, key), 1

    def _bulk(self) -> int:
        return sum(map(len, self._live.values())) + len(self._seen)

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        self._quick = None  # the short path of a lone replica tells nobody

    # --- the hooks of a built-in type ------------------------------------------------------------

    @classmethod
    def _decoded(cls, payload: Any) -> Self:
        fold = fold_of(payload, cls._decode_keys) if cls._folds and cls._bare else None
        if fold is None:
            return super()._decoded(payload)
        new = cls.__new__(cls)
        new._fold = fold
        return new

    def _empty(self) -> None:
        self._live = {}
        self._seen = {}
        self._by_dot = {}
        self._main = NONE

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._choose_main()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._choose_main()

    def _unfold(self, *fold: Any) -> None:
        replica, first, *keys = fold
        self._seen[replica] = stretch(first, len(keys) or 1)
        if keys:
            self._dict_of(replica).update(zip(keys, count_from(first), strict=False))

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
        if self._fold is not None:
            replica, first, *keys = self._fold
            return {replica: encode_fold(self._encode_keys(keys), first)}
        return {replica: self._encode_replica(replica) for replica in sorted(self._seen)}

    def _dots(self, replica: str) -> Dots:
        """Return the live dots of a replica in their order."""
        if self._repeats(replica):
            dots = sorted(self._by_dot[replica].items())
        else:
            live = self._live.get(replica, NONE)
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
            most = fold[1] + max(0, len(fold) - 3)
            return fold[0] == replica and not covers(self._seen.get(replica, 0), most)
        theirs = other._seen.get(replica, 0)
        return theirs != 0 and not includes(self._seen.get(replica, 0), theirs)

    def _replicas(self) -> set[str]:
        return set(self._seen)

    @property
    def initial(self) -> bool:
        """Whether nothing has ever been written, as far as this state knows."""
        return not self._seen


def _blocked(dots: Iterable[tuple[int, Key]]) -> Iterator[Dots]:
    """Yield dots a few at a time."""
    left = iter(dots)
    while block := list(islice(left, _BLOCK)):
        yield block
