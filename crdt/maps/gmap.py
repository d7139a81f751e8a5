"""The map that only grows: keys to CRDTs, joined key by key.

Nothing is ever removed, so children keep their own dots and tallies, and a map's delta is the
child's delta under its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Self

from crdt.atoms import identify
from crdt.base import StateCRDT
from crdt.catalogue import type_of
from crdt.causal.dotted import Entry
from crdt.clock import Clock
from crdt.contexts import context_of, parts_of, settled, since
from crdt.errors import PayloadError, UnknownTypeError
from crdt.jsonlike import check_depth
from crdt.maps.entries import K
from crdt.maps.live import MAX_DEPTH, LiveMap, height_of
from crdt.packing import packed, sized
from crdt.payloads import expect_list
from crdt.rows import Hash, Print, Row
from crdt.tagged import canonical_text, decode, encode
from crdt.watched import seat_child

_AROUND_BYTES = 2
"""The brackets around the one entry of a part."""


class GMap(LiveMap[K]):
    """A map whose values are live CRDTs, and whose keys stay for ever.

    ``m.open("likes", GCounter)`` gives a counter to read and change; opening changes nothing, and
    a key shows once something was written under it. `put` joins a state into what is there. A key
    that was opened with two types at once shows the one with the smaller tag; `types` lists both
    and `open` reaches each. Maps may nest 4 deep. Children do not join; join the map.

    Args:
        replica: Whom the map and its children act as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970, for children that ask; the system's by
            default.

    Payload:
        ``[[key, tag, payload]...]`` in canonical order of keys and then of tags, without children
        that hold nothing.

    Source:
        Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), appendix B: a map to
        lattices is a lattice.

    Example:
        >>> from crdt import GCounter
        >>> here, there = GMap("here"), GMap("there")
        >>> _ = here.open("likes", GCounter).increment(2)
        >>> _ = there.open("likes", GCounter).increment(3)
        >>> here.join(there), here.value
        (True, {'likes': 5})
        >>> there.payload
        [['likes', 'gcounter@1', {'there': 3}]]
    """

    _fields = ("_children", "_tags")
    _children: dict[Entry, Any]
    _host: Any = None
    """What an ORMap that the map lives in has to do with it."""

    def __init__(self, replica: str | None = None, *, clock: Clock | None = None) -> None:
        self._start(replica, clock)

    def put(self, key: K, state: StateCRDT) -> Self:
        """Join a copy of a state into what is under a key, and return the delta to gossip.

        In a map that lives in an ORMap the copy gets fresh dots, as if its content was written
        now: a counter adds what the state shows.

        Raises:
            TypeError: ``key`` cannot be a key, or ``state`` cannot live in a map.
            ValueError: ``key`` cannot be a key, maps would nest over 4 deep, or the state has a
                setting (such as a bias) that its type does not start with.
            UnknownTypeError: The catalogue does not know the type of ``state``.
        """
        entry = identify(key), self._tag_to_put(state)
        delta = self._blank()
        known = self._children.get(entry)
        if state.initial or (known is not None and state.compare(known)):
            return delta
        if self._host is not None:
            self._host.copy(delta, entry, state)
            return delta
        delta._add(entry, state._snapshot())
        return self._publish(delta)

    def compare(self, other: Self) -> bool:
        """Tell whether every child here is in the state of the one there."""
        other = self._same_type(other)
        return all(
            entry in other._children and child.compare(other._children[entry])
            for entry, child in self._held()
        )

    # --- telling what somebody lacks, and forgetting -------------------------------------------

    @property
    def context(self) -> list[Any]:
        """What this map has seen, for `delta_since`, as JSON: ``[[key, tag, context]...]``.

        Of a child without a context it is a hash of its state.
        """
        return [[encode(key), tag, context_of(child)] for (key, tag), child in self._in_order()]

    def delta_since(self, context: Any) -> Self:
        """Return what the owner of ``context`` lacks of this state.

        Joined into the state that told its `context` (or into a later one of the same object) it
        does what joining this whole state does. Children with contexts send what is new, others
        all if they differ.

        Raises:
            PayloadError: ``context`` is none.
        """
        told: dict[Entry, tuple[Any, str]] = {}
        for i, item in enumerate(expect_list(context, "context")):
            place = f"context[{i}]"
            spelled, tag, one = expect_list(item, place, 3)
            if type(tag) is not str:
                raise PayloadError("expected a type tag", f"{place}[1]")
            told[decode(spelled, f"{place}[0]"), tag] = one, f"{place}[2]"
        delta = self._blank()
        for entry, child in self._held():
            lacked = since(child, *told[entry]) if entry in told else child._snapshot()
            if lacked is not None:
                delta._add(entry, lacked)
        return delta

    def compact(self, stable: Self) -> Self:
        """Let children forget what everybody knows of, on the caller's word; return the delta.

        Args:
            stable: A state by which the caller gives his word: every replica has joined it before
                making any change that it lacks, and so has whoever made a state or delta that is
                still under way.

        Raises:
            TypeError: ``stable`` is of another type.
            ValueError: This map has not joined ``stable`` itself. Nothing has changed.
        """
        stable = self._same_type(stable)
        if not stable.compare(self):
            raise ValueError("this map has not joined `stable`, so not everybody has")
        delta = self._blank()
        for entry, known in stable._held():
            change = settled(self._children[entry], known)
            if change is not None:
                delta._add(entry, change)
        return delta if delta.initial else self._publish(delta)

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        for packed_rows in packed(self._parts(limit_bytes), limit_bytes):
            new = self._blank()
            for entry, part in packed_rows:
                if entry in new._children:
                    new._children[entry]._join(part)
                else:
                    new._add(entry, part)
            yield new

    def _parts(self, limit_bytes: int) -> Iterator[tuple[tuple[Entry, Any], int]]:
        """Yield parts of the children, each with its entry, and the bytes that both take."""
        for (key, tag), child in self._held():
            around_bytes = sized([encode(key), tag, None]) - len("null") + _AROUND_BYTES
            for part in parts_of(child, max(1, limit_bytes - around_bytes)):
                yield ((key, tag), part), sized([encode(key), tag, part._encode()])

    def _in_order(self) -> list[tuple[Entry, Any]]:
        """Return the children that hold something, in canonical order."""
        return sorted(self._held(), key=lambda pair: (canonical_text(pair[0][0]), pair[0][1]))

    # --- children ------------------------------------------------------------------------------

    def _check_kind(self, kind: type[StateCRDT]) -> None:
        if self._host is not None:
            self._host.check(kind)

    def _child(self, entry: Entry) -> Any:
        """Return the child of an entry, which may not be a handle yet."""
        child = self._children.get(entry)
        if child is None:
            child = self._children[entry] = type_of(entry[1])._blank()
        return child

    def _handle(self, entry: Entry) -> Any:
        child = self._child(entry)
        if child._seat is None:
            seat_child(child, self, partial(self._hear, entry))
            self._lower(child)
            if self._host is not None:
                self._host.take_in(entry, child)
        return child

    def _hear(self, entry: Entry, delta: Any) -> None:
        """Offer a child's delta as one of the map; the child applies it if nobody refuses."""
        change = self._blank()
        change._add(entry, delta._snapshot())
        self._relay(change, None)
        self._show(entry)
        self._touched(entry)

    def _add(self, entry: Entry, child: Any) -> None:
        self._children[entry] = child
        self._show(entry)

    def _held(self) -> Iterable[tuple[Entry, Any]]:
        """Yield the children that hold something."""
        for key, tags in self._tags.items():
            for tag in tags:
                yield (key, tag), self._children[key, tag]

    def _plain_at(self, key: Any) -> Any:
        return self._children[self._shown(key)].value

    def _below(self) -> Iterator[Any]:
        return (child for _, child in self._held())

    def children(self) -> Iterator[StateCRDT]:
        """Yield nothing: children act as the map does, without being told."""
        return iter(())

    def _same_type(self, other: Any) -> Self:
        same = super()._same_type(other)
        mine, theirs = self._children, same._children
        for entry in mine if len(mine) < len(theirs) else theirs:  # a delta costs its own size
            if entry in mine and entry in theirs:
                mine[entry]._fits(theirs[entry])
        return same

    # --- the hooks of a built-in type ----------------------------------------------------------

    def _empty(self) -> None:
        self._children = {}
        self._tags = {}

    def _copied(self) -> Self:
        new = self._blank()
        for entry, child in self._held():
            new._add(entry, child._copied())
        return new

    def _take_over(self, source: Self) -> None:
        handles = self._children
        super()._take_over(source)
        for entry, child in handles.items():
            held = self._children.get(entry)  # which may be empty, and still know something
            child._take_over(type(child)._blank() if held is None else held)
            self._children[entry] = child

    def _join(self, other: Self) -> bool:
        if self._relaying:  # the child that made the change is about to apply it itself
            return True
        grown = False
        for entry, theirs in other._held():
            if self._child(entry)._join(theirs):
                self._show(entry)
                self._touched(entry)
                grown = True
        return grown

    # --- the fingerprint -----------------------------------------------------------------------

    def _bulk(self) -> int:
        return len(self._tags)

    def _begun_print(self, hash: Hash, rows: int) -> Print:
        made = Print(hash, rows, 0)
        made.known = {}, {entry: None for entry, _ in self._held()}
        return made

    def _take_in(self, held: Print, most: int) -> bool:
        return self._hear_of(held, most) and held.advance(most)

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        for entry, child in self._held():
            yield _row(entry, child.fingerprint(hash)), 1

    def _keep_print(self, made: Print) -> None:
        super()._keep_print(made)
        if not made.known:
            hash: Any = made.hash
            prints = {entry: child.fingerprint(hash) for entry, child in self._held()}
            made.known = prints, {}

    def _touched(self, entry: Entry) -> None:
        if self._print is not None and self._print.known:
            self._print.known[1][entry] = None

    def _catch_up(self, held: Print) -> None:
        self._hear_of(held, len(held.known[1]))

    def _hear_of(self, held: Print, most: int) -> bool:
        """Tell a print of so many children that changed; True if no more than that are left."""
        prints, touched = held.known
        hash: Any = held.hash
        for _ in range(min(most, len(touched))):
            entry, _ = touched.popitem()
            before, now = prints.get(entry), self._children[entry].fingerprint(hash)
            held.swap(None if before is None else _row(entry, before), _row(entry, now))
            prints[entry] = now
        return len(touched) <= most

    def _encode(self) -> list[Any]:
        return [[encode(key), tag, child._encode()] for (key, tag), child in self._in_order()]

    def _decode(self, payload: Any) -> None:
        check_depth(payload)
        before = ("", "")
        for i, item in enumerate(expect_list(payload, "payload")):
            place = f"payload[{i}]"
            spelled, tag, state = expect_list(item, place, 3)
            key = decode(spelled, f"{place}[0]")
            child = self._decoded_child(tag, state, place)
            if (canonical_text(key), tag) <= before:
                raise PayloadError("entries stand in canonical order, each once", place)
            before = canonical_text(key), tag
            self._add((key, tag), child)

    def _decoded_child(self, tag: Any, state: Any, place: str) -> Any:
        if type(tag) is not str:
            raise PayloadError("expected a type tag", f"{place}[1]")
        try:
            kind = type_of(tag)
            self._check_kind(kind)
            child = kind.from_payload(state)
            kind()._same_type(child)  # a set of another bias would not join
        except PayloadError as error:
            raise PayloadError(error.reason, f"{place}[2]") from None
        except (TypeError, UnknownTypeError) as error:
            raise PayloadError(str(error), f"{place}[1]") from None
        if child.initial:
            raise PayloadError("what holds nothing is left out", place)
        if height_of(child) >= MAX_DEPTH:
            raise PayloadError(f"maps nest at most {MAX_DEPTH} deep", place)
        return child

    @property
    def initial(self) -> bool:
        """Whether nothing was ever written."""
        return not self._tags

    def _shows_more(self, other: Self, replica: str) -> bool:
        return any(
            self._children.get(entry, type(theirs)._blank())._shows_more(theirs, replica)
            for entry, theirs in other._held()
        )

    def _replicas(self) -> set[str]:
        return set[str]().union(*[child._replicas() for _, child in self._held()])


def _row(entry: Entry, print: bytes) -> Row:
    """Return the row of a child."""
    return (*entry, (bytes, print))
