"""What happens where two processes claim one name.

About a name of others: its holder is asked and has a moment to answer; if it does not, the claim
holds. About our own name: the process that was started later, by its incarnation, gives the name
up, so that both sides decide alike without asking anybody.
"""

from collections import OrderedDict

from crdtnode.values import struct
from crdtnode.wire.messages import MemberRecord

CONTEST_TIMEOUT = 0.5
"""Seconds that the holder of a name has to answer when another process claims it."""

RIVALS_MOST = 16
"""Processes remembered that bear our name; the one heard of longest ago is forgotten."""


@struct
class _Contest:
    claim: MemberRecord
    until: float


class Contests:
    """Claims to names that others hold."""

    def __init__(self) -> None:
        self.running: dict[str, _Contest] = {}
        """By name."""

    def begin(self, claim: MemberRecord, now: float) -> None:
        """Somebody claims a held name; the first claim to a name counts."""
        if claim.name not in self.running:
            self.running[claim.name] = _Contest(claim, now + CONTEST_TIMEOUT)

    def answered(self, name: str) -> None:
        """The holder lives: it keeps its name."""
        self.running.pop(name, None)

    @property
    def deadline(self) -> float:
        """When the next contest is over."""
        return min((contest.until for contest in self.running.values()), default=float("inf"))

    def wake(self, now: float) -> list[MemberRecord]:
        """Claims whose holder did not answer."""
        over = [name for name, contest in self.running.items() if contest.until <= now]
        return [self.running.pop(name).claim for name in over]

    def forgive(self, now: float) -> None:
        """We slept: holders may have answered meanwhile."""
        for contest in self.running.values():
            contest.until = now + CONTEST_TIMEOUT


class Rivals:
    """Other processes that bear our name."""

    def __init__(self) -> None:
        self.known: OrderedDict[bytes, MemberRecord] = OrderedDict()
        """What is told of each, by boot id."""

    def note(self, record: MemberRecord) -> bool:
        """Somebody told of one; True where it was not heard of before."""
        new = record.boot not in self.known
        self.known[record.boot] = record
        if len(self.known) > RIVALS_MOST:
            self.known.popitem(last=False)
        return new

    def forget(self, boot: bytes) -> None:
        """This process bears another name now."""
        self.known.pop(boot, None)
