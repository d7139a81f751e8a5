"""Which of our writes other members hold: what ``flush`` waits for.

A batch is held by whoever acknowledges to keep it. What nobody was told, or too few acknowledged,
is held by whoever's root equals ours: by type, since roots are compared over those types only that
both know.
"""

from collections.abc import Collection
from dataclasses import field
from typing import TypeAlias

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.typesets import TypeSets
from crdtnode.values import struct

Open: TypeAlias = int | str
"""The id of a batch; or the tag of a type of which something was written that no batch holds."""

Holders: TypeAlias = set[bytes]
"""Boot ids."""


@struct
class _Batch:
    """A batch that somebody may still acknowledge."""

    tags: Collection[str]
    holders: Holders = field(default_factory=set)


@struct
class _Earlier:
    """What was written of one type and no batch under way holds."""

    fewest: int
    """Members that hold each part of it at least."""
    holders: Holders = field(default_factory=set)
    """Those of whom an equal root showed since that they hold all."""

    @property
    def held_by(self) -> int:
        """Members that hold all of it, as far as is known."""
        return max(self.fewest, len(self.holders))


@struct
class _Ticket:
    """Somebody waits until so many members hold all of this."""

    until: int
    waits_for: dict[Open, Holders]

    def hold(self, one: Open, holder: bytes) -> None:
        """A member holds this."""
        holders = self.waits_for.get(one)
        if holders is not None:
            holders.add(holder)
            if len(holders) >= self.until:
                del self.waits_for[one]


class Confirmations:
    """What is not confirmed yet, and the tickets that wait for it."""

    def __init__(self, members: Members, deliveries: Deliveries, typesets: TypeSets) -> None:
        self._members = members
        self._deliveries = deliveries
        self._typesets = typesets
        self._batches: dict[int, _Batch] = {}
        self._earlier: dict[str, _Earlier] = {}
        self.tickets: dict[int, _Ticket] = {}
        """What somebody waits for, by number."""
        self.later: dict[int, int] = {}
        """For how many others somebody waits, by number, for what is still to be flushed."""
        self._last = 0

    def sent(self, id_: int, tags: Collection[str]) -> None:
        """A batch with changes of these types was pushed to all members that there are."""
        if self._deliveries.waits(id_):
            self._batches[id_] = _Batch(tags)
            return
        for tag in tags:
            self.untold(tag)

    def untold(self, tag: str) -> None:
        """Something of this type was written that is not pushed."""
        self._earlier[tag] = _Earlier(0)

    def acknowledged(self, id_: int, holder: bytes) -> None:
        """A member holds this batch."""
        batch = self._batches.get(id_)
        if batch is not None:
            batch.holders.add(holder)
            for ticket in self.tickets.values():
                ticket.hold(id_, holder)

    def all_held(self, tags: Collection[str], holder: bytes) -> None:
        """A member's root over these types equals ours: of them it holds all that was flushed."""
        for tag, earlier in self._earlier.items():
            if tag in tags:
                earlier.holders.add(holder)
        for id_, batch in self._batches.items():
            if set(batch.tags) <= set(tags):
                self.acknowledged(id_, holder)
        for ticket in self.tickets.values():
            for tag in tags:
                ticket.hold(tag, holder)

    @property
    def open(self) -> bool:
        """True while nobody else is known to hold everything that was flushed."""
        told = all(earlier.held_by for earlier in self._earlier.values())
        return not (told and all(batch.holders for batch in self._batches.values()))

    @property
    def needs_root(self) -> bool:
        """True while some ticket can only be confirmed by equal roots."""
        if not self.tickets:  # asked after each packet
            return False
        tickets = self.tickets.values()
        return any(isinstance(one, str) for ticket in tickets for one in ticket.waits_for)

    def ticket(self, until: int = 1, *, later: bool = False) -> int:
        """A number for all that was flushed until now; `settle` says when so many hold it.

        Args:
            until: How many others shall hold it.
            later: Count what is flushed until the next `flushed`, too.
        """
        self._last += 1
        self.later[self._last] = until
        if not later:
            self.flushed()
        return self._last

    def flushed(self) -> None:
        """All that was written before tickets were asked for is flushed."""
        for number, until in self.later.items():
            self.tickets[number] = self._begun(until)
        self.later.clear()

    def _begun(self, until: int) -> _Ticket:
        waits_for: dict[Open, Holders] = {}
        for tag, earlier in self._earlier.items():
            if earlier.held_by < until:
                waits_for[tag] = set(earlier.holders)
        for id_, batch in self._batches.items():
            if len(batch.holders) < until:
                waits_for[id_] = set(batch.holders)
        return _Ticket(until, waits_for)

    def settle(self) -> list[Flushed]:
        """Tickets that are over: confirmed, or nobody is there who could hold what they are for."""
        for id_ in self._deliveries.over():
            self._end(id_)
        if not self.tickets:
            return []
        others = self._members.talking()
        over = [
            Flushed(number, members)
            for number, ticket in self.tickets.items()
            if (members := self._settled(ticket, others)) is not None
        ]
        for flushed in over:
            del self.tickets[flushed.ticket]
        return over

    def _settled(self, ticket: _Ticket, others: list[Member]) -> int | None:
        """How many hold what this ticket is for; None while more may."""
        waits_for = ticket.waits_for
        if not others or not self._can_be_held(waits_for, others):
            return 0
        held_by = min(map(len, waits_for.values()), default=ticket.until)
        enough = min(ticket.until, len(others))
        return enough if held_by >= enough else None

    def _can_be_held(self, waits_for: Collection[Open], others: list[Member]) -> bool:
        """False where some of it is of a type that none of the others knows."""
        tags = {one for one in waits_for if isinstance(one, str)}
        for member in others if tags else ():
            common = self._typesets.common(member)
            if common is None:
                return True  # its list is on its way
            tags -= common
        return not tags

    def _end(self, id_: int) -> None:
        """Nobody will acknowledge this batch any more: from now on roots have to do."""
        batch = self._batches.pop(id_, None)
        if batch is None:
            return
        for tag in batch.tags:
            before = self._earlier.get(tag)
            held_by = len(batch.holders)
            self._earlier[tag] = _Earlier(min(held_by, before.held_by) if before else held_by)
        for ticket in self.tickets.values():
            holders = ticket.waits_for.pop(id_, None)
            if holders is not None:
                for tag in batch.tags:
                    ticket.waits_for[tag] = ticket.waits_for.get(tag, holders) & holders
