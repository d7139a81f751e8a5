"""The last-writer-wins register.

The write with the greatest (stamp, replica, canonical value) wins: a total order, so that every
replica picks the same one, also when stamps are equal, types differ, or one id wrote twice.
"""

from __future__ import annotations

from typing import Any, Self

from crdt import replica as replicas
from crdt.atoms import Key, element_of, freeze
from crdt.clock import Clock, next_stamp
from crdt.native import Native, Shortcut
from crdt.payloads import decode_stamp, expect_list, expect_replica
from crdt.tagged import canonical_text, decode, encode

_new = object.__new__

Write = tuple[int, int, str, Key]
"""``(ms, counter, replica, key)``: the first three decide, and a tie goes to the greater value."""


class LWWRegister(Native):
    """A register whose last write wins.

    A local write beats everything its writer has seen, whatever the clock says; between
    concurrent writes the clocks decide.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.
        clock: Returns whole milliseconds since 1970; the system's by default.

    Payload:
        ``[[ms, counter], replica, value]``, or ``[]`` until the first write.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 8, with the tie-break that its merge
        lacks; stamps after Kulkarni et al., "Logical Physical Clocks" (2014).

    Example:
        >>> title = LWWRegister("a", clock=lambda: 1_700_000_000_000)
        >>> title.assign("draft").payload
        [[1700000000000, 0], 'a', 'draft']
        >>> title.assign({"text": "final", "tags": []}).payload[0]
        [1700000000000, 1]
        >>> title.value
        {'tags': [], 'text': 'final'}
    """

    _fields = ("_write",)
    _resettable = True
    _write: Write | None

    def __init__(self, replica: str | None = None, *, clock: Clock | None = None) -> None:
        self._start(replica, clock)

    @property
    def value(self) -> Any:
        """The last value, copied; None until there is one, see `assigned`."""
        return None if self._write is None else element_of(self._write[3])

    @property
    def assigned(self) -> bool:
        """Whether anybody has written; a written None counts."""
        return self._write is not None

    def assign(self, value: Any) -> Self:
        """Write a value and return the delta to gossip.

        Args:
            value: None, bool, int, finite float, str, bytes, tuples, lists, and dicts with str
                keys, nested at most 8 deep. It is copied.

        Raises:
            TypeError: Something in ``value`` is of another type; the message names a conversion.
            ValueError: NaN, an infinity, a lone surrogate, or nested too deep; or the clock is
                past the year 2248.
            OverflowError: The register holds the last possible stamp. Nothing has changed.
        """
        key = freeze(value)
        write = self._write
        latest = (-1, 0) if write is None else write[:2]
        quick = self._quick
        if quick is not None and quick[0] is replicas.process:
            _, seat, replica = quick
            ms, counter = next_stamp(seat.now(), latest)
            delta = _new(type(self))
            delta._write = (ms, counter, replica, key)
            if seat.observers:
                seat.offer(delta)
            self._write = delta._write
            return delta
        replica = self._candidate()
        ms, counter = next_stamp(self._own_seat().now(), latest)
        delta = self._blank()
        delta._write = (ms, counter, replica, key)
        return self._publish(delta, replica)

    def compare(self, other: Self) -> bool:
        """Tell whether the write here is that of ``other`` or loses to it."""
        other = self._same_type(other)
        return self._write == other._write or not _beats(self._write, other._write)

    def _shortcut(self, replica: str) -> Shortcut:
        return ()

    def _empty(self) -> None:
        self._write = None

    def _copied(self) -> Self:
        new = self._blank()
        new._write = self._write
        return new

    def _join(self, other: Self) -> bool:
        if not _beats(other._write, self._write):
            return False
        self._write = other._write
        return True

    def _encode(self) -> list[Any]:
        if self._write is None:
            return []
        ms, counter, replica, key = self._write
        return [[ms, counter], replica, encode(key)]

    def _decode(self, payload: Any) -> None:
        if payload == [] and type(payload) is list:
            return
        stamp, replica, value = expect_list(payload, "payload", 3)
        self._write = (
            *decode_stamp(stamp, "payload[0]"),
            expect_replica(replica, "payload[1]"),
            decode(value, "payload[2]", values=True),
        )

    def _shows_more(self, other: Self, replica: str) -> bool:
        # All writes made here are at or below the one held, so a greater one is somebody else's.
        return replica in other._replicas() and _beats(other._write, self._write)

    def _replicas(self) -> set[str]:
        return set() if self._write is None else {self._write[2]}

    def _size(self) -> tuple[int, int]:
        return int(self._write is not None), 0


def _beats(one: Write | None, other: Write | None) -> bool:
    if one is None or one == other:
        return False
    if other is None or one[:3] > other[:3]:
        return True
    return one[:3] == other[:3] and canonical_text(one[3]) > canonical_text(other[3])
