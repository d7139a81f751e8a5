"""What will happen, in order: one heap of moments, each a whole number of nanoseconds.

Rule of this file: no two events share a moment. Who comes first is then decided by time alone,
never by the order of insertion, so that every engine that runs a plan runs it alike.
"""

from collections.abc import Callable
from heapq import heappop, heappush

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

Act = Callable[[int], None]
"""Something that happens; it is told its moment."""


def nanoseconds(seconds: float) -> int:
    """The moment nearest to this many seconds."""
    return round(seconds * SECOND)


def no_earlier(seconds: float) -> int:
    """The first moment that is not before ``seconds``, when read as float seconds again."""
    moment = int(seconds * SECOND)
    while moment / SECOND < seconds:
        moment += 1
    return moment


class Agenda:
    """Events to come, each at its own moment.

    Attributes:
        now: The moment of the event that is happening, in nanoseconds since the start.
        happened: Number of events so far.
        halted: Whoever sets it ends `hurry` after the event that is happening.
    """

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._acts: dict[int, Act] = {}
        self.now = 0
        self.happened = 0
        self.halted = False

    def at(self, moment: int, act: Act) -> int:
        """Let ``act`` happen at the first free moment from ``moment`` on; return that moment.

        What is asked for in the past happens as soon as possible.
        """
        if moment <= self.now:
            moment = self.now + 1
        acts = self._acts
        while moment in acts:
            moment += 1
        acts[moment] = act
        heappush(self._moments, moment)
        return moment

    @property
    def waiting(self) -> int:
        """Number of events to come."""
        return len(self._moments)

    def hurry(self, until: int, most: int) -> bool:
        """Let so many events happen; False if there are less up to and including ``until``.

        In that case the time is ``until`` from now on, unless somebody halted it.
        """
        moments, acts = self._moments, self._acts
        left = most
        while left and moments and moments[0] <= until:
            left -= 1
            self.now = moment = heappop(moments)
            acts.pop(moment)(moment)
            if self.halted:
                break
        self.happened += most - left
        if left and not self.halted:
            self.now = max(self.now, until)
        return not left

    def run(self, until: int) -> bool:
        """Let the next event happen, as `hurry` does."""
        return self.hurry(until, 1)
