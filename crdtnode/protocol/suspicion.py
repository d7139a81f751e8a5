"""Suspects, and how long each has to refute before it is held for dead.

While a suspicion runs the suspect is told of it again and again, by everybody who holds it, since
only the suspect itself can end it for all. Source: SWIM, section 4.2; Lifeguard (Dadgar, Phillips,
Currey 2018) for telling the suspect.
"""

from crdtnode.protocol.health import Health
from crdtnode.protocol.members import Member
from crdtnode.values import struct

TELLING = 0.2
"""Seconds between two pings to a suspect."""

TELLERS = 10
"""Members that tell a suspect at that pace; where more hold the suspicion, each slows down."""


@struct
class _Suspicion:
    member: Member
    since: float
    until: float
    tell_at: float
    ours: bool


class Suspicions:
    """The suspects of this node."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self.running: dict[bytes, _Suspicion] = {}
        """By boot id."""

    def begin(self, member: Member, period: float, now: float, *, ours: bool) -> None:
        """Suspect a member for so many seconds; of our own verdicts the latest counts.

        The seconds run from the first suspicion on, or probes that go on finding nobody would
        put off the end for ever.
        """
        running = self.running.get(member.boot)
        if running is None:
            self.running[member.boot] = _Suspicion(member, now, now + period, now, ours)
        elif ours:
            running.until, running.ours = running.since + period, True

    def hasten(self, member: Member, period: float) -> None:
        """Somebody holds this suspect for dead already: leave it only so many seconds."""
        running = self.running.get(member.boot)
        if running is not None:
            running.until = min(running.until, running.since + period)

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
        due = float("inf")
        for suspicion in self.running.values():
            due = min(due, suspicion.until, suspicion.tell_at)
        return due

    def wake(self, now: float, size: int) -> tuple[list[Member], list[tuple[Member, bool]]]:
        """Whom to tell, and who is out of time, with whether we began the suspicion.

        Args:
            now: Monotonic time.
            size: Members in the cluster.
        """
        for suspicion in self.running.values():
            suspicion.until = self._health.put_off(suspicion.until, now)
        out_of_time = [s for s in self.running.values() if s.until <= now]
        for suspicion in out_of_time:
            del self.running[suspicion.member.boot]
        told: list[Member] = []
        for suspicion in self.running.values():
            if suspicion.tell_at <= now:
                suspicion.tell_at = now + TELLING * max(1.0, size / TELLERS)
                told.append(suspicion.member)
        return told, [(s.member, s.ours) for s in out_of_time]
