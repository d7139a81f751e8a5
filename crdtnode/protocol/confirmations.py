"""Which of our writes another member holds: what ``flush`` waits for.

A batch is confirmed by the first member that acknowledges it. A batch that nobody was told about,
or that nobody acknowledged, is confirmed by the first member whose root equals ours.
"""

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed


class Confirmations:
    """Batches not confirmed yet, and the tickets that wait for them."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._unconfirmed: set[int] = set()
        self._untold = False
        self._tickets: dict[int, set[int] | None] = {}
        self._last = 0

    def sent(self, id_: int, receivers: int) -> None:
        """A batch was pushed to so many members."""
        if receivers:
            self._unconfirmed.add(id_)
        else:
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
    def needs_root(self) -> bool:
        """True while some ticket can only be confirmed by an equal root."""
        return None in self._tickets.values()

    def ticket(self) -> int:
        """A number for all that was flushed until now; `settle` says when it is confirmed."""
        self._last += 1
        self._tickets[self._last] = None if self._untold else set(self._unconfirmed)
        return self._last

    def settle(self, talking: int) -> list[Flushed]:
        """Tickets that are over: confirmed, or nobody is there to confirm them."""
        if not self._tickets:
            return []
        if not talking:
            over = [Flushed(ticket, 0) for ticket in self._tickets]
            self._tickets.clear()
            self._untold = self._untold or bool(self._unconfirmed)
            self._unconfirmed.clear()
            return over
        lost = [id_ for id_ in self._unconfirmed if not self._deliveries.waits(id_)]
        if lost:
            self._untold = True
            self._unconfirmed.difference_update(lost)
            for ticket, waits_for in self._tickets.items():
                if waits_for is not None and not waits_for.isdisjoint(lost):
                    self._tickets[ticket] = None
        done = [ticket for ticket, waits_for in self._tickets.items() if waits_for == set()]
        for ticket in done:
            del self._tickets[ticket]
        return [Flushed(ticket, 1) for ticket in done]
