"""A map of live CRDTs in which removing undoes what was seen, and nothing else.

Every update of a child stands under a dot of the map. Removing a key removes the dots seen under
it; an update that the remover had not seen keeps its dot, and survives alone.

Theory of operation. The dots, with the entry and the content of each, are the state (`Dotted`).
A child that somebody asked for is a real object of its type beside it (a *handle*), kept in step
by joins. Its own mutators run as in any object, up to the observers: last among them is the map
(`_hear`), which lifts the child's delta to one of its own, offers that to the map's observers and
applies it; then the child applies its delta, too. Children that have dots count them in the very
dict that is the map's context, which is why that dict is never replaced while handles live; and
what a join adds reaches them before the context tells that it was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Self

from crdt.atoms import Key, identify, lookup
from crdt.base import StateCRDT, behind
from crdt.causal.dotted import Counted, Dots, Dotted, Entry, Leaf, Piece, Settling
from crdt.causal.runs import Runs, covers
from crdt.causal.spans import runs_of_spans, spans_of
from crdt.clock import Clock
from crdt.maps.entries import K
from crdt.maps.forms import Lifting, Place, Target, Writing, form_at, form_of, read_entry
from crdt.maps.live import LiveMap
from crdt.maps.writable import WritableMap
from crdt.tagged import encode
from crdt.watched import seat_child

_MISSING: Any = object()


class ORMap(Dotted, LiveMap[K], WritableMap[K, Any]):
    """A map whose values are live CRDTs; nested maps may be 4 deep.

    ``m.open("likes", GCounter)`` gives a *handle*: a counter to read and change, as often as one
    likes; opening changes nothing. A key shows while something was written under it, and a handle
    survives the removal of its key: it reads as empty then, and writing to it revives the key.
    Handles do not join; join the map. ``m["likes"]`` is the same handle, for keys that show.

    Removing a key undoes exactly the updates that the remover had seen. Of a counter that is
    removed here and incremented there, the unseen increments are left.

    Every type can be a child but BoundedCounter, whose rights could not be taken back; types
    written by hand can once they are registered. A sequence is removed by deleting the items that
    the remover had seen, so that those inserted unseen find their places.

    A key that was opened with two types at once shows the one with the smaller tag; `types` lists
    both, `open` reaches each, and `remove` removes both.

    Args:
        replica: Whom the map and its children act as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970, for children that ask; the system's by
            default.

    Payload:
        ``{replica: [groups, live, context]}`` with the live dots and all dots seen as runs
        ``[skipped, taken, skipped, taken...]`` and a group ``[key, tag, leaves]`` for neighbouring
        dots of one entry. Leaves are elements (ORSet and its like), ``[amount, times, amount,
        times...]`` with ``["+", sum]`` for what was compacted (counters; a PNSet has them for each
        element, ``[element, amounts]``), groups (ORMap, GMap), ``[field, leaves]`` (compounds),
        chains ``[place, items]`` or ``[place, nothing, deleted]`` (sequences; no place goes on
        behind the dot before), or else the payloads of deltas.

    Source:
        Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.4 (ORMap);
        counters by dots instead of tallies, so that a reset is exact.

    Example:
        >>> from crdt import GCounter, ORSet
        >>> here, there = ORMap("here"), ORMap("there")
        >>> _ = here.open("likes", GCounter).increment(5)
        >>> there.join(here)
        True
        >>> _ = here.open("likes", GCounter).increment(2)
        >>> there.remove("likes").payload      # of the five, for it has seen no more
        {'here': [[], [], [0, 1]]}
        >>> here.join(there), there.join(here)
        (True, True)
        >>> here.value, there["likes"].value
        ({'likes': 2}, 2)
        >>> _ = here.open("tags", ORSet).add("new")
        >>> sorted(here)
        ['likes', 'tags']
    """

    _fields = ("_owners", "_leaves", "_seen", "_tags", "_weights")
    _weights: dict[Entry, int]
    """How many dots let an entry show."""
    _handles: dict[Entry, Any] | None = None

    def __init__(self, replica: str | None = None, *, clock: Clock | None = None) -> None:
        self._start(replica, clock)

    # --- children ------------------------------------------------------------------------------

    def _check_kind(self, kind: type[StateCRDT]) -> None:
        form_of(kind)

    def _handle(self, entry: Entry) -> Any:
        if self._handles is None:
            self._handles = {}
        child = self._handles.get(entry)
        if child is None:
            child = self._handles[entry] = self._built(entry)
            self._link(entry, child)
        return child

    def _built(self, entry: Entry) -> Any:
        """Return a child of its own with what the map holds under an entry."""
        return form_at(entry[1]).build(self._pieces_of(entry))

    def _link(self, entry: Entry, child: Any) -> None:
        """Let a child count in the map's context and tell the map of its changes."""
        self._lower(child)
        form_at(entry[1]).share(child, Place(self, entry))
        seat_child(child, self, partial(self._hear, entry))

    def _count_in(self, seen: dict[str, Runs]) -> None:
        super()._count_in(seen)
        for entry, child in (self._handles or {}).items():
            form_at(entry[1]).share(child, Place(self, entry))

    # --- hearing of a child's changes ----------------------------------------------------------

    def _hear(self, entry: Entry, delta: Any) -> None:
        """Make a child's delta one of the map, offer it, and apply it if nobody refuses."""
        form, child = form_at(entry[1]), self._handle(entry)
        change = self._blank()
        apart: Dots = {}  # dots whose makers do not tell the map's context of them
        leaves: list[Leaf] = []
        for target in form.targets(Target(form, child, delta, Place(self, entry))):
            if isinstance(target.form, Lifting):
                self._lift(change, target, *target.form.lift(target), apart)
            else:
                assert isinstance(target.form, Writing)
                written, covered = target.form.written(target)
                leaves += map(target.place.wrapped, written)
                for holder, spans in covered.items():
                    apart.setdefault(holder, []).extend(spans)
        replica = None
        if leaves:
            replica = self.replica or child._seat.drawn or self._candidate()
            self._dotted(change, replica, [(entry, leaf) for leaf in leaves], apart)
        seen = {holder: runs_of_spans(spans) for holder, spans in apart.items()}
        change._claim(seen)
        self._relay(change, replica)
        self._claim(seen)

    def _dotted(
        self, change: Self, replica: str, adds: list[tuple[Entry, Leaf]], covered: Dots
    ) -> None:
        """Give leaves fresh dots in ``change``, which are then among the dots that it covers."""
        start = self._next_dot(replica)
        for dot, (entry, leaf) in enumerate(adds, start):
            change._put(replica, dot, dot + 1, entry, leaf)
        covered.setdefault(replica, []).append((start, start + len(adds)))

    def _lift(
        self,
        change: Self,
        target: Target,
        pieces: list[Piece],
        claimed: dict[str, Runs],
        apart: Dots,
    ) -> None:
        """Put what a child with dots of its own has done into ``change``."""
        for replica, start, end, _, inner in pieces:
            leaf = target.place.wrapped(inner)
            entry = target.place.entry
            if not self._settled(entry, leaf) and covers(self._seen.get(replica, 0), start):
                raise RuntimeError("an observer of a child must not change the map around it")
            change._put(replica, start, end, entry, leaf)
        if target.form.shares:
            change._claim(claimed)
        else:
            for replica, runs in claimed.items():
                apart.setdefault(replica, []).extend(spans_of(runs))

    # --- mutators ------------------------------------------------------------------------------

    def put(self, key: K, state: StateCRDT) -> Self:
        """Replace what is under a key by a copy of a state, and return the delta to gossip.

        All that was seen under the key, of every type, is removed; the copy stands under fresh
        dots. An initial state holds nothing to copy, so the key does not show then.

        Raises:
            TypeError: ``key`` cannot be a key, or ``state`` cannot live in a map.
            ValueError: ``key`` cannot be a key, maps would nest over 4 deep, or the state has a
                setting (such as a bias) that its type does not start with.
        """
        return self._put_all([(key, state)])

    def _put_all(self, pairs: Iterable[tuple[K, Any]]) -> Self:
        leaves: dict[Key, list[tuple[Entry, Leaf]]] = {}
        for key, state in pairs:
            found = identify(key)
            leaves.pop(found, None)
            leaves[found] = self._copies(found, state)
        adds = [add for one in leaves.values() for add in one]
        return self._write(adds, *self._removing(self._entries_under(leaves)))

    def _copies(self, key: Key, state: Any) -> list[tuple[Entry, Leaf]]:
        tag = self._tag_to_put(state)
        return [((key, tag), leaf) for leaf in form_at(tag).fresh(state)]

    def discard(self, key: object) -> Self:
        """Remove all under a key, if there is anything, and return the delta to gossip."""
        return self._write((), *self._removing(self._entries_under([lookup(key)])))

    def remove(self, key: K) -> Self:
        """Remove all that was seen under a key and return the delta to gossip.

        Raises:
            KeyError: There is nothing; the map is unchanged.
        """
        if key not in self:
            raise KeyError(key)
        return self.discard(key)

    def clear(self) -> Self:  # type: ignore[override]  # a dict's returns None
        """Remove all that this replica sees, as one delta, and return it."""
        return self._write((), *self._removing(list(self._leaves)))

    def pop(self, key: K, default: Any = _MISSING) -> Any:
        """Remove a key and return a free copy of what showed under it, or ``default``.

        Raises:
            KeyError: There is nothing under it and no default was given.
        """
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        popped = self[key].clone()
        self.remove(key)
        return popped

    def setdefault(self, key: K, default: Any = None) -> Any:
        """Return the live child under a key, after putting ``default`` there if it had none.

        Raises:
            TypeError: It had none, and ``default`` cannot live in a map.
            ValueError: As in `put`.
        """
        if key not in self:
            self.put(key, default)
            return self.open(key, behind(default))
        return self[key]

    # --- what the map shows --------------------------------------------------------------------

    def _plain_at(self, key: Key) -> Any:
        entry = self._shown(key)
        child = self._handles.get(entry) if self._handles else None
        return (self._built(entry) if child is None else child).value

    def _entries_under(self, keys: Iterable[Key]) -> Iterator[Entry]:
        for key in keys:
            for tag in self._tags.get(key, ()):
                yield key, tag

    def _below(self) -> Iterator[Any]:
        return (self._built(entry) for entry in self._leaves)

    def _fresh(self) -> Iterator[Leaf]:
        for entry in self._leaves:
            for leaf in form_at(entry[1]).fresh(self._built(entry)):
                yield entry, leaf

    def _size(self) -> tuple[int, int]:
        kept = [piece for entry in self._leaves for piece in self._pieces_of(entry)]
        hidden = [end - start for _, start, end, *held in kept if not self._shows(*held)]
        return len(self._tags), sum(hidden)

    # --- the hooks of a built-in type ----------------------------------------------------------

    def _join(self, other: Self) -> bool:
        new, gone = self._difference(other)
        if self._relaying:  # the child that made it is about to apply it itself
            self._apply(new, gone)
            return True
        stale = [
            entry
            for entry, parts in self._touched(new, gone).items()
            if not form_at(entry[1]).change(self._handle(entry), *parts)
        ]
        self._apply(new, gone)
        grown = self._see(other) or bool(new or gone)
        self._rebuild(stale)
        return grown

    def _touched(
        self, new: list[Piece], gone: list[Piece]
    ) -> dict[Entry, tuple[list[Piece], list[Piece]]]:
        """Return what a join changes of the children that live as objects."""
        touched: dict[Entry, tuple[list[Piece], list[Piece]]] = {}
        for index, pieces in enumerate((new, gone) if self._handles else ()):
            for piece in pieces:
                if piece[3] in self._handles:  # type: ignore[operator]  # there are some
                    touched.setdefault(piece[3], ([], []))[index].append(piece)
        return touched

    def _put(self, replica: str, start: int, end: int, entry: Entry, leaf: Leaf) -> None:
        super()._put(replica, start, end, entry, leaf)
        if self._shows(entry, leaf):
            self._weights[entry] = self._weights.get(entry, 0) + end - start
            self._show(entry)

    def _cut(self, replica: str, start: int, end: int, entry: Entry) -> None:
        cut = self._within(entry, replica, start, end)
        shown = sum([stop - one for one, stop, leaf in cut if self._shows(entry, leaf)])
        super()._cut(replica, start, end, entry)
        left = self._weights.get(entry, 0) - shown
        if left:
            self._weights[entry] = left
        elif shown:
            del self._weights[entry]
            self._hide(entry)

    def _empty(self) -> None:
        super()._empty()
        self._tags = {}
        self._weights = {}

    def _copied(self) -> Self:
        new = super()._copied()
        new._tags = self._tags.copy()
        new._weights = self._weights.copy()
        return new

    def _take_over(self, source: Self) -> None:
        super()._take_over(source)
        self._rebuild(list(self._handles or ()))

    def _rebuild(self, entries: Iterable[Entry]) -> None:
        """Give live children anew what the map holds for them."""
        for entry in entries:
            child = self._handle(entry)
            child._take_over(self._built(entry))
            self._link(entry, child)

    @classmethod
    def _settled(cls, entry: Entry, leaf: Leaf) -> bool:
        return form_at(entry[1]).settled(leaf)

    @classmethod
    def _shows(cls, entry: Entry, leaf: Leaf) -> bool:
        return form_at(entry[1]).shows(leaf)

    @classmethod
    def _kept(cls, entry: Entry, leaf: Leaf) -> Leaf:
        return form_at(entry[1]).kept(leaf)

    @classmethod
    def _settle(cls, pieces: list[Piece], stable: Dotted) -> Iterator[Settling]:
        entry = pieces[0][3]
        for dots, settled in form_at(entry[1]).settle(pieces, stable):
            yield dots, [(*piece[:3], entry, piece[4]) for piece in settled]

    @classmethod
    def _may_stand(cls, replica: str, counter: int, entry: Entry, leaf: Leaf) -> bool:
        return form_at(entry[1]).fits(replica, counter, leaf)

    @classmethod
    def _encode_group(cls, entry: Entry, leaves: list[Counted]) -> list[Any]:
        key, tag = entry
        return [encode(key), tag, form_at(tag).encode(leaves)]

    @classmethod
    def _decode_group(cls, payload: Any, place: str, depth: int) -> tuple[Entry, list[Counted]]:
        return read_entry(payload, place, depth, form_at)
