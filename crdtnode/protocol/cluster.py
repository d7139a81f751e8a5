"""Membership as a whole: probes, suspicion, news, joining, and who is told of what.

The rooms below know one thing each (`members` which news wins, `probing` who does not answer,
`suspicion` how long to wait, `news` what rides on probes, `seeds` whom to join through, `absent`
who is gone); this one lets each hear what the others found.
"""

from collections.abc import Callable, Iterable, Sequence
import random

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.absent import Absent
from crdtnode.protocol.bulletin import Bulletin
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Address, Event, MemberNews
from crdtnode.protocol.health import Health
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import ASK_PERIOD, Heard, Member, Members
from crdtnode.protocol.news import News
from crdtnode.protocol.probing import Probing, Verdict
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.seeds import Seeds
from crdtnode.protocol.spreading import Spreading
from crdtnode.protocol.suspicion import Suspicions
from crdtnode.wire.messages import (
    Hello,
    MemberList,
    MemberRecord,
    Nack,
    Ping,
    PingAck,
    PingReq,
    State,
    Tell,
)

ROSTER_SETTLES = 1.0
"""Seconds for which two lists of members may differ before they are compared as a whole."""

EXCHANGE_PERIOD = 0.2
"""Seconds between two exchanges of whole lists that we begin, while members are few."""

FEW = 64
"""Members up to which lists are compared at once. Where there are more, each waits longer by as many
times as they are more, and a random part of that before the first time: lists are long then, and what
a few find out when a cluster heals makes most others' exchanges needless."""

NO_WAY = frozenset({"EAFNOSUPPORT", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"})
"""Errors of a send that say that an address cannot be reached from here."""

NEVER = float("inf")


class Cluster:
    """Who is here, as far as this node knows."""

    def __init__(
        self,
        members: Members,
        news: News,
        place: Callable[[str], int],
        ping: Callable[[Member, int, float], Ping],
        greet: Callable[[], Hello],
        settings: Settings,
        metrics: Metrics,
        chance: random.Random,
    ) -> None:
        self.members = members
        self.deliveries = Deliveries(settings)
        self.news = news
        self.ring = Ring(
            lambda: [m.name for m in members if m.talks], place, lambda name: _talks(members, name)
        )
        self.spreading = Spreading(
            members, self.ring, self.deliveries, chance, lambda: self.probing.round
        )
        self.health = Health()
        self.probing = Probing(members, self.ring, ping, greet, settings, chance, self.health)
        self.suspicions = Suspicions(self.health, chance)
        self.seeds = Seeds(self.members, settings, chance)
        self._bulletin = Bulletin(members, self.spreading, self.deliveries, chance)
        self._absent = Absent(members, greet, settings, chance)
        self._chance = chance
        self._ping = ping
        self._settings = settings
        self._metrics = metrics
        self._changed_at = -NEVER
        self._compared_at = -NEVER
        self._exchange_at = -NEVER
        """When we may begin the next exchange of lists."""
        self.gone: list[bytes] = []
        """Processes that died, left or were replaced since the engine looked last."""

    # Hearing

    def hear(self, records: Sequence[MemberRecord], now: float, sender: bytes) -> list[Outcome]:
        """Take news of members from the process ``sender``."""
        if not records:
            return []
        heard = self.members.hear(records, now, sender)
        if heard.refute:
            self.health.worse(now)  # who is doubted by others should look at itself first
        return self._apply(heard, now)

    def hear_told(self, tell: Tell, now: float, sender: bytes) -> list[Outcome]:
        """Take news that everybody gets, and relay it: we need not tell it as well."""
        out = self.hear(tell.records, now, sender)
        self._bulletin.told(tell.records)
        return out + self._bulletin.relay(tell, now)

    def hear_list(self, message: MemberList, sender: bytes, now: float) -> list[Outcome]:
        """Take a whole list; a newcomer, and whom it brings, are made known to those we knew.

        One that knows some of us was taken in by somebody, who tells all others. If we have not
        heard of it, we are the one who is behind; what we would tell everybody they know.
        """
        newcomer = self.members.booted(sender) is None
        alone = self.members.alone  # then they know each other already, and we nobody
        told = not newcomer or alone or self._has_met_us(message, sender)
        heard = self.members.hear(message.records, now, sender)
        out = self._apply(heard, now)
        member = self.members.booted(sender)
        if member is not None and not told:
            out += self._bulletin.post([member, *heard.changed.values()], now)
        return out

    def _has_met_us(self, message: MemberList, sender: bytes) -> bool:
        """Whether a list names somebody whom we know, besides ourselves and who sent it."""
        known = (self.members.booted(r.boot) for r in message.records if r.boot != sender)
        return any(m is not None and m.talks and m is not self.members.me for m in known)

    def _apply(self, heard: Heard, now: float) -> list[Outcome]:
        for reason, count in heard.dropped.items():
            self._metrics.dropped.add(reason, count)
        for member in heard.removed:
            self._forget(member, now)
        out: list[Outcome] = []
        for member in heard.changed.values():
            out += self._changed(member, now)
        for member in heard.doubted:
            self.suspicions.hasten(member, self._settings.suspicion_silent)
        if heard.changed or heard.removed:
            self._changed_at = now
            touched = (*heard.removed, *heard.changed.values())
            self.ring.changed(*(member.name for member in touched), *self.members.old_names())
        for member in heard.returned[:1]:
            out += self._exchange(member, now)
        for record in heard.rivals:
            host, port = record.addresses[0]
            fields: dict[str, object] = {"name": record.name, "address": f"{host}:{port}"}
            out.append(Event("name-contested", fields))
        for record in heard.ask:
            asked = self.members.booted(record.boot) or self.members.me
            ping = self._ping(asked, self.probing.round, now)
            out.append(Send(record.boot, record.addresses[0], ping))
        if heard.refute:
            out += self._bulletin.post([self.members.me], now)
        return out

    def _changed(self, member: Member, now: float) -> list[Outcome]:
        """A member's record is new: everything here that depends on it follows."""
        self.news.spread(member)
        if member is self.members.me:
            return []
        if member.state is State.SUSPECT:
            # Who began the suspicion tells its end; this is for the case that it dies meanwhile.
            self.suspicions.begin(member, self._settings.suspicion_busy, now, ours=False)
        else:
            self.suspicions.end(member.boot)
        if not member.talks:
            self._lose(member, now)
        return self._show(member)

    def _lose(self, member: Member, now: float) -> None:
        """Nothing is sent to this process any more."""
        self.deliveries.forget(member.boot)
        self.seeds.lost(member.boot, now)
        self._absent.lost(now)
        self.gone.append(member.boot)

    def _forget(self, member: Member, now: float) -> None:
        """This process is off the list."""
        self.suspicions.end(member.boot)
        self.news.forget(member)
        self._lose(member, now)

    def _show(self, member: Member) -> list[Outcome]:
        """Say what is new of a member, if that concerns anybody but us."""
        record, shown = member.record(), member.shown
        if shown is not None and (
            shown is record
            or (shown.name, shown.state, shown.addresses[0])
            == (member.name, member.state, member.address)
        ):
            return []
        member.shown = record
        return [MemberNews(member.name, member.address, member.state.name.lower())]

    def sign_of_life(self, boot: bytes, now: float) -> tuple[Member | None, list[Outcome]]:
        """An authentic packet came from this process; gives the member that it is."""
        if self.members.rivals.known and self.members.rival(boot):
            return None, self._give_up_name(now)
        member = self.members.sign_of_life(boot)
        if member is None:
            return None, []
        out = self.probing.alive(member)
        if member.state is State.SUSPECT:
            self.members.judge(member, State.ALIVE, now)
            self.suspicions.end(boot)
            out += self._show(member)
        return member, out

    def ask_at(self, member: Member, address: Address, now: float) -> list[Outcome]:
        """A member's datagram came from where it is not said to live: see whether it does."""
        if now - member.asked < ASK_PERIOD:
            return []
        member.asked = now
        return [Send(member.boot, address, self._ping(member, self.probing.round, now))]

    def lives_at(self, member: Member, address: Address) -> list[Outcome]:
        """A member answered from the address at which it was asked: that one is good."""
        return self._show(member) if member.lives_at(address) else []

    def send_failed(self, address: Address, errno_name: str) -> list[Outcome]:
        """Where there is no way to an address of a member, its next one is used."""
        if errno_name not in NO_WAY:
            return []
        out: list[Outcome] = []
        for member in self.members.talking():
            if member.address == address and len(member.addresses) > 1:
                member.addresses = (*member.addresses[1:], address)
                out += self._show(member)
        return out

    def _give_up_name(self, now: float) -> list[Outcome]:
        before = self.members.me.name
        after = self.members.rename()
        self.ring.changed()
        event = Event("name-conflict", {"wanted": before, "name": after})
        return [event, *self._bulletin.post([self.members.me], now)]

    # Telling

    def renew(self, now: float) -> list[Outcome]:
        """Something about us is new: say so under a higher incarnation."""
        heard = Heard()
        self.members.raise_incarnation(0, heard)
        return self._apply(heard, now)

    def forget(self, member: Member, now: float) -> list[Outcome]:
        """Forget a member that is gone, here and everywhere."""
        self.hear_forget([member.record()], now)
        return [*self._bulletin.forget(member, now)]

    def hear_forget(self, records: Iterable[MemberRecord], now: float) -> None:
        """These are to be forgotten, as soon as they are gone here too."""
        for record in records:
            if record.boot != self.members.me.boot:
                self.members.never_mind(record.boot, now + self._settings.member_forgotten)
        self._absent.deadline = min(self._absent.deadline, now)

    def compare_rosters(self, member: Member, roster: int, now: float) -> list[Outcome]:
        """Exchange lists where they have differed for longer than news takes."""
        if roster == self.members.roster or not self.members.me.talks:
            return []
        if now - max(self._changed_at, self._compared_at) < ROSTER_SETTLES:
            return []
        return self._exchange(member, now)

    def _exchange(self, member: Member, now: float) -> list[Outcome]:
        """Ask a member for its whole list, and give it ours."""
        period = EXCHANGE_PERIOD * max(1.0, len(self.members) / FEW)
        if self._exchange_at < now - period:
            self._exchange_at = now + (period - EXCHANGE_PERIOD) * self._chance.random()
        if now < self._exchange_at:
            return []
        self._compared_at, self._exchange_at = now, now + period
        return [to(member, self.listing(reply=True))]

    def listing(self, *, reply: bool) -> MemberList:
        """All that we know of members; ``reply`` asks for the same in return."""
        return MemberList(0, self.members.records(), reply=reply)

    def answering(self, message: MemberList) -> MemberList:
        """What we know of members that a list lacks or has otherwise: the answer to it."""
        return MemberList(0, self.members.beyond(message.records), reply=False)

    # Probes

    def on_ping_req(self, asker: Member, request: PingReq, now: float) -> list[Outcome]:
        """Probe a member for somebody else."""
        return self.probing.relay(asker, request, now)

    def on_ping_ack(self, ack: PingAck, now: float) -> list[Outcome]:
        """Somebody else reached the member that did not answer us."""
        member = self.members.named(ack.name)
        return [] if member is None else self.sign_of_life(member.boot, now)[1]

    def on_nack(self, helper: Member, nack: Nack, now: float) -> list[Outcome]:
        """Somebody else did not reach it either."""
        return self._suspect(self.probing.on_nack(helper, nack), now)

    def connect_failed(self, id_: int, why: str, now: float) -> list[Outcome]:
        """The port of a silent member refused, or nothing answered."""
        out, verdicts = self.probing.not_connected(id_, why)
        return out + self._suspect(verdicts, now)

    def _suspect(self, verdicts: list[Verdict], now: float) -> list[Outcome]:
        out: list[Outcome] = []
        for verdict in verdicts:
            member = verdict.member
            if not member.talks or self.members.booted(member.boot) is not member:
                continue
            self.suspicions.begin(member, verdict.period, now, ours=True)
            if member.state is State.ALIVE:
                out += self._judge(member, State.SUSPECT, now, tell=True)
        return out

    def _judge(self, member: Member, state: State, now: float, *, tell: bool) -> list[Outcome]:
        """Hold a member for suspect or dead, and say so."""
        self.members.judge(member, state, now)
        out = self._apply(Heard(changed={member.boot: member}), now)
        return out + (self._bulletin.post([member], now) if tell else [])

    # Time

    @property
    def deadline(self) -> float:
        """When the next step is due."""
        due = min(self.probing.deadline, self._absent.deadline, self._bulletin.deadline)
        if self.suspicions.running:  # seldom
            due = min(due, self.suspicions.deadline)
        if self.members.contests.running:  # hardly ever
            due = min(due, self.members.deadline)
        return due

    def start(self, now: float) -> None:
        """Begin to probe."""
        self._changed_at = now
        self.probing.start(now)

    def wake(self, now: float) -> list[Outcome]:
        """Take the steps that are due."""
        out: list[Outcome] = []
        if self.members.contests.running:
            out += self._apply(self.members.wake(now), now)
        if self.suspicions.running and self.suspicions.deadline <= now:
            out += self._wake_suspicions(now)
        if self.probing.deadline <= now:
            steps, verdicts = self.probing.wake(now)
            out += steps
            if verdicts:
                out += self._suspect(verdicts, now)
        if self._absent.deadline <= now:
            out += self._wake_absent(now)
        if self._bulletin.deadline <= now:
            out += self._bulletin.wake(now)
        return out

    def _wake_suspicions(self, now: float) -> list[Outcome]:
        told, dead = self.suspicions.wake(now, len(self.members))
        out: list[Outcome] = []
        out += [to(member, self._ping(member, self.probing.round, now)) for member in told]
        for member, ours in dead:
            out += self._judge(member, State.DEAD, now, tell=ours)
        return out

    def _wake_absent(self, now: float) -> list[Outcome]:
        greetings, forgotten = self._absent.wake(now)
        for member in forgotten.removed:
            if member.state is State.DEAD and not self.members.forgotten(member.boot, now):
                self.seeds.remember(member.address, now)
        return [*greetings, *self._apply(forgotten, now)]

    def slept(self, now: float, boot: bytes | None) -> list[Outcome]:
        """This process was stopped for a while: it accuses nobody, and says that it lives.

        Args:
            now: Monotonic seconds.
            boot: The boot id under which it goes on, None for the one that it has.
        """
        self.health.worse(now)
        self.members.forgive(now)
        self.probing.forgive(now)
        out: list[Outcome] = []
        for member in self.suspicions.forgive():
            self.members.judge(member, State.ALIVE, now)
            out += self._show(member)
        anew = self.renew(now) if boot is None else self._apply(self.members.reborn(boot), now)
        return out + anew


def _talks(members: Members, name: str) -> bool:
    """Whether a name is that of a member that is alive or suspect."""
    member = members.named(name)
    return member is not None and member.talks
