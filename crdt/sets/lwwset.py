"""The last-writer-wins set: for each element the latest add or remove decides.

Each element keeps its greatest write by (stamp, bias, replica): on equal stamps the kind of write
that the set is biased towards wins before replicas are compared. A total order, so a join is a
maximum.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Literal, Self

from crdt.atoms import NOTHING, Key, lookup
from crdt.clock import Clock, Stamp, next_stamp
from crdt.errors import PayloadError
from crdt.lastwrites import NO_STAMP, LastWrites
from crdt.packing import packed, sized
from crdt.payloads import decode_stamp, expect_fields, expect_list, expect_replica
from crdt.rows import Hash, Row
from crdt.sets.elements import E
from crdt.sets.mutable import MutableElementSet
from crdt.tagged import canonical_text, decode, encode

Bias = Literal["add", "remove"]
Write = tuple[int, int, bool, str]
"""``(ms, counter, favoured, replica)``: favoured if the write is of the kind of the bias."""
Writes = dict[Key, Write]

_FIELDS_BYTES = len('{"added":[],"bias":"remove","removed":[]}')


class LWWSet(LastWrites, MutableElementSet[E]):
    """A set whose last write to an element decides.

    A local write beats everything its writer has seen. ``discard`` records a removal even of what
    is not there, so that it also beats earlier adds that have not arrived yet.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.
        bias: Which kind of write wins where stamps are equal, "add" or "remove". Sets of
            different bias do not join.
        clock: Returns whole milliseconds since 1970; the system's by default.

    Payload:
        ``{"added": [write...], "removed": [write...], "bias": "remove", "frontier": [ms,
        counter]}`` with a write being ``[element, [ms, counter], replica]``, in canonical order of
        elements, without what is empty and without the bias "add". At or below the frontier no
        other writes count.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), section 3.3.3 (LWW-element-Set); stamps after
        Kulkarni et al., "Logical Physical Clocks" (2014).

    Example:
        >>> tags = LWWSet("a", clock=lambda: 1_700_000_000_000)
        >>> tags.add("draft").payload
        {'added': [['draft', [1700000000000, 0], 'a']]}
        >>> tags.discard("draft").payload
        {'removed': [['draft', [1700000000000, 1], 'a']]}
        >>> "draft" in tags
        False
    """

    _fields = ("_bias", "_added", "_removed", "_latest", "_frontier")
    _resettable = True
    _bias: Bias
    _added: Writes
    _removed: Writes
    _latest: Stamp
    _frontier: Stamp

    def __init__(
        self, replica: str | None = None, *, bias: Bias = "add", clock: Clock | None = None
    ) -> None:
        self._start(replica, clock)
        self._bias = _check_bias(bias)

    @property
    def bias(self) -> Bias:
        """Which kind of write wins where stamps are equal."""
        return self._bias

    def discard(self, element: object) -> Self:  # type: ignore[override]  # a set's returns None
        """Record a removal, whether the element is there or not, and return the delta."""
        key = lookup(element)
        return self._change((), () if key is NOTHING else [key])

    def _change(self, adds: Iterable[Key], drops: Iterable[Key]) -> Self:
        added, removed = dict.fromkeys(adds), dict.fromkeys(drops)
        delta = self._twin()
        if not added and not removed:
            return delta
        replica = self._candidate()
        ms, counter = delta._latest = next_stamp(self._own_seat().now(), self._latest)
        favoured = self._bias == "add"
        delta._added = dict.fromkeys(added, (ms, counter, favoured, replica))
        delta._removed = dict.fromkeys(removed, (ms, counter, not favoured, replica))
        return self._publish(delta, replica)

    def _keys(self) -> Collection[Key]:
        return self._added.keys()

    def _has(self, key: Key) -> bool:
        return key in self._added

    def _empty(self) -> None:
        self._bias = "add"
        self._added = {}
        self._removed = {}
        self._latest = self._frontier = NO_STAMP

    def _twin(self) -> Self:
        """Return a blank object of the same bias."""
        new = self._blank()
        new._bias = self._bias
        return new

    def _copied(self) -> Self:
        new = self._twin()
        new._added = self._added.copy()
        new._removed = self._removed.copy()
        new._latest = self._latest
        new._frontier = self._frontier
        return new

    def _same_type(self, other: Any) -> Self:
        same = super()._same_type(other)
        if same._bias != self._bias:
            raise TypeError(f"a set of bias {self._bias!r} does not join one of {same._bias!r}")
        return same

    def _standing(self) -> Writes:
        return self._added

    def _stands(self, write: Write) -> bool:
        return write[2] == (self._bias == "add")

    def _beats(self, one: Write, other: Write) -> bool:
        return one > other

    def _hashed_rows(self, hash: Hash) -> Iterator[tuple[Row, int]]:
        if self._bias != "add":
            yield (self._bias,), 1
        yield from super()._hashed_rows(hash)

    def _row(self, key: Key, write: Write) -> Row:
        ms, counter, _, replica = write
        return key, "+" if self._stands(write) else "-", ms, counter, replica

    def _encode(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "added": _encode_writes(self._added),
            "removed": _encode_writes(self._removed),
            "bias": "" if self._bias == "add" else self._bias,
            "frontier": [] if self._frontier == NO_STAMP else list(self._frontier),
        }
        return {name: part for name, part in parts.items() if part}

    def _decode(self, payload: Any) -> None:
        fields = expect_fields(payload, "payload", ("added", "removed", "bias", "frontier"))
        if "bias" in fields and fields["bias"] != "remove":
            raise PayloadError("expected 'remove'; 'add' is left out", "payload['bias']")
        self._bias = "remove" if "bias" in fields else "add"
        if "frontier" in fields:
            self._frontier = decode_stamp(fields["frontier"], "payload['frontier']")
            self._latest = self._frontier
        for name in fields.keys() - {"bias", "frontier"}:
            favoured = (name == "added") == (self._bias == "add")
            setattr(self, f"_{name}", self._decode_writes(fields[name], name, favoured))
        if not self._added.keys().isdisjoint(self._removed):
            raise PayloadError("only the last write to an element is kept", "payload")
        if any(write[:2] <= self._frontier for write in self._removed.values()):
            raise PayloadError("removals up to the frontier are left out", "payload['removed']")

    def _decode_writes(self, payload: Any, name: str, favoured: bool) -> Writes:
        place = f"payload[{name!r}]"
        if not expect_list(payload, place):
            raise PayloadError("what is empty is left out", place)
        writes: Writes = {}
        before = ""
        for i, item in enumerate(payload):
            here = f"{place}[{i}]"
            element, stamp, replica = expect_list(item, here, 3)
            key = decode(element, f"{here}[0]")
            ms, counter = decode_stamp(stamp, f"{here}[1]")
            writes[key] = (ms, counter, favoured, expect_replica(replica, f"{here}[2]"))
            text = canonical_text(key)
            if text <= before:
                raise PayloadError("writes stand in canonical order of elements", here)
            before = text
            self._latest = max(self._latest, (ms, counter))
        return writes

    def _shows_more(self, other: Self, replica: str) -> bool:
        # All writes made here are at or below those held, so a greater one is somebody else's.
        return any(
            write[3] == replica and self._loses(key, write)
            for writes in (other._added, other._removed)
            for key, write in writes.items()
        )

    def _replicas(self) -> set[str]:
        return {write[3] for writes in (self._added, self._removed) for write in writes.values()}

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        """Yield the parts; what a frontier settles is one, for a part of it made the rest void."""
        if self._frontier != NO_STAMP:
            base = self._copied()
            for key, write in self._writes():
                if write[:2] > self._frontier:
                    base._drop(key)
            base._latest = self._frontier
            yield base
        rows = (
            ((key, write), sized(_encode_write(key, write)))
            for key, write in self._writes()
            if write[:2] > self._frontier
        )
        for part in packed(rows, limit_bytes, _FIELDS_BYTES):
            new = self._twin()
            for key, write in part:
                new._take(key, write)
            yield new


def _check_bias(bias: Any) -> Bias:
    if not isinstance(bias, str):
        raise TypeError(f"bias is 'add' or 'remove', not {type(bias).__name__}")
    if bias not in ("add", "remove"):
        raise ValueError(f"bias is 'add' or 'remove', not {bias!r}")
    return "add" if bias == "add" else "remove"


def _encode_writes(writes: Writes) -> list[Any]:
    return [_encode_write(key, writes[key]) for key in sorted(writes, key=canonical_text)]


def _encode_write(key: Key, write: Write) -> list[Any]:
    return [encode(key), list(write[:2]), write[3]]
