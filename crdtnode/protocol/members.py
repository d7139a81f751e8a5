"""The members of the cluster, and which news of them wins.

News is a `MemberRecord`. For one process (a boot id) the higher incarnation wins, and at equal
incarnation the worse state: alive, suspect, dead, left. Only a member itself raises its
incarnation, by refuting what is said of it, so that a late rumour cannot outlive the truth.
Source: SWIM (Das, Gupta, Motivala 2002), section 4.2.

*Theory of operation.* A name belongs to one process at a time. A new boot id takes a known name
at once where the old process cannot be alive (same address, or known dead or left); otherwise the
old one is asked and has `contest_timeout` to answer. If it answers, it keeps the name, and the
newcomer, which hears of it, goes on under another one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
import hashlib

from crdtnode.protocol.effects import Address
from crdtnode.wire.messages import MemberRecord, State

MEMBERS_MOST = 10_000
"""Members kept; news of further ones is dropped, so that a list of a million names costs nothing."""

CONTEST_TIMEOUT = 0.5
"""Seconds that the holder of a name has to answer when another process claims it."""


@dataclass(slots=True)
class Member:
    """What is known of one member. Times are on the monotonic clock of this process."""

    name: str
    boot: bytes
    incarnation: int
    state: State
    addresses: tuple[Address, ...]
    types: int
    protocol: int
    tags: dict[str, str]
    since: float
    """When it got into this state."""
    root: int | None = None
    """The last root that it told."""
    rtt: float | None = None
    """Smoothed round trip, seconds."""
    rtt_varies: float = 0.0
    """Smoothed deviation of the round trip, seconds."""

    @property
    def address(self) -> Address:
        """Where to send."""
        return self.addresses[0]

    @property
    def talks(self) -> bool:
        """True while messages to it make sense: alive or suspect."""
        return self.state <= State.SUSPECT

    def record(self) -> MemberRecord:
        """This member as news."""
        return MemberRecord(
            name=self.name,
            boot=self.boot,
            incarnation=self.incarnation,
            state=self.state,
            addresses=self.addresses,
            types=self.types,
            protocol=self.protocol,
            tags=self.tags,
        )

    def measured(self, rtt: float) -> None:
        """Take one round trip into the averages. Source: RFC 6298, section 2."""
        if self.rtt is None:
            self.rtt, self.rtt_varies = rtt, rtt / 2
            return
        self.rtt_varies += (abs(rtt - self.rtt) - self.rtt_varies) / 4
        self.rtt += (rtt - self.rtt) / 8


@dataclass(slots=True)
class Heard:
    """What one piece of news did."""

    changed: list[Member] = field(default_factory=list)
    """Members whose record is new: to be told to others."""
    refute: bool = False
    """It was about us, and wrong or outdated: our incarnation is above it now."""
    returned: list[Member] = field(default_factory=list)
    """Members that were held for dead, and are not."""
    ask: list[MemberRecord] = field(default_factory=list)
    """Processes to ask whether they are alive, since two claim one name."""


@dataclass(slots=True)
class _Contest:
    claim: MemberRecord
    until: float


class Members:
    """All members by name, this process included."""

    def __init__(self, me: Member) -> None:
        self.me = me
        self._by_name: dict[str, Member] = {me.name: me}
        self._by_boot: dict[bytes, Member] = {me.boot: me}
        self._contests: dict[str, _Contest] = {}
        self._rivals: dict[bytes, MemberRecord] = {}
        self._roster: int | None = None

    def __iter__(self) -> Iterator[Member]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Member | None:
        """The member of this name."""
        return self._by_name.get(name)

    def booted(self, boot: bytes) -> Member | None:
        """The member that is this process."""
        return self._by_boot.get(boot)

    def others(self, *states: State) -> list[Member]:
        """All members in one of these states but us."""
        return [m for m in self._by_name.values() if m.state in states and m is not self.me]

    def talking(self) -> list[Member]:
        """All others that are alive or suspect."""
        return [m for m in self._by_name.values() if m.talks and m is not self.me]

    @property
    def roster(self) -> int:
        """A 64-bit digest of who is here; suspicion, which passes, does not count."""
        if self._roster is None:
            self._roster = 0
            for m in self._by_name.values():
                settled = State.ALIVE if m.state is State.SUSPECT else m.state
                text = f"{m.name}\0{m.boot.hex()}\0{m.incarnation}\0{settled:d}"
                digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
                self._roster ^= int.from_bytes(digest, "big")
        return self._roster

    def records(self) -> tuple[MemberRecord, ...]:
        """All members as news."""
        return tuple(m.record() for m in self._by_name.values())

    # What others say

    def hear(self, record: MemberRecord, now: float) -> Heard:
        """Take one piece of news, and say what it did."""
        if record.boot == self.me.boot:
            return self._hear_of_us(record)
        if record.name == self.me.name:
            return self._hear_of_namesake(record)
        known = self._by_name.get(record.name)
        if known is None:
            return self._welcome(record, now)
        if known.boot == record.boot:
            return self._compare(known, record, now)
        return self._succeed(known, record, now)

    def _hear_of_us(self, record: MemberRecord) -> Heard:
        me = self.me
        if me.state is State.LEFT or record.name != me.name:
            return Heard()  # an echo of what we were called before, or of our leave
        outdated = record.incarnation > me.incarnation
        slander = record.state != State.ALIVE and record.incarnation == me.incarnation
        if not (outdated or slander):
            return Heard()
        return self.raise_incarnation(record.incarnation)

    def raise_incarnation(self, above: int) -> Heard:
        """Announce ourselves anew, above an incarnation that somebody spoke of."""
        self.me.incarnation = max(self.me.incarnation, above) + 1
        self._roster = None
        return Heard(changed=[self.me], refute=True)

    def _hear_of_namesake(self, record: MemberRecord) -> Heard:
        gone = record.state >= State.DEAD
        if gone or record.addresses == self.me.addresses:
            # Our own process of before: it cannot live beside us, we only have to stand above it.
            if record.incarnation >= self.me.incarnation:
                return self.raise_incarnation(record.incarnation)
            return Heard()
        if len(self._rivals) < 16:
            self._rivals[record.boot] = record
        return Heard(ask=[record])

    def _welcome(self, record: MemberRecord, now: float) -> Heard:
        if len(self._by_name) >= MEMBERS_MOST:
            return Heard()
        before = self._by_boot.get(record.boot)
        if before is not None:  # the same process under another name: it lost a contest
            if record.incarnation <= before.incarnation:
                return Heard()
            del self._by_name[before.name]
        return Heard(changed=[self._enter(record, now)])

    def _enter(self, record: MemberRecord, now: float) -> Member:
        member = Member(
            name=record.name,
            boot=record.boot,
            incarnation=record.incarnation,
            state=State(record.state),
            addresses=record.addresses,
            types=record.types,
            protocol=record.protocol,
            tags=dict(record.tags),
            since=now,
        )
        self._by_name[member.name] = member
        self._by_boot[member.boot] = member
        self._roster = None
        return member

    def _compare(self, known: Member, record: MemberRecord, now: float) -> Heard:
        state = State(record.state)
        newer = record.incarnation > known.incarnation
        if newer and known.talks and state in (State.SUSPECT, State.DEAD):
            # Such news counts only up to the incarnation that the member itself announced: a
            # higher one is no more than a reason to ask it.
            return Heard(ask=[known.record()])
        if state is State.DEAD and known.state is State.ALIVE:
            # Somebody who was cut off from it may say so after a heal: it gets a chance to refute.
            state = State.SUSPECT
        worse = record.incarnation == known.incarnation and state > known.state
        if not (newer or worse):
            return Heard()
        if newer:
            known.addresses, known.types = record.addresses, record.types
            known.protocol, known.tags = record.protocol, dict(record.tags)
        known.incarnation = record.incarnation
        returned = [known] if known.state >= State.DEAD and state is State.ALIVE else []
        self._settle(known, state, now)
        return Heard(changed=[known], returned=returned)

    def _succeed(self, known: Member, record: MemberRecord, now: float) -> Heard:
        """Another process claims the name of a known one."""
        if record.state >= State.DEAD:
            return Heard()  # a former holder of the name
        same_place = record.addresses == known.addresses
        if same_place and record.incarnation < known.incarnation:
            return Heard()  # an old process that was replaced where it stood
        if same_place or not known.talks:
            return self._replace(known, record, now)
        if known.name not in self._contests:
            self._contests[known.name] = _Contest(record, now + CONTEST_TIMEOUT)
        return Heard(ask=[known.record()])

    def _replace(self, known: Member, record: MemberRecord, now: float) -> Heard:
        del self._by_name[known.name]
        del self._by_boot[known.boot]
        return Heard(changed=[self._enter(record, now)])

    # What we find out ourselves

    def judge(self, member: Member, state: State, now: float) -> None:
        """Hold a member for alive, suspect or dead, at its incarnation."""
        self._settle(member, state, now)

    def _settle(self, member: Member, state: State, now: float) -> None:
        if member.state is not state:
            member.state, member.since = state, now
        self._roster = None

    def sign_of_life(self, boot: bytes) -> Member | None:
        """An authentic packet came from this process; gives the member that it is."""
        member = self._by_boot.get(boot)
        if member is not None and member.name in self._contests:
            del self._contests[member.name]
        return member

    def rival(self, boot: bytes) -> bool:
        """True where this process bears our name, is alive and was here before us."""
        record = self._rivals.pop(boot, None)
        if record is None:
            return False
        return (record.incarnation, record.boot) < (self.me.incarnation, self.me.boot)

    def rename(self) -> str:
        """Give up our name to its older holder, and go on as ``name~xxxx``."""
        me = self.me
        del self._by_name[me.name]
        me.name = f"{me.name.partition('~')[0][:240]}~{me.boot.hex()[:4]}"
        me.incarnation += 1
        self._by_name[me.name] = me
        self._roster = None
        return me.name

    # Time

    @property
    def deadline(self) -> float:
        """When a contest for a name is over."""
        return min((c.until for c in self._contests.values()), default=float("inf"))

    def wake(self, now: float) -> Heard:
        """Give names whose holders did not answer to those who claimed them."""
        heard = Heard()
        for name in [n for n, c in self._contests.items() if c.until <= now]:
            claim = self._contests.pop(name).claim
            known = self._by_name.get(name)
            if known is not None and known.boot != claim.boot:
                heard.changed += self._replace(known, claim, now).changed
        return heard

    def forget(self, gone: Iterable[Member]) -> None:
        """Drop members from the list."""
        for member in gone:
            self._by_name.pop(member.name, None)
            self._by_boot.pop(member.boot, None)
        self._roster = None
