"""The bounded counter: a counter that never falls below zero, without asking anybody.

Theory of operation. Whoever raises the counter thereby earns the right to lower it again by as
much, and may lower it only as far as its rights go. Rights can be passed on. Each replica writes
only its own tallies (what it raised, what it lowered, what it passed on to whom), so they join by
taking the larger one; and since nobody spends what it does not hold, all spending together stays
below what was raised, whatever is still under way.

Source: Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
invariants" (2015); O'Neil, "The escrow transactional method" (1986).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Self, TypeVar

from crdt.amounts import whole
from crdt.counters.sides import Tallied
from crdt.errors import PayloadError
from crdt.packing import packed_items
from crdt.payloads import expect_dict, expect_list, expect_replica
from crdt.replica import check_replica
from crdt.tagged import decode_int, encode_int

Tallies = dict[str, int]
Passed = dict[tuple[str, str], int]
"""What the first replica has passed on to the second, in all."""

S = TypeVar("S", bound=Hashable)


class BoundedCounter(Tallied):
    """A counter that goes up and down and never below zero.

    ``increment`` earns this replica the right to ``decrement`` as much; ``transfer`` passes rights
    on, also to a replica that this one has never heard of. Rights belong to a replica id: a copy
    has none, and a process that ends without `leave` takes its rights with it, until somebody
    reclaims them.

    Args:
        replica: Whom the object acts as; the caller promises that nobody else does.

    Payload:
        ``{replica: [raised, lowered, {receiver: passed on}]}``, sorted, whole numbers; the third
        is left out where nothing was passed on, and a replica of which nothing is known as well.

    Source:
        Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
        invariants" (2015): the Bounded Counter; the non-negative counter of INRIA RR-7506 (2011),
        section 3.1.4, which asks for such rights.

    Example:
        >>> tickets, box_office = BoundedCounter("main"), BoundedCounter("box office")
        >>> stock = tickets.increment(100)
        >>> passed = tickets.transfer(30, "box office")
        >>> _ = box_office.join(stock), box_office.join(passed)
        >>> sold = box_office.decrement(30)
        >>> box_office.decrement()
        Traceback (most recent call last):
            ...
        ValueError: 'box office' has the right to take away 0, not 1; somebody may transfer more
        >>> tickets.join(sold), tickets.value, tickets.rights
        (True, 70, 70)
    """

    _fields = ("_raised", "_lowered", "_passed")
    _raised: Tallies
    _lowered: Tallies
    _passed: Passed

    @property
    def value(self) -> int:
        """What was added less what was taken away; 0 while the deltas here say less than that."""
        return max(0, sum(self._raised.values()) - sum(self._lowered.values()))

    @property
    def rights(self) -> int:
        """How much this replica may take away now; 0 while it has no id."""
        replica = self.replica
        return 0 if replica is None else self.rights_of(replica)

    def rights_of(self, replica: str) -> int:
        """Return how much ``replica`` may take away, as far as it is known here."""
        return max(0, self._balance(replica))

    def increment(self, amount: int = 1) -> Self:
        """Add to the counter, earn the right to take as much away, and return the delta.

        Raises:
            TypeError: ``amount`` is no whole number (True and 1.0 are none either).
            ValueError: ``amount`` is below zero; use `decrement`. The counter is unchanged.
        """
        amount = whole(amount, at_least=0)
        delta = self._blank()
        if not amount:
            return delta
        replica = self._candidate()
        delta._raised[replica] = self._raised.get(replica, 0) + amount
        return self._publish(delta, replica)

    def decrement(self, amount: int = 1) -> Self:
        """Take away from the counter what this replica has the right to; return the delta.

        Raises:
            TypeError: ``amount`` is no whole number (True and 1.0 are none either).
            ValueError: ``amount`` is below zero, or more than `rights`. The counter is unchanged.
        """
        amount = whole(amount, at_least=0)
        delta = self._blank()
        if not amount:
            return delta
        replica = self._spending(amount)
        delta._lowered[replica] = self._lowered.get(replica, 0) + amount
        return self._publish(delta, replica)

    def transfer(self, amount: int, to: str) -> Self:
        """Pass rights on to another replica, known or not, and return the delta to gossip.

        Raises:
            TypeError: ``amount`` is no whole number, or ``to`` is no text.
            ValueError: ``amount`` is below zero or more than `rights`, or ``to`` is this replica
                or cannot be an id. The counter is unchanged.
        """
        amount = whole(amount, at_least=0)
        receiver = check_replica(to)
        if receiver == self.replica:
            raise ValueError(f"{receiver!r:.80} is this replica; a transfer is for another one")
        delta = self._blank()
        return self._pass_on(delta, self._spending(amount), receiver, amount) if amount else delta

    def leave(self, to: str) -> Self:
        """Pass all rights of this replica on, because it will not act again; return the delta.

        Raises:
            TypeError: ``to`` is no text.
            ValueError: ``to`` is this replica or cannot be an id. The counter is unchanged.
        """
        return self.transfer(self.rights, to)

    def reclaim(self, replica: str) -> Self:
        """Take over all rights of a replica that is gone, and return the delta to gossip.

        The caller gives the word that the process behind ``replica`` is dead and will not act
        again, that its last state has arrived here, and that nobody else reclaims its rights.
        Where that is not so, rights are spent twice, and the counter may be promised below zero.

        Raises:
            TypeError: ``replica`` is no text.
            KeyError: Nothing is known of ``replica``.
            ValueError: It is this replica, or cannot be an id. The counter is unchanged.
        """
        gone = check_replica(replica)
        if gone == self.replica:
            raise ValueError(f"{gone!r:.80} is this replica; it is not gone")
        if gone not in self._replicas():
            raise KeyError(gone)
        delta, amount = self._blank(), self.rights_of(gone)
        if not amount:
            return delta
        heir = self._candidate()
        delta._passed[gone, heir] = self._passed.get((gone, heir), 0) + amount
        return self._publish(delta, heir)

    def _pass_on(self, delta: Self, giver: str, receiver: str, amount: int) -> Self:
        delta._passed[giver, receiver] = self._passed.get((giver, receiver), 0) + amount
        return self._publish(delta, giver)

    def _spending(self, amount: int) -> str:
        """Return who acts, if it has the right to ``amount``."""
        replica = self._candidate()
        rights = self.rights_of(replica)
        if amount > rights:
            who = repr(replica) if replica == self.replica else "a replica that is new"
            raise ValueError(
                f"{who:.80} has the right to take away {rights}, not {amount}; "
                "somebody may transfer more"
            )
        return replica

    def _balance(self, replica: str) -> int:
        earned = self._raised.get(replica, 0) - self._lowered.get(replica, 0)
        received = sum([n for (_, receiver), n in self._passed.items() if receiver == replica])
        given = sum([n for (giver, _), n in self._passed.items() if giver == replica])
        return earned + received - given

    def compare(self, other: Self) -> bool:
        """Tell whether no tally here is above that of ``other``."""
        other = self._same_type(other)
        return (
            not _risen(self._raised, other._raised)
            and not _risen(self._lowered, other._lowered)
            and not _risen(self._passed, other._passed)
        )

    def _empty(self) -> None:
        self._raised = {}
        self._lowered = {}
        self._passed = {}

    def _copied(self) -> Self:
        new = self._blank()
        new._raised = self._raised.copy()
        new._lowered = self._lowered.copy()
        new._passed = self._passed.copy()
        return new

    def _join(self, other: Self) -> bool:
        raised = _risen(other._raised, self._raised)
        lowered = _risen(other._lowered, self._lowered)
        passed = _risen(other._passed, self._passed)
        self._raised.update(raised)
        self._lowered.update(lowered)
        self._passed.update(passed)
        return bool(raised or lowered or passed)

    def _sides(self) -> tuple[Tallies, Tallies, Passed]:
        return self._raised, self._lowered, self._passed

    def _encode(self) -> dict[str, Any]:
        givers: dict[str, dict[str, Any]] = {}
        for giver, receiver in sorted(self._passed):
            givers.setdefault(giver, {})[receiver] = encode_int(self._passed[giver, receiver])
        return {
            replica: [
                encode_int(self._raised.get(replica, 0)),
                encode_int(self._lowered.get(replica, 0)),
                *([givers[replica]] if replica in givers else []),
            ]
            for replica in sorted(self._raised.keys() | self._lowered.keys() | givers.keys())
        }

    def _decode(self, payload: Any) -> None:
        for replica, parts in expect_dict(payload, "payload").items():
            expect_replica(replica, "payload")
            place = f"payload[{replica!r}]"
            given = expect_list(parts, place)[2:]
            up, down = expect_list(parts[:2], place, 2)
            raised = decode_int(up, f"{place}[0]", at_least=0)
            lowered = decode_int(down, f"{place}[1]", at_least=0)
            if len(given) > 1 or not (raised or lowered or given):
                raise PayloadError("expected two tallies, not both 0, or three parts", place)
            if raised:
                self._raised[replica] = raised
            if lowered:
                self._lowered[replica] = lowered
            for passed in given:
                self._decode_passed(replica, passed, f"{place}[2]")

    def _decode_passed(self, giver: str, payload: Any, place: str) -> None:
        if not expect_dict(payload, place):
            raise PayloadError("what is empty is left out", place)
        for receiver, amount in payload.items():
            if expect_replica(receiver, place) == giver:
                raise PayloadError("nobody passes rights on to itself", place)
            here = f"{place}[{receiver!r}]"
            self._passed[giver, receiver] = decode_int(amount, here, at_least=1)

    def _shows_more(self, other: Self, replica: str) -> bool:
        # Rights that somebody reclaimed count, too: who is thought dead must not spend them.
        return (
            other._raised.get(replica, 0) > self._raised.get(replica, 0)
            or other._lowered.get(replica, 0) > self._lowered.get(replica, 0)
            or any(giver == replica for giver, _ in _risen(other._passed, self._passed))
        )

    def _replicas(self) -> set[str]:
        return (
            self._raised.keys() | self._lowered.keys() | {r for pair in self._passed for r in pair}
        )

    def _under(self, limit_bytes: int) -> Iterator[Self]:
        return map(self._decoded, packed_items(self._encode(), limit_bytes))

    def _size(self) -> tuple[int, int]:
        return len(self._raised.keys() | self._lowered.keys()), 0


def _risen(theirs: Mapping[S, int], mine: Mapping[S, int]) -> dict[S, int]:
    """Return those tallies of theirs that are above mine."""
    return {slot: tally for slot, tally in theirs.items() if tally > mine.get(slot, 0)}
