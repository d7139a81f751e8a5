"""Announces us to whoever listens on this network, so that nodes meet without being told where.

An announcement is a greeting to a multicast address: only who has the cluster's key can open it,
and nothing that it says is used. Whoever hears it and does not know us asks for a proof, as of any
greeting, and then lists are exchanged.
"""

from collections.abc import Callable
import random

from crdtnode.protocol.effects import Address
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Members
from crdtnode.wire.messages import NOBODY, Hello

FIRST = 0.25
"""Seconds between the first two announcements; each further pause is twice as long."""

ALONE_MOST = 5.0
"""Most seconds between two announcements while we know nobody."""

TOGETHER_MOST = 60.0
"""The same once we know somebody: for those whose announcements nobody hears."""

NEVER = float("inf")


class Discovery:
    """When to announce us; never where ``group`` is None."""

    def __init__(
        self,
        members: Members,
        greet: Callable[[], Hello],
        group: Address | None,
        chance: random.Random,
    ) -> None:
        self._members = members
        self._greet = greet
        self._group = group
        self._chance = chance
        self._pause = FIRST
        self.deadline = NEVER
        """When the next announcement is due."""

    def start(self, now: float) -> None:
        """Announce us now, and again and again."""
        if self._group is not None:
            self.deadline = now

    def wake(self, now: float) -> list[Send]:
        """Announce us, if that is due."""
        if self._group is None or self.deadline > now:
            return []
        most = ALONE_MOST if self._members.alone else TOGETHER_MOST
        self._pause = min(self._pause, most)
        self.deadline = now + self._pause * self._chance.uniform(0.75, 1.25)
        self._pause *= 2
        return [Send(NOBODY, self._group, self._greet())]
