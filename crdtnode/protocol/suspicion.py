"""Suspects, and how long each has to refute before it is held for dead.

While a suspicion runs the suspect is told of it again and again, by everybody who holds it, since
only the suspect itself can end it for all. The first to tell is who began it; the others take turns,
and slow down where many hold it, or where one holds many: a node that is cut off suspects nearly
everybody. Source: SWIM, section 4.2; Lifeguard (Dadgar, Phillips, Currey 2018) for telling the suspect.
"""

import heapq
import random

from crdtnode.protocol.health import Health
from crdtnode.protocol.members import Member
from crdtnode.values import struct

TELLING = 0.2
"""Seconds between two pings to a suspect."""

TELLERS = 10
"""Members that tell a suspect at that pace; where more hold the suspicion, each slows down."""

SUSPECTS = 8
"""Suspects that a member tells at that pace; where it has more, it tells each less often."""


@struct
class _Suspicion:
    member: Member
    since: float
    until: float
    tell_at: float
    ours: bool
    turn: bool
    """Whether it is our turn to tell: at first only that of who began it."""

    @property
    def due(self) -> float:
        return min(self.until, self.tell_at)


class Suspicions:
    """The suspects of this node.

    Args:
        health: Our own.
        chance: Says when it is our turn.
    """

    def __init__(self, health: Health, chance: random.Random) -> None:
        self._health = health
        self._chance = chance
        self.running: dict[bytes, _Suspicion] = {}
        """By boot id."""
        self._queue: list[tuple[float, bytes]] = []
        """When to look at whom: a heap; who is not due then is looked at later, or no more."""

    def begin(self, member: Member, period: float, now: float, *, ours: bool) -> None:
        """Suspect a member for so many seconds; of our own verdicts the latest counts.

        The seconds run from the first suspicion on, or probes that go on finding nobody would
        put off the end for ever.
        """
        running = self.running.get(member.boot)
        if running is None:
            running = _Suspicion(member, now, now + period, now, ours, ours)
            self.running[member.boot] = running
        elif ours:
            running.until, running.ours = running.since + period, True
        self._look_again(running)

    def hasten(self, member: Member, period: float) -> None:
        """Somebody holds this suspect for dead already: tell it, and leave it only so many seconds."""
        running = self.running.get(member.boot)
        if running is not None:
            running.until = min(running.until, running.since + period)
            running.turn = True
            self._look_again(running)

    def _look_again(self, suspicion: _Suspicion) -> None:
        heapq.heappush(self._queue, (suspicion.due, suspicion.member.boot))

    def end(self, boot: bytes) -> None:
        """The suspect refuted, died or left."""
        self.running.pop(boot, None)

    def forgive(self) -> list[Member]:
        """End all suspicions; gives those who were suspects."""
        members = [suspicion.member for suspicion in self.running.values()]
        self.running.clear()
        return members

    @property
    def deadline(self) -> float:
        """When the next suspect is to be told, or is out of time."""
        while self._queue:
            at, boot = self._queue[0]
            suspicion = self.running.get(boot)
            if suspicion is not None and suspicion.due == at:
                return at
            heapq.heappop(self._queue)
        return float("inf")

    def wake(self, now: float, size: int) -> tuple[list[Member], list[tuple[Member, bool]]]:
        """Whom to tell, and who is out of time, with whether we began the suspicion.

        Args:
            now: Monotonic time.
            size: Members in the cluster.
        """
        told: list[Member] = []
        out_of_time: list[tuple[Member, bool]] = []
        while self.deadline <= now:
            suspicion = self.running[heapq.heappop(self._queue)[1]]
            suspicion.until = self._health.put_off(suspicion.until, now)
            if suspicion.until <= now:
                del self.running[suspicion.member.boot]
                out_of_time.append((suspicion.member, suspicion.ours))
                continue
            if suspicion.tell_at <= now:
                pause = self._pause(size)
                if suspicion.turn:
                    told.append(suspicion.member)
                else:
                    suspicion.turn, pause = True, pause * self._chance.random()
                suspicion.tell_at = now + pause
            self._look_again(suspicion)
        return told, out_of_time

    def _pause(self, size: int) -> float:
        """Seconds until we tell the same suspect again."""
        return TELLING * max(1.0, size / TELLERS) * max(1.0, len(self.running) / SUSPECTS)
