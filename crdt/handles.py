"""The seat of a child that lives in a map: it acts as the map, and the map hears of every change.

A child is a real object of its type. Its seat shows each delta to the observers of the child and
then, last, to the map, which offers and applies the change as its own; whoever refuses on the way
has refused all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crdt.clock import Clock
from crdt.seat import Observer, Seat

if TYPE_CHECKING:
    from crdt.native import Native


class ChildSeat(Seat):
    """The seat of a live child.

    Attributes:
        drawn: The id that the change under way was promised.
    """

    __slots__ = ("_relay", "_whole", "drawn")

    def __init__(self, whole: Native, relay: Observer) -> None:
        super().__init__()
        self._whole = whole
        self._relay = relay
        self.drawn: str | None = None
        self.observers = (relay,)
        self.bound = True

    @property
    def whole(self) -> Native:
        """What the child lives in."""
        return self._whole

    def copy(self) -> Seat | None:
        """Return the seat of a free copy: what the map's own copy would get."""
        return None if self._whole._seat is None else self._whole._seat.copy()

    def enter(self) -> None:
        """Keep the map listening in a forked child, too."""
        super().enter()
        self.bound = True
        self.observers = self.observers or (self._relay,)

    def observe(self, callback: Observer) -> Callable[[], None]:
        """Show deltas to ``callback``, before the map hears of them."""
        end = super().observe(callback)
        others = [one for one in self.observers if one is not self._relay]
        self.observers = (*others, self._relay)
        return end

    def check_idle(self) -> None:
        """Raise TypeError, because what lives in a map joins only with the map."""
        super().check_idle()
        raise TypeError("this object lives in a map: join the map, or put a state under its key")

    def check_free(self) -> None:
        """Raise RuntimeError if a node holds the map."""
        self._whole._own_seat().check_free()

    @property
    def replica(self) -> str | None:
        """The id of the map."""
        return self._whole.replica

    def take(self, replica: str | None) -> None:
        """Let the whole map act as ``replica``."""
        self._whole.replica = replica

    def bind(self, replica: str, spare: Callable[[], str] | None, clock: Clock | None) -> None:
        """Let the whole map act for a node."""
        self._whole.bind(replica, spare=spare, clock=clock)

    def forget(self) -> None:
        """Nothing: the id is the map's."""

    def candidate(self, shown: Any) -> str:
        """Return the id that the map would act as."""
        self.drawn = self._whole._candidate()
        return self.drawn

    def settle(self, replica: str) -> None:
        """Let the map keep the id."""
        self._whole._own_seat().settle(replica)

    def now(self) -> int:
        """Return the time by the map's clock."""
        return self._whole._own_seat().now()
