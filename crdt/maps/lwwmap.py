"""The last-writer-wins map: for each key the latest put or removal decides.

The greatest write by (stamp, replica, put before removal, canonical value) wins: a total order, so
that a join is a maximum, also with equal stamps, unequal types, or one id that wrote twice.

Compacting leaves a *frontier*, one stamp for the whole map. A state claims to know, of each key, all
writes up to the one that it holds and all that are not after its frontier; what it claims and does
not hold is gone. So tombstones up to the frontier need not be kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from crdt import replica as replicas
from crdt.atoms import NOTHING, Key, element_of, freeze, identify, lookup
from crdt.clock import Clock, Stamp, next_stamp
from crdt.errors import PayloadError
from crdt.lastwrites import NO_STAMP, LastWrites
from crdt.maps.entries import K, V
from crdt.maps.writable import WritableMap
from crdt.native import Folded, Shortcut
from crdt.packing import packed, sized
from crdt.payloads import decode_stamp, expect_fields, expect_list, expect_replica
from crdt.tagged import canonical_text, decode, encode

Write = tuple[int, int, str, bool, Key]
"""``(ms, counter, replica, put, value)``; a removal has the value None."""
Writes = dict[Key, Write]

_new = object.__new__

_SHORT = 2**16
"""Longer keys take the general path, which knows how long they may be."""

_SIZES = {"put": 4, "removed": 3}

_FIELDS_BYTES = len('{"put":[],"removed":[]}')


class LWWMap(LastWrites, WritableMap[K, V]):
    """A map whose last write to a key decides.

    A local write beats everything its writer has seen. ``discard`` records a removal even of what
    is not there, so that it also beats earlier puts that have not arrived yet; ``remove``, ``del``
    and ``pop`` raise KeyError as a dict's do.

    Values are None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str keys,
    nested at most 8 deep. They are copied in and out: changing what was read changes nothing here.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970; the system's by default.

    Payload:
        ``{"put": [[key, [ms, counter], replica, value]...], "removed": [[key, [ms, counter],
        replica]...], "frontier": [ms, counter]}``, the writes in canonical order of keys; what is
        empty is left out. At or below the frontier no other writes count.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 8 for each key, with tombstones; stamps
        after Kulkarni et al., "Logical Physical Clocks" (2014).

    Example:
        >>> config = LWWMap("a", clock=lambda: 1_700_000_000_000)
        >>> config.put("colour", "red").payload
        {'put': [['colour', [1700000000000, 0], 'a', 'red']]}
        >>> config["size"] = [1, 2]
        >>> config.remove("colour").payload
        {'removed': [['colour', [1700000000000, 2], 'a']]}
        >>> config.value
        {'size': [1, 2]}
    """

    _fields = ("_put", "_removed", "_latest", "_frontier")
    _resettable = True
    _fold: tuple[Key, Write] | None = None  # what a folded delta holds
    if TYPE_CHECKING:
        _put: Writes
        _removed: Writes
        _latest: Stamp
        _frontier: Stamp
    else:
        _put = Folded("_put")
        _removed = Folded("_removed")
        _latest = Folded("_latest")
        _frontier = Folded("_frontier")

    def __init__(self, replica: str | None = None, *, clock: Clock | None = None) -> None:
        self._start(replica, clock)

    def put(self, key: K, value: V) -> Self:
        """Write a value under a key and return the delta to gossip.

        Raises:
            TypeError: ``key`` cannot be a key, or something in ``value`` is of a type that cannot
                be a value; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep; or the clock is
                past the year 2248.
            OverflowError: The map holds the last possible stamp. Nothing has changed.
        """
        name: Any = key
        held: Any = value
        quick = self._quick
        if quick is not None and type(name) is str and len(name) < _SHORT and name.isascii():
            # The short path: a key of the usual kind, under an id that is all ours.
            process, seat, replica, puts, removed = quick
            if process is replicas.process:
                if type(held) is not int or not -_SHORT < held < _SHORT:
                    held = freeze(value)
                now = seat.now()
                ms, counter = latest = self._latest
                if now == ms and type(now) is int and counter < _SHORT:
                    counter += 1  # as next_stamp has it, within one tick
                else:
                    ms, counter = next_stamp(now, latest)
                write = (ms, counter, replica, True, held)
                delta = _new(type(self))
                delta._fold = (name, write)
                if seat.observers:
                    seat.offer(delta)
                if self._print is not None:
                    self._tell(name, write)
                puts[name] = write
                self._latest = (ms, counter)
                if removed:
                    removed.pop(name, None)
                return delta
        return self._change({identify(key): freeze(value)}, ())

    def discard(self, key: object) -> Self:
        """Record a removal, whether the key is there or not, and return the delta to gossip."""
        found = lookup(key)
        return self._change({}, () if found is NOTHING else [found])

    def remove(self, key: K) -> Self:
        """Remove a key and return the delta to gossip.

        Raises:
            KeyError: It is not there; nothing has changed.
        """
        if key not in self:
            raise KeyError(key)
        return self._change({}, [lookup(key)])

    def clear(self) -> Self:  # type: ignore[override]  # a dict's returns None
        """Remove all keys that this replica sees, as one delta, and return it."""
        return self._change({}, list(self._put))

    def _put_all(self, pairs: Iterable[tuple[K, V]]) -> Self:
        return self._change({identify(key): freeze(value) for key, value in pairs}, ())

    def _change(self, puts: dict[Key, Key], drops: Collection[Key]) -> Self:
        delta = self._blank()
        if not puts and not drops:
            return delta
        replica = self._candidate()
        ms, counter = delta._latest = next_stamp(self._own_seat().now(), self._latest)
        delta._put = {key: (ms, counter, replica, True, held) for key, held in puts.items()}
        delta._removed = dict.fromkeys(drops, (ms, counter, replica, False, None))
        return self._publish(delta, replica)

    def _keys(self) -> Collection[Key]:
        return self._put.keys()

    def _has(self, key: Key) -> bool:
        return key in self._put

    def _at(self, key: Key) -> V:
        held: V = element_of(self._put[key][4])
        return held

    def _standing(self) -> Writes:
        return self._put

    def _stands(self, write: Write) -> bool:
        return write[3]

    def _beats(self, one: Write, other: Write) -> bool:
        if one[:4] != other[:4]:
            return one[:4] > other[:4]
        return canonical_text(one[4]) > canonical_text(other[4])

    def _shortcut(self, replica: str) -> Shortcut:
        return self._put, self._removed

    def _empty(self) -> None:
        self._put = {}
        self._removed = {}
        self._latest = self._frontier = NO_STAMP

    def _unfold(self, *fold: Any) -> None:
        self._take(*fold)

    def _copied(self) -> Self:
        new = self._blank()
        new._put = self._put.copy()
        new._removed = self._removed.copy()
        new._latest = self._latest
        new._frontier = self._frontier
        return new

    def _join(self, other: Self) -> bool:
        fold = other._fold
        if fold is not None:
            wins = self._loses(*fold)
            if wins:
                self._take(*fold)
            return wins
        return super()._join(other)

    def _encode(self) -> dict[str, Any]:
        parts = {"put": _encode_writes(self._put), "removed": _encode_writes(self._removed)}
        if self._frontier != NO_STAMP:
            parts["frontier"] = list(self._frontier)
        return {name: part for name, part in parts.items() if part}

    def _decode(self, payload: Any) -> None:
        fields = expect_fields(payload, "payload", (*_SIZES, "frontier")).copy()
        if "frontier" in fields:
            self._frontier = decode_stamp(fields.pop("frontier"), "payload['frontier']")
            self._latest = self._frontier
        for name, writes in fields.items():
            place = f"payload[{name!r}]"
            if not expect_list(writes, place):
                raise PayloadError("what is empty is left out", place)
            before = ""
            for i, item in enumerate(writes):
                here = f"{place}[{i}]"
                key, write = _decode_write(item, here, put=name == "put")
                if canonical_text(key) <= before:
                    raise PayloadError("writes stand in canonical order of keys", here)
                before = canonical_text(key)
                if key in self._put or key in self._removed:
                    raise PayloadError("only the last write to a key is kept", here)
                if name == "removed" and write[:2] <= self._frontier:
                    raise PayloadError("removals up to the frontier are left out", here)
                self._take(key, write)

    def _shows_more(self, other: Self, replica: str) -> bool:
        # All writes made here are at or below those held, so a greater one is somebody else's.
        return any(
            write[2] == replica and self._loses(key, write) for key, write in other._writes()
        )

    def _replicas(self) -> set[str]:
        return {write[2] for _, write in self._writes()}

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        """Yield the parts; what a frontier settles is one, for a part of it made the rest void."""
        if self._frontier != NO_STAMP:
            base = self._blank()
            base._advance(self._frontier)
            base._put = {k: write for k, write in self._put.items() if write[:2] <= self._frontier}
            yield base
        rows = (
            ((key, write), sized(_encode_write(key, write)))
            for key, write in self._writes()
            if write[:2] > self._frontier
        )
        for part in packed(rows, limit_bytes, _FIELDS_BYTES):
            new = self._blank()
            for key, write in part:
                new._take(key, write)
            yield new


def _encode_writes(writes: Writes) -> list[Any]:
    return [_encode_write(key, writes[key]) for key in sorted(writes, key=canonical_text)]


def _encode_write(key: Key, write: Write) -> list[Any]:
    ms, counter, replica, put, held = write
    return [encode(key), [ms, counter], replica, *([encode(held)] if put else [])]


def _decode_write(payload: Any, place: str, *, put: bool) -> tuple[Key, Write]:
    key, stamp, replica, *value = expect_list(payload, place, _SIZES["put" if put else "removed"])
    return decode(key, f"{place}[0]"), (
        *decode_stamp(stamp, f"{place}[1]"),
        expect_replica(replica, f"{place}[2]"),
        put,
        decode(value[0], f"{place}[3]", values=True) if put else None,
    )
