"""What happens where two processes claim one name.

About a name of others: its holder is asked and has a moment to answer; if it does not, the claim
holds. About our own name: the process that was started later, by its incarnation, gives the name
up, so that both sides decide alike without asking anybody.
"""

from collections import OrderedDict
from dataclasses import dataclass

from crdtnode.wire.messages import MemberRecord

CONTEST_TIMEOUT = 0.5
"""Seconds that the holder of a name has to answer when another process claims it."""

RIVALS_MOST = 16
"""Processes remembered that bear our name; the one heard of longest ago is forgotten."""

NEVER = float("inf")


@dataclass(slots=True)
class _Contest:
    claim: MemberRecord
    until: float


class Contests:
    """Claims to names that others hold."""

    def __init__(self) -> None:
        self._running: dict[str, _Contest] = {}

    def begin(self, claim: MemberRecord, now: float) -> None:
        """Somebody claims a held name; the first claim to a name counts."""
        if claim.name not in self._running:
            self._running[claim.name] = _Contest(claim, now + CONTEST_TIMEOUT)

    def answered(self, name: str) -> None:
        """The holder lives: it keeps its name."""
        self._running.pop(name, None)

    @property
    def deadline(self) -> float:
        """When the next contest is over."""
        if not self._running:  # nearly always
            return NEVER
        return min(contest.until for contest in self._running.values())

    def wake(self, now: float) -> list[MemberRecord]:
        """Claims whose holder did not answer."""
        over = [name for name, contest in self._running.items() if contest.until <= now]
        return [self._running.pop(name).claim for name in over]

    def forgive(self, now: float) -> None:
        """We slept: holders may have answered meanwhile."""
        for contest in self._running.values():
            contest.until = now + CONTEST_TIMEOUT


class Rivals:
    """Other processes that bear our name."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, MemberRecord] = OrderedDict()

    def note(self, record: MemberRecord) -> bool:
        """Somebody told of one; True where it was not heard of before."""
        new = record.boot not in self._known
        self._known[record.boot] = record
        if len(self._known) > RIVALS_MOST:
            self._known.popitem(last=False)
        return new

    @property
    def any(self) -> bool:
        """True where there are some."""
        return bool(self._known)

    def get(self, boot: bytes) -> MemberRecord | None:
        """What is told of this process, where it is a rival."""
        return self._known.get(boot)

    def forget(self, boot: bytes) -> None:
        """This process bears another name now."""
        self._known.pop(boot, None)
