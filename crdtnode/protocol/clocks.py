"""By which clock writes are stamped: ours, unless all others say that it is far ahead.

Nobody judges a stamp that arrives by its own clock, or equal histories would end in unequal states.
The guard stands at the source: each answer to a ping carries the wall clock of who sent it, and
with two or more live members a node stamps with the lesser of its own clock and their median plus
a minute. So a host whose clock is a year ahead does not win every last-writer-wins for a year.

*Theory of operation.* A wall clock is kept as what it showed when our monotonic clock was at 0.
Such numbers stay the same while both clocks run, so that they need not be measured often, and a
step of our own wall clock shows as the difference to what we noted when we looked last.
"""

from collections.abc import Callable
from typing import Final

from crdt.clock import MS_LIMIT
from crdtnode.protocol.effects import Event
from crdtnode.protocol.member import Member
from crdtnode.protocol.members import Members
from crdtnode.wire.messages import State

AHEAD_MOST_MS: Final = 60_000
"""How far ahead of the others' median our stamps may be."""

OTHERS_LEAST: Final = 2
"""With fewer members to compare with, nobody can say whose clock is wrong."""


class Clocks:
    """The wall clocks of this node and of the members.

    Args:
        members: Who is here.
        own: This host's wall clock, whole milliseconds since 1970.
    """

    def __init__(self, members: Members, own: Callable[[], int]) -> None:
        self._own = own
        self._members = members
        self._looked = 0.0
        """What our wall clock showed at 0 of the monotonic one, when we looked last."""
        self._limit: float | None = None
        """What it may show there; None where there is nobody to compare with."""
        self._stale = False
        self._told = False

    def heard(self, member: Member, shown_ms: int, now: float) -> list[Event]:
        """A member answered, and said what its wall clock shows."""
        member.clock_ms = shown_ms + 500 * (member.rtt or 0.0) - 1000 * now
        self._looked = self._own() - 1000 * now
        self._stale = True
        behind = member.clock_ms < self._looked - AHEAD_MOST_MS
        # All others are asked only where this one might be in the majority: there may be many.
        ahead = (behind or self._told) and self.held_ms > 0
        news = ahead and not self._told
        self._told = ahead
        return [Event("clock-ahead", {"held_ms": self.held_ms})] if news else []

    @property
    def shown(self) -> int:
        """Our wall clock as others are told of it: past the last stamp it shows that one.

        They would refuse more, and with it the answer that it comes in.
        """
        return min(self._own(), MS_LIMIT - 1)

    def stamp(self) -> int:
        """Whole milliseconds since 1970, for the stamp of a write."""
        own = self._own()
        limit = self._most()
        return own if limit is None else min(own, int(own - self._looked + limit))

    @property
    def held_ms(self) -> int:
        """By how much stamps are held back, milliseconds; 0 while our own clock counts."""
        limit = self._most()
        return 0 if limit is None else max(0, int(self._looked - limit))

    def _most(self) -> float | None:
        if self._stale:
            self._stale = False
            shown = [m.clock_ms for m in self._members.others(State.ALIVE)]
            known = [clock for clock in shown if clock is not None]
            few = len(known) < OTHERS_LEAST
            self._limit = None if few else sorted(known)[len(known) // 2] + AHEAD_MOST_MS
        return self._limit
