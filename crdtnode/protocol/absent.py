"""Members that are gone: the dead are greeted now and then, and all are forgotten after a day.

A dead member may only have been cut off. As long as there is one, a greeting a second goes to one
of them, by which the halves of a split cluster find each other, however long they were apart; who
has been away for an hour, or a day, is greeted less often. Where a forgotten one lived is kept as
a seed.
"""

from collections.abc import Callable
import random

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Heard, Members
from crdtnode.wire.messages import NOBODY, Hello, State

DEAD_ASKED = 1.0
"""Seconds between two greetings to members that are held for dead."""

SELDOM = ((86_400.0, 60.0), (3_600.0, 10.0))
"""(age, seconds): so long after the last one died, or a seed was reached, greetings are rarer."""

NEVER = float("inf")


def patience(age: float, usual: float) -> float:
    """Seconds between two tries to reach somebody who has been away for so long."""
    return max(usual, next((pause for since, pause in SELDOM if age >= since), usual))


class Absent:
    """Who is dead or left, and when to look at them."""

    def __init__(
        self,
        members: Members,
        greet: Callable[[], Hello],
        settings: Settings,
        chance: random.Random,
    ) -> None:
        self._members = members
        self._greet = greet
        self._forgotten = settings.member_forgotten
        self._chance = chance
        self.deadline = NEVER
        """When to look at them."""

    def lost(self, now: float) -> None:
        """Somebody died or left just now."""
        self.deadline = min(self.deadline, now + DEAD_ASKED)

    def wake(self, now: float) -> tuple[list[Send], Heard]:
        """Greet one of the dead, and forget who has been gone for long."""
        if self.deadline > now:
            return [], Heard()
        gone = self._members.others(State.DEAD, State.LEFT)
        aged = [
            m
            for m in gone
            if m.since + self._forgotten <= now or self._members.forgotten(m.boot, now)
        ]
        heard = self._members.forget(aged)
        dead = [m for m in gone if m.state is State.DEAD and m not in aged]
        if dead:
            freshest = max(m.since for m in dead)
            self.deadline = now + patience(now - freshest, DEAD_ASKED)
            return [Send(NOBODY, self._chance.choice(dead).address, self._greet())], heard
        left = (m.since + self._forgotten for m in gone if m not in aged)
        self.deadline = min(left, default=NEVER)
        return [], heard
