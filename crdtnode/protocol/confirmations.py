"""Which of our writes another member holds: what ``flush`` waits for.

A batch is confirmed by the first member that acknowledges to keep it. What nobody was told, or
nobody acknowledged, is confirmed by the first member whose root equals ours: by type, since roots
are compared over those types only that both know.
"""

from collections.abc import Collection
from typing import TypeAlias

from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.typesets import TypeSets

Open: TypeAlias = int | str
"""The id of a batch; or the tag of a type of which something was written that no batch holds."""


class Confirmations:
    """What is not confirmed yet, and the tickets that wait for it."""

    def __init__(self, members: Members, deliveries: Deliveries, typesets: TypeSets) -> None:
        self._members = members
        self._deliveries = deliveries
        self._typesets = typesets
        self._batches: dict[int, Collection[str]] = {}
        self._untold: set[str] = set()
        self._tickets: dict[int, set[Open]] = {}
        self._last = 0

    def sent(self, id_: int, tags: Collection[str]) -> None:
        """A batch with changes of these types was pushed to all members that there are."""
        if self._deliveries.waits(id_):
            self._batches[id_] = tags
        else:
            self._untold.update(tags)

    def untold(self, tag: str) -> None:
        """Something of this type was written that is not pushed."""
        self._untold.add(tag)

    def acknowledged(self, id_: int) -> None:
        """A member holds this batch."""
        if self._batches.pop(id_, None) is not None:
            for waits_for in self._tickets.values():
                waits_for.discard(id_)

    def all_held(self, tags: Collection[str]) -> None:
        """A member's root over these types equals ours: of them it holds all that was flushed."""
        self._untold.difference_update(tags)
        for id_, needed in list(self._batches.items()):
            if set(needed) <= set(tags):
                self.acknowledged(id_)
        for waits_for in self._tickets.values():
            waits_for.difference_update(tags)

    @property
    def open(self) -> bool:
        """True while nobody else is known to hold everything that was flushed."""
        return bool(self._untold or self._batches)

    @property
    def needs_root(self) -> bool:
        """True while some ticket can only be confirmed by an equal root."""
        return any(isinstance(one, str) for waits in self._tickets.values() for one in waits)

    def ticket(self) -> int:
        """A number for all that was flushed until now; `settle` says when it is confirmed."""
        self._last += 1
        self._tickets[self._last] = {*self._untold, *self._batches}
        return self._last

    def settle(self) -> list[Flushed]:
        """Tickets that are over: confirmed, or nobody is there who could hold what they are for."""
        for id_ in self._deliveries.over():
            self._lose(id_)
        if not self._tickets:
            return []
        others = self._members.talking()
        over: list[Flushed] = []
        for ticket, waits_for in self._tickets.items():
            if not others or not self._can_be_held(waits_for, others):
                over.append(Flushed(ticket, 0))
            elif not waits_for:
                over.append(Flushed(ticket, 1))
        for flushed in over:
            del self._tickets[flushed.ticket]
        return over

    def _can_be_held(self, waits_for: set[Open], others: list[Member]) -> bool:
        """False where some of it is of a type that none of the others knows."""
        tags = {one for one in waits_for if isinstance(one, str)}
        for member in others if tags else ():
            common = self._typesets.common(member)
            if common is None:
                return True  # its list is on its way
            tags -= common
        return not tags

    def _lose(self, id_: int) -> None:
        """Nobody will acknowledge this batch any more: if it matters still, roots have to do."""
        tags = self._batches.pop(id_, ())
        self._untold.update(tags)
        for waits_for in self._tickets.values():
            if id_ in waits_for:
                waits_for.remove(id_)
                waits_for.update(tags)
