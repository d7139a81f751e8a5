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
        self._rest: list[Callable[[], None]] = []
        """What belongs to the event that is happening, and comes last."""
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

    def then(self, act: Callable[[], None]) -> None:
        """Let ``act`` be the last part of the event that is happening, behind all that asked before."""
        self._rest.append(act)

    @property
    def waiting(self) -> int:
        """Number of events to come."""
        return len(self._moments)

    def hurry(self, until: int, most: int) -> bool:
        """Do what as many calls of `run` do; False where there is nothing left, or it was halted."""
        moments, acts, rest = self._moments, self._acts, self._rest
        for _ in range(most):
            if not moments or moments[0] > until:
                self.now = max(self.now, until)
                return False
            self.now = moment = heappop(moments)
            self.happened += 1
            acts.pop(moment)(moment)
            if rest:
                self._finish()
            if self.halted:
                return False
        return True

    def run(self, until: int) -> bool:
        """Let the next event happen; False if there is none up to and including ``until``.

        In that case the time is ``until`` from now on.
        """
        moments = self._moments
        if not moments or moments[0] > until:
            self.now = max(self.now, until)
            return False
        self.now = moment = heappop(moments)
        self.happened += 1
        self._acts.pop(moment)(moment)
        self._finish()
        return True

    def _finish(self) -> None:
        rest = self._rest
        while rest:
            rest.pop(0)()
