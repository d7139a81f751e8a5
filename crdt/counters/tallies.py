"""Counters of tallies: each replica raises its own, and a join takes the larger of each.

A delta carries the tally that results, never the increment, so that it may arrive twice. A tally
of zero is left out. The mutators take the short path of `crdt.native` where they can: the general
one costs several times as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from crdt import replica as replicas
from crdt.amounts import whole
from crdt.counters.sides import Tallied
from crdt.errors import PayloadError
from crdt.native import Folded, Shortcut
from crdt.packing import packed_items
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.tagged import decode_int, encode_int

Tallies = dict[str, int]

_new = object.__new__


class GCounter(Tallied):
    """A counter that only goes up.

    Each replica raises its own tally. Two states join by taking the larger tally of every
    replica, and a delta is the one tally that rose.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: tally}``, whole numbers >= 1, sorted by replica.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 6; deltas after Almeida, Shoker
        and Baquero, "Delta state replicated data types" (2018).

    Example:
        >>> here, there = GCounter("here"), GCounter("there")
        >>> delta = here.increment(3)
        >>> there.increment().payload
        {'there': 1}
        >>> there.join(delta), there.join(delta), there.value
        (True, False, 4)
    """

    _fields = ("_tallies",)
    _fold: tuple[str, int] | None = None  # what a folded delta holds
    if TYPE_CHECKING:
        _tallies: Tallies
    else:
        _tallies = Folded("_tallies")

    @property
    def value(self) -> int:
        """The sum of all tallies."""
        return sum(self._tallies.values())

    def increment(self, amount: int = 1) -> Self:
        """Raise this replica's tally and return the delta to gossip.

        Raises:
            TypeError: ``amount`` is no whole number (True and 1.0 are none either).
            ValueError: ``amount`` is below zero; a tally never falls. The counter is unchanged.
        """
        quick = self._quick
        if quick is not None and type(amount) is int and amount > 0:
            process, seat, replica, tallies = quick
            if process is replicas.process:
                delta = _new(type(self))
                tally = tallies[replica] + amount
                delta._fold = (replica, tally)
                if seat.observers:
                    seat.offer(delta)
                tallies[replica] = tally
                return delta
        amount = whole(amount, at_least=0)
        delta = self._blank()
        if not amount:
            return delta
        replica = self._candidate()
        delta._tallies[replica] = self._tallies.get(replica, 0) + amount
        return self._publish(delta, replica)

    def compare(self, other: Self) -> bool:
        """Tell whether no tally here is above that of ``other``."""
        return _none_above(self._tallies, self._same_type(other)._tallies)

    def _shortcut(self, replica: str) -> Shortcut:
        return (self._tallies,)

    def _empty(self) -> None:
        self._tallies = {}

    def _unfold(self, *fold: Any) -> None:
        _raise_one(self._tallies, *fold)

    def _copied(self) -> Self:
        new = self._blank()
        new._tallies = self._tallies.copy()
        return new

    def _join(self, other: Self) -> bool:
        fold = other._fold
        if fold is not None:
            return _raise_one(self._tallies, *fold)
        return _raise(self._tallies, other._tallies)

    def _sides(self) -> tuple[Tallies]:
        return (self._tallies,)

    def _encode(self) -> dict[str, Any]:
        tallies = self._tallies
        return {replica: encode_int(tallies[replica]) for replica in sorted(tallies)}

    def _decode(self, payload: Any) -> None:
        self._tallies = {
            expect_replica(replica, "payload"): decode_int(
                tally, f"payload[{replica!r}]", at_least=1
            )
            for replica, tally in expect_dict(payload, "payload").items()
        }

    def _shows_more(self, other: Self, replica: str) -> bool:
        fold = other._fold
        if fold is not None and fold[0] != replica:
            return False
        return other._tallies.get(replica, 0) > self._tallies.get(replica, 0)

    def _replicas(self) -> set[str]:
        return set(self._tallies)

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        return map(self._decoded, packed_items(self._encode(), limit_bytes))

    def _size(self) -> tuple[int, int]:
        return len(self._tallies), 0


class PNCounter(Tallied):
    """A counter that goes up and down: two tallies for each replica.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [raised, lowered]}``, whole numbers >= 0, not both zero, sorted by replica.

    Source:
        Shapiro et al., INRIA RR-7506 (2011), Specification 7. Its compare looks at one side's
        keys only; this one looks at both.

    Example:
        >>> stock = PNCounter("shop")
        >>> _ = stock.increment(10)
        >>> stock.decrement(3).payload
        {'shop': [0, 3]}
        >>> stock.value
        7
    """

    _fields = ("_raised", "_lowered")
    _fold: tuple[str, int, int] | None = None  # what a folded delta holds
    if TYPE_CHECKING:
        _raised: Tallies
        _lowered: Tallies
    else:
        _raised = Folded("_raised")
        _lowered = Folded("_lowered")

    @property
    def value(self) -> int:
        """What all replicas added, less what they took away; may be below zero."""
        return sum(self._raised.values()) - sum(self._lowered.values())

    def increment(self, amount: int = 1) -> Self:
        """Add to the counter and return the delta to gossip.

        Raises:
            TypeError: ``amount`` is no whole number (True and 1.0 are none either).
            ValueError: ``amount`` is below zero; use `decrement`. The counter is unchanged.
        """
        quick = self._quick
        if quick is not None and type(amount) is int and amount > 0:
            process, seat, replica, tallies, _ = quick
            if process is replicas.process:
                delta = _new(type(self))
                try:
                    tally = tallies[replica] + amount
                except KeyError:
                    tally = amount
                delta._fold = (replica, tally, 0)
                if seat.observers:
                    seat.offer(delta)
                tallies[replica] = tally
                return delta
        return self._change("_raised", amount)

    def decrement(self, amount: int = 1) -> Self:
        """Take away from the counter and return the delta to gossip.

        Raises:
            TypeError: ``amount`` is no whole number (True and 1.0 are none either).
            ValueError: ``amount`` is below zero; use `increment`. The counter is unchanged.
        """
        quick = self._quick
        if quick is not None and type(amount) is int and amount > 0:
            process, seat, replica, _, tallies = quick
            if process is replicas.process:
                delta = _new(type(self))
                tally = tallies.get(replica, 0) + amount
                delta._fold = (replica, 0, tally)
                if seat.observers:
                    seat.offer(delta)
                tallies[replica] = tally
                return delta
        return self._change("_lowered", amount)

    def _change(self, side: str, amount: int) -> Self:
        amount = whole(amount, at_least=0)
        delta = self._blank()
        if not amount:
            return delta
        replica = self._candidate()
        tallies: Tallies = getattr(self, side)
        setattr(delta, side, {replica: tallies.get(replica, 0) + amount})
        return self._publish(delta, replica)

    def compare(self, other: Self) -> bool:
        """Tell whether no tally here, of either side, is above that of ``other``."""
        other = self._same_type(other)
        return _none_above(self._raised, other._raised) and _none_above(
            self._lowered, other._lowered
        )

    def _shortcut(self, replica: str) -> Shortcut:
        return self._raised, self._lowered

    def _empty(self) -> None:
        self._raised = {}
        self._lowered = {}

    def _unfold(self, *fold: Any) -> None:
        self._join_fold(*fold)

    def _join_fold(self, replica: str, raised: int, lowered: int) -> bool:
        risen = _raise_one(self._raised, replica, raised)
        return _raise_one(self._lowered, replica, lowered) or risen

    def _copied(self) -> Self:
        new = self._blank()
        new._raised = self._raised.copy()
        new._lowered = self._lowered.copy()
        return new

    def _join(self, other: Self) -> bool:
        fold = other._fold
        if fold is not None:
            return self._join_fold(*fold)
        risen = _raise(self._raised, other._raised)
        return _raise(self._lowered, other._lowered) or risen

    def _sides(self) -> tuple[Tallies, Tallies]:
        return self._raised, self._lowered

    def _encode(self) -> dict[str, Any]:
        raised, lowered = self._raised, self._lowered
        return {
            replica: [encode_int(raised.get(replica, 0)), encode_int(lowered.get(replica, 0))]
            for replica in sorted(raised.keys() | lowered.keys())
        }

    def _decode(self, payload: Any) -> None:
        for replica, pair in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            place = f"payload[{replica!r}]"
            up, down = expect_list(pair, place, 2)
            raised = decode_int(up, f"{place}[0]", at_least=0)
            lowered = decode_int(down, f"{place}[1]", at_least=0)
            if not raised and not lowered:
                raise PayloadError("two tallies of 0 are left out", place)
            if raised:
                self._raised[replica] = raised
            if lowered:
                self._lowered[replica] = lowered

    def _shows_more(self, other: Self, replica: str) -> bool:
        fold = other._fold
        if fold is not None and fold[0] != replica:
            return False
        return other._raised.get(replica, 0) > self._raised.get(replica, 0) or other._lowered.get(
            replica, 0
        ) > self._lowered.get(replica, 0)

    def _replicas(self) -> set[str]:
        return self._raised.keys() | self._lowered.keys()

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        return map(self._decoded, packed_items(self._encode(), limit_bytes))

    def _size(self) -> tuple[int, int]:
        return len(self._replicas()), 0


def _raise(mine: Tallies, theirs: Mapping[str, int]) -> bool:
    risen = False
    for replica, tally in theirs.items():
        if tally > mine.get(replica, 0):
            mine[replica] = tally
            risen = True
    return risen


def _raise_one(mine: Tallies, replica: str, tally: int) -> bool:
    if tally <= mine.get(replica, 0):
        return False
    mine[replica] = tally
    return True


def _none_above(mine: Mapping[str, int], theirs: Mapping[str, int]) -> bool:
    return all(tally <= theirs.get(replica, 0) for replica, tally in mine.items())
