"""The members of the cluster, and which news of them wins.

News is a `MemberRecord`. For one process (a boot id) the higher incarnation wins, and at equal
incarnation the worse state: alive, suspect, dead, left. Only a member itself raises its
incarnation, by refuting what is said of it, so that a late rumour cannot outlive the truth.
Source: SWIM (Das, Gupta, Motivala 2002), section 4.2.

*Theory of operation.* A name belongs to one process at a time. A new boot id takes a known name
at once where the old process cannot be alive (same address, or known dead or left); otherwise the
old one is asked, and keeps the name if it answers (`contests`). The newcomer, which hears of it,
goes on under another one.

A lie must stay refutable, or it would stand for ever. Hence an incarnation far beyond what clocks
show and what is known of the process is believed from that process alone; and of a process that
is not known, news that it is gone is no news.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import lru_cache
import hashlib

from crdtnode.protocol.contests import Contests, Rivals
from crdtnode.protocol.effects import Address
from crdtnode.protocol.member import Member as Member
from crdtnode.values import struct
from crdtnode.wire.messages import NOBODY, MemberRecord, State

MEMBERS_MOST = 4096
"""Members kept. Where a further one comes, one that is gone gives way, else the news is dropped."""

ASK_PERIOD = 0.2
"""Seconds between two questions to one member whether it lives, because of what others say."""

INCARNATION_MOST = 2**53 - 1

ALIVE, LEFT = State.ALIVE, State.LEFT
_STATES = tuple(State)

FORGOTTEN_MOST = 1024
"""Processes remembered as forgotten; the one forgotten longest ago is given up."""

FAR = 2**52
"""No clock shows such an incarnation, in milliseconds: it is believed from the process itself,
or as a small step above one that is known."""

STEP = 2**32
"""More than any process raises its incarnation by while nobody looks."""


@lru_cache(maxsize=4 * MEMBERS_MOST)
def _digest(name: str, boot: bytes, incarnation: int) -> int:
    text = f"{name}\0{boot.hex()}\0{incarnation}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@struct
class Heard:
    """What news did."""

    changed: dict[bytes, Member] = field(default_factory=dict)
    """Members whose record is new, by boot id: to be told to others."""
    doubted: list[Member] = field(default_factory=list)
    """Suspects, among the changed, that somebody holds for dead already."""
    returned: list[Member] = field(default_factory=list)
    """Members that were held for dead, and are not."""
    removed: list[Member] = field(default_factory=list)
    """Processes that are on the list no more."""
    refute: bool = False
    """It was about us, and wrong or outdated: our incarnation is above it now."""
    ask: list[MemberRecord] = field(default_factory=list)
    """Processes to ask whether they are alive, since others say otherwise or claim their name."""
    rivals: list[MemberRecord] = field(default_factory=list)
    """Processes that bear our name, and were not heard of before."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Pieces of news that were not used, by reason."""

    def drop(self, reason: str) -> None:
        """Do not use a piece of news."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1


class Members:
    """All members by name, this process included."""

    def __init__(self, me: Member) -> None:
        self.me = me
        self._by_name: dict[str, Member] = {me.name: me}
        self._by_boot: dict[bytes, Member] = {me.boot: me}
        self.contests = Contests()
        """Claims to names that others hold."""
        self.rivals = Rivals()
        """Processes that bear our name."""
        self._rivals_asked = float("-inf")
        self._forgotten: OrderedDict[bytes, float] = OrderedDict()
        self._roster = 0
        self._recount: list[Member] = [me]
        """Members whose part in the roster's digest may be another one."""
        self._old_names: list[str] = []

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

    def home(self, boot: bytes) -> Address | None:
        """Where this process lives, if it is a member or bears our name."""
        member, rival = self._by_boot.get(boot), self.rivals.known.get(boot)
        if member is not None:
            return member.address
        return None if rival is None else rival.addresses[0]

    def others(self, *states: State) -> list[Member]:
        """All members in one of these states but us."""
        return [m for m in self._by_name.values() if m.state in states and m is not self.me]

    def talking(self) -> list[Member]:
        """All others that are alive or suspect."""
        return [m for m in self._by_name.values() if m.talks and m is not self.me]

    @property
    def alone(self) -> bool:
        """True while no other is alive or suspect."""
        return not any(m.talks for m in self._by_name.values() if m is not self.me)

    @property
    def roster(self) -> int:
        """A 64-bit digest of who is here: alive or suspect, since suspicion passes.

        Those that are gone do not count: each node forgets them in its own time.
        """
        if not self._recount:
            return self._roster
        for member in self._recount:
            there = member.talks and self._by_boot.get(member.boot) is member
            counts = _digest(member.name, member.boot, member.incarnation) if there else 0
            self._roster ^= member.counts ^ counts
            member.counts = counts
        self._recount.clear()
        return self._roster

    def old_names(self) -> list[str]:
        """Names that members have given up since this was asked last."""
        old, self._old_names = self._old_names, []
        return old

    def records(self) -> tuple[MemberRecord, ...]:
        """All members as news."""
        return tuple(m.record() for m in self._by_name.values())

    def beyond(self, records: Iterable[MemberRecord]) -> tuple[MemberRecord, ...]:
        """What is not in some news, or otherwise; all of it where that does not know even us."""
        told = {(r.boot, r.incarnation, r.state, r.name) for r in records}
        if not any(boot == self.me.boot for boot, *_ in told):
            return self.records()
        return tuple(
            m.record()
            for m in self._by_name.values()
            if (m.boot, m.incarnation, m.state, m.name) not in told or m is self.me
        )

    # What others say

    def hear(self, records: Iterable[MemberRecord], now: float, sender: bytes = NOBODY) -> Heard:
        """Take news, and say what it did. What a process says of itself counts for more."""
        heard = Heard()
        for record in records:
            own = record.boot == sender
            if not own and self._knows(record):
                continue
            if self._believable(record, own=own):
                self._hear(record, now, heard, own=own)
            else:
                heard.drop("unbelievable news")
        return heard

    def _knows(self, record: MemberRecord) -> bool:
        """True for what would change nothing: nearly all that stands in a list of members."""
        known = self._by_boot.get(record.boot)
        return (
            known is not None
            and known.incarnation == record.incarnation
            and known.state == record.state
            and known.name == record.name
            and known is not self.me
            and not self.rivals.known
            and bool(record.addresses)
        )

    def _believable(self, record: MemberRecord, *, own: bool) -> bool:
        known = self._by_boot.get(record.boot)
        most = FAR if known is None else max(FAR, known.incarnation + STEP)
        somebody = bool(record.addresses) and record.boot != NOBODY
        return somebody and (own or record.incarnation <= most)

    def _hear(self, record: MemberRecord, now: float, heard: Heard, *, own: bool) -> None:
        if record.boot == self.me.boot:
            self._hear_of_us(record, heard)
            return
        if record.name == self.me.name:
            self._hear_of_namesake(record, now, heard)
            return
        if own:
            self._forgotten.pop(record.boot, None)  # it lives after all
        self.rivals.forget(record.boot)
        known, before = self._by_name.get(record.name), self._by_boot.get(record.boot)
        if known is not None and known is before:
            self._compare(known, record, now, heard)
        elif before is not None:
            self._rename(before, known, record, now, heard)
        elif record.state >= State.DEAD:
            pass  # a former process, or one that we never met
        elif self.forgotten(record.boot, now):
            heard.drop("forgotten")
        elif known is not None:
            self._succeed(known, record, now, heard)
        elif self._make_room(heard, own=own):
            self._enter(record, now, heard)

    def _hear_of_us(self, record: MemberRecord, heard: Heard) -> None:
        me = self.me
        if me.state is State.LEFT:
            return  # an echo of our leave
        outdated = record.incarnation > me.incarnation
        slander = record.state != State.ALIVE and record.incarnation == me.incarnation
        if outdated or slander:
            self.raise_incarnation(record.incarnation, heard)

    def raise_incarnation(self, above: int, heard: Heard) -> None:
        """Announce ourselves anew, above an incarnation that somebody spoke of."""
        me = self.me
        me.incarnation = min(max(me.incarnation, above) + 1, INCARNATION_MOST)
        self._recount.append(me)
        heard.changed[me.boot] = me
        heard.refute = True

    def reborn(self, boot: bytes) -> Heard:
        """Go on as another process of our name, which takes the place of what we were."""
        heard = Heard()
        del self._by_boot[self.me.boot]
        self.me.boot = boot
        self._by_boot[boot] = self.me
        self.raise_incarnation(0, heard)
        return heard

    def _hear_of_namesake(self, record: MemberRecord, now: float, heard: Heard) -> None:
        if record.state >= State.DEAD:
            return
        if record.addresses == self.me.addresses:
            # Our own process of before: it cannot live beside us, and others have to know it.
            if self.me.incarnation <= record.incarnation <= max(FAR, self.me.incarnation + STEP):
                self.raise_incarnation(record.incarnation, heard)
            heard.refute = True
            return
        if self.rivals.note(record):
            heard.rivals.append(record)
        if now - self._rivals_asked >= ASK_PERIOD:
            self._rivals_asked = now
            heard.ask.append(record)

    def _compare(self, known: Member, record: MemberRecord, now: float, heard: Heard) -> None:
        state = _STATES[record.state]
        newer = record.incarnation > known.incarnation
        if newer and known.talks and state in (State.SUSPECT, State.DEAD):
            # Such news counts only up to the incarnation that the member itself announced: a
            # higher one is no more than a reason to ask it.
            self._ask(known, now, heard)
            return
        doubted = state is State.DEAD and known.state is State.ALIVE
        if doubted:
            # Somebody who was cut off from it may say so after a heal: it gets a chance to refute.
            state = State.SUSPECT
        if not newer and (record.incarnation < known.incarnation or state <= known.state):
            return
        if doubted:
            heard.doubted.append(known)
        if newer:
            known.addresses, known.types = record.addresses, record.types
            known.protocol, known.tags = record.protocol, record.tags
        known.incarnation = record.incarnation
        if known.state >= State.DEAD and state is State.ALIVE:
            heard.returned.append(known)
        self.judge(known, state, now)
        heard.changed[known.boot] = known

    def _rename(
        self, before: Member, known: Member | None, record: MemberRecord, now: float, heard: Heard
    ) -> None:
        """A process that we know bears another name now: it lost a contest for its first one."""
        if record.incarnation <= before.incarnation or record.state not in (ALIVE, LEFT):
            return
        if known is not None and not self._yields(known, record, now, heard):
            return
        del self._by_name[before.name]
        self._old_names.append(before.name)
        before.name = record.name
        self._by_name[before.name] = before
        self._compare(before, record, now, heard)

    def _succeed(self, known: Member, record: MemberRecord, now: float, heard: Heard) -> None:
        """A new process claims the name of a known one."""
        if self._yields(known, record, now, heard):
            self._enter(record, now, heard)

    def _yields(self, known: Member, claim: MemberRecord, now: float, heard: Heard) -> bool:
        """Take a name from a process that cannot be alive; another one is asked whether it is."""
        restarted = claim.addresses == known.addresses and claim.incarnation >= known.incarnation
        if known.talks and not restarted:
            self.contests.begin(claim, now)
            self._ask(known, now, heard)
            return False
        self._remove(known, heard)
        return True

    def _ask(self, known: Member, now: float, heard: Heard) -> None:
        if now - known.asked >= ASK_PERIOD:
            known.asked = now
            heard.ask.append(known.record())

    # The list

    def _enter(self, record: MemberRecord, now: float, heard: Heard) -> None:
        member = Member(
            name=record.name,
            boot=record.boot,
            incarnation=record.incarnation,
            state=_STATES[record.state],
            addresses=record.addresses,
            types=record.types,
            protocol=record.protocol,
            tags=record.tags,
            since=now,
            told=record,
        )
        self._by_name[member.name] = member
        self._by_boot[member.boot] = member
        self._recount.append(member)
        heard.changed[member.boot] = member

    def _remove(self, member: Member, heard: Heard) -> None:
        del self._by_name[member.name]
        del self._by_boot[member.boot]
        self._recount.append(member)
        heard.changed.pop(member.boot, None)
        heard.removed.append(member)

    def _make_room(self, heard: Heard, *, own: bool) -> bool:
        """See that a further member fits: hearsay gives way to a process that speaks for itself."""
        if len(self._by_name) < MEMBERS_MOST:
            return True
        if own or "too many members" not in heard.dropped:  # looked for in vain once is enough
            gone = (m for m in self._by_name.values() if not m.talks)
            hearsay = (m for m in self.talking() if own and not m.met)
            for member in (*gone, *hearsay)[:1]:
                self._remove(member, heard)
                return True
        heard.drop("too many members")
        return False

    def never_mind(self, boot: bytes, until: float) -> None:
        """What others say of this process is not used until then; only it can come back itself."""
        self._forgotten[boot] = until
        self._forgotten.move_to_end(boot)
        if len(self._forgotten) > FORGOTTEN_MOST:
            self._forgotten.popitem(last=False)

    def forgotten(self, boot: bytes, now: float) -> bool:
        """True where this process was forgotten on purpose."""
        return self._forgotten.get(boot, now) > now

    def forget(self, gone: Iterable[Member]) -> Heard:
        """Drop members from the list."""
        heard = Heard()
        for member in gone:
            self._remove(member, heard)
        return heard

    # What we find out ourselves

    def judge(self, member: Member, state: State, now: float) -> None:
        """Hold a member for alive, suspect or dead, at its incarnation."""
        if member.state is not state:
            member.state, member.since = state, now
        self._recount.append(member)

    def sign_of_life(self, boot: bytes) -> Member | None:
        """An authentic packet came from this process; gives the member that it is."""
        member = self._by_boot.get(boot)
        if member is not None:
            member.met = True
            if self.contests.running:
                self.contests.answered(member.name)
        return member

    def rival(self, boot: bytes) -> bool:
        """True where this process, which lives, bears our name and was here before us."""
        record = self.rivals.known.get(boot)
        if record is None:  # nearly always
            return False
        return (record.incarnation, boot) < (
            self.me.incarnation,
            self.me.boot,
        )

    def rename(self) -> str:
        """Give up our name to its older holder, and go on as ``name~xxxx``."""
        me = self.me
        del self._by_name[me.name]
        first, tilde, _ = me.name.rpartition("~")
        digits = me.boot.hex()[: 12 if tilde else 4]  # more where even that name was taken
        stem = (first if tilde else me.name).encode()[:240].decode(errors="ignore")
        me.name = f"{stem}~{digits}"
        me.incarnation += 1
        self._by_name[me.name] = me
        self.rivals = Rivals()
        self._recount.append(me)
        return me.name

    # Time

    @property
    def deadline(self) -> float:
        """When a contest for a name is over."""
        return self.contests.deadline

    def wake(self, now: float) -> Heard:
        """Give names whose holders did not answer to those who claimed them."""
        heard = Heard()
        for claim in self.contests.wake(now):
            known, before = self._by_name.get(claim.name), self._by_boot.get(claim.boot)
            if known is not None and (before is None or before.incarnation < claim.incarnation):
                self._remove(known, heard)
                self._hear(claim, now, heard, own=False)
        return heard

    def forgive(self, now: float) -> None:
        """We slept: whoever did not answer meanwhile may well have."""
        self.contests.forgive(now)
