"""Which of our writes another member holds: what ``flush`` waits for.

A batch is confirmed by the first member that acknowledges it. A batch that nobody was told about,
or that nobody acknowledged, is confirmed by the first member whose root equals ours.
"""

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.members import Members


class Confirmations:
    """Batches not confirmed yet, and the tickets that wait for them."""

    def __init__(self, members: Members, deliveries: Deliveries) -> None:
        self._members = members
        self._deliveries = deliveries
        self._unconfirmed: set[int] = set()
        self._untold = False
        self._tickets: dict[int, set[int] | None] = {}
        self._last = 0

    def sent(self, id_: int) -> None:
        """A batch was pushed to all members that there are."""
        if self._deliveries.waits(id_):
            self._unconfirmed.add(id_)
        else:
            self._untold = True

    def untold(self) -> None:
        """Something was written that is not pushed."""
        self._untold = True

    def acknowledged(self, id_: int) -> None:
        """A member holds this batch."""
        self._unconfirmed.discard(id_)
        for waits_for in self._tickets.values():
            if waits_for is not None:
                waits_for.discard(id_)

    def all_held(self) -> None:
        """A member's root equals ours: it holds everything that was flushed."""
        self._unconfirmed.clear()
        self._untold = False
        for ticket in self._tickets:
            self._tickets[ticket] = set()

    @property
    def open(self) -> bool:
        """True while nobody else is known to hold everything that was flushed."""
        return self._untold or bool(self._unconfirmed)

    @property
    def needs_root(self) -> bool:
        """True while some ticket can only be confirmed by an equal root."""
        return None in self._tickets.values()

    def ticket(self) -> int:
        """A number for all that was flushed until now; `settle` says when it is confirmed."""
        self._last += 1
        self._tickets[self._last] = None if self._untold else set(self._unconfirmed)
        return self._last

    def settle(self) -> list[Flushed]:
        """Tickets that are over: confirmed, or nobody is there to confirm them."""
        self._count_lost()
        if not self._tickets:
            return []
        if not self._members.talking():
            over = [Flushed(ticket, 0) for ticket in self._tickets]
            self._tickets.clear()
            return over
        done = [ticket for ticket, waits_for in self._tickets.items() if waits_for == set()]
        for ticket in done:
            del self._tickets[ticket]
        return [Flushed(ticket, 1) for ticket in done]

    def _count_lost(self) -> None:
        lost = self._unconfirmed.intersection(self._deliveries.given_up())
        if not lost:
            return
        self._untold = True
        self._unconfirmed -= lost
        for ticket, waits_for in self._tickets.items():
            if waits_for is not None and not waits_for.isdisjoint(lost):
                self._tickets[ticket] = None
