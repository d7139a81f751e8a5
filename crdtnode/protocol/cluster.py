"""Membership as a whole: probes, suspicion, news, joining, leaving, and who is told of what.

The rooms below know one thing each (`members` which news wins, `probing` who does not answer,
`suspicion` how long to wait, `news` what rides on probes, `seeds` whom to join through); this one
lets each hear what the others found.
"""

from collections.abc import Callable, Iterable
import random

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import Deliveries
from crdtnode.protocol.effects import Event, MemberNews
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Heard, Member, Members
from crdtnode.protocol.news import News
from crdtnode.protocol.probing import Probing, Verdict
from crdtnode.protocol.ring import Ring
from crdtnode.protocol.seeds import Seeds
from crdtnode.protocol.suspicion import Suspicions
from crdtnode.wire.messages import (
    NOBODY,
    Hello,
    Leave,
    MemberList,
    MemberRecord,
    Nack,
    Ping,
    PingAck,
    PingReq,
    State,
)

ROSTER_SETTLES = 1.0
"""Seconds for which two lists of members may differ before they are compared as a whole."""

EXCHANGE_PERIOD = 0.2
"""Seconds between two exchanges of whole lists that we begin."""

DEAD_ASKED = 1.0
"""Seconds between two greetings to members that are held for dead."""

LEAVE_TOLD = 3
"""Members whose acknowledgement a leaving node waits for, at most."""


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
        chance: random.Random,
    ) -> None:
        self.members = members
        self.deliveries = Deliveries(self.members, settings)
        self.news = news
        self.ring = Ring(place)
        self.probing = Probing(self.members, self.ring, ping, settings, chance)
        self.suspicions = Suspicions()
        self.seeds = Seeds(self.members, settings, chance)
        self._ping = ping
        self._greet = greet
        self._settings = settings
        self._chance = chance
        self._changed_at = float("-inf")
        self._compared_at = float("-inf")
        self._ask_dead_at = float("inf")
        self._leave_until = float("inf")
        self._leave_id = 0
        self.left = False
        """True once others know that we left, or the time for telling them is over."""
        self.gone: list[bytes] = []
        """Processes that died or left since the engine looked last."""

    # Hearing

    def hear(self, records: Iterable[MemberRecord], now: float) -> list[Outcome]:
        """Take news of members, from whomever they came."""
        out: list[Outcome] = []
        for record in records:
            out += self._apply(self.members.hear(record, now), now)
        return out

    def hear_list(self, message: MemberList, sender: bytes, now: float) -> list[Outcome]:
        """Take a whole list; a newcomer that brings it itself is announced to all others."""
        newcomer = self.members.booted(sender) is None
        out = self.hear(message.records, now)
        member = self.members.booted(sender)
        if newcomer and member is not None:
            out += self._tell_all([member], now, but=sender)
        return out

    def _apply(self, heard: Heard, now: float) -> list[Outcome]:
        out: list[Outcome] = []
        for member in heard.changed:
            out += self._changed(member, now)
        for member in heard.returned:
            out += self._exchange(member, now)
        for record in heard.ask:
            if record.name == self.members.me.name:
                host, port = record.addresses[0]
                fields: dict[str, object] = {"name": record.name, "address": f"{host}:{port}"}
                out.append(Event("name-contested", fields))
            out.append(Send(record.boot, record.addresses[0], self._plain_ping(record, now)))
        if heard.refute:
            out += self._tell_all([self.members.me], now)
        return out

    def _plain_ping(self, record: MemberRecord, now: float) -> Ping:
        member = self.members.booted(record.boot) or self.members.me
        return self._ping(member, self.probing.round, now)

    def _changed(self, member: Member, now: float) -> list[Outcome]:
        """A member's record is new: everything here that depends on it follows."""
        self._changed_at = now
        self.news.spread(member)
        if member is self.members.me:
            return []
        if member.state is State.SUSPECT:
            self.suspicions.begin(member, self._settings.suspicion_silent, now, ours=False)
        else:
            self.suspicions.end(member.boot)
        if not member.talks:
            self.deliveries.forget(member.boot)
            self.seeds.lost(member.boot, now)
            self.gone.append(member.boot)
            if self._ask_dead_at == float("inf"):
                self._ask_dead_at = now + DEAD_ASKED
        self._rebuild()
        return [MemberNews(member.name, member.address, member.state.name.lower())]

    def _rebuild(self) -> None:
        self.ring.rebuild(m.name for m in self.members if m.talks)

    def _tell_all(self, about: list[Member], now: float, but: bytes = NOBODY) -> list[Outcome]:
        """Mail news to every member, and wait for acknowledgements."""
        id_ = self.deliveries.new_id()
        message = MemberList(id_, tuple(m.record() for m in about), reply=False)
        out: list[Outcome] = []
        for member in self.members.talking():
            if member.boot != but:
                out += self.deliveries.send(member, id_, message, now)
        return out

    def sign_of_life(self, boot: bytes, now: float) -> tuple[Member | None, list[Outcome]]:
        """An authentic packet came from this process; gives the member that it is."""
        if self.members.rival(boot):
            return None, self._give_up_name(now)
        member = self.members.sign_of_life(boot)
        if member is None:
            return None, []
        out = self.probing.alive(member)
        if member.state is State.SUSPECT:
            self.members.judge(member, State.ALIVE, now)
            self.suspicions.end(boot)
            out.append(MemberNews(member.name, member.address, "alive"))
        return member, out

    def _give_up_name(self, now: float) -> list[Outcome]:
        before = self.members.me.name
        after = self.members.rename()
        self._rebuild()
        event = Event("name-conflict", {"wanted": before, "name": after})
        return [event, *self._tell_all([self.members.me], now)]

    def compare_rosters(self, member: Member, roster: int, now: float) -> list[Outcome]:
        """Exchange lists where they have differed for longer than news takes."""
        if roster == self.members.roster or self.left:
            return []
        if now - max(self._changed_at, self._compared_at) < ROSTER_SETTLES:
            return []
        return self._exchange(member, now)

    def _exchange(self, member: Member, now: float) -> list[Outcome]:
        """Ask a member for its whole list, and give it ours."""
        if now - self._compared_at < EXCHANGE_PERIOD:
            return []
        self._compared_at = now
        return [to(member, self.listing(reply=True))]

    def listing(self, *, reply: bool) -> MemberList:
        """All that we know of members; ``reply`` asks for the same in return."""
        return MemberList(0, self.members.records(), reply=reply)

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
            if member.state is State.ALIVE:
                self.members.judge(member, State.SUSPECT, now)
                out += self._changed(member, now)
                out += self._tell_all([member], now)
            self.suspicions.begin(member, verdict.period, now, ours=True)
        return out

    # Time

    @property
    def deadline(self) -> float:
        """When the next step is due."""
        return min(
            self.members.deadline,
            self.deliveries.deadline,
            self.probing.deadline,
            self.suspicions.deadline,
            self._ask_dead_at,
            self._leave_until,
        )

    def start(self, now: float) -> None:
        """Begin to probe."""
        self._changed_at = now
        self._rebuild()
        self.probing.start(now)

    def wake(self, now: float) -> list[Outcome]:
        """Take the steps that are due."""
        out: list[Outcome] = [*self.deliveries.wake(now)]
        out += self._apply(self.members.wake(now), now)
        told, dead = self.suspicions.wake(now, len(self.members))
        out += [to(member, self._ping(member, self.probing.round, now)) for member in told]
        for member, ours in dead:
            out += self._declare_dead(member, now, ours=ours)
        if not self.left:
            steps, verdicts = self.probing.wake(now)
            out += steps + self._suspect(verdicts, now)
        if self._ask_dead_at <= now:
            out += self._ask_dead(now)
        if self._leave_until <= now:
            self.left = True
            self._leave_until = float("inf")
        return out

    def _declare_dead(self, member: Member, now: float, *, ours: bool) -> list[Outcome]:
        self.members.judge(member, State.DEAD, now)
        out = self._changed(member, now)
        return out + (self._tell_all([member], now) if ours else [])

    def _ask_dead(self, now: float) -> list[Outcome]:
        """Greet one of the dead: it may only have been cut off."""
        gone = self.members.others(State.DEAD, State.LEFT)
        aged = [m for m in gone if now - m.since >= self._settings.member_forgotten]
        self.members.forget(aged)
        dead = [m for m in gone if m.state is State.DEAD and m not in aged]
        self._ask_dead_at = now + DEAD_ASKED if len(gone) > len(aged) else float("inf")
        if not dead:
            return []
        return [Send(NOBODY, self._chance.choice(dead).address, self._greet())]

    def announce(self, now: float) -> list[Outcome]:
        """Something about us is new: tell everybody."""
        return self._apply(self.members.raise_incarnation(0), now)

    def slept(self, now: float) -> list[Outcome]:
        """This process was stopped for a while: it accuses nobody, and says that it lives."""
        self.probing.forgive(now)
        for member in self.suspicions.forgive():
            self.members.judge(member, State.ALIVE, now)
        return self.announce(now)

    # Leaving

    def leave(self, now: float) -> list[Outcome]:
        """Say goodbye; ``left`` is True once somebody heard it, or time is over."""
        me = self.members.me
        me.state = State.LEFT
        me.incarnation += 1
        self._leave_id = self.deliveries.new_id()
        told = self.members.talking()
        out: list[Outcome] = []
        for member in told:
            out += self.deliveries.send(
                member, self._leave_id, Leave(self._leave_id, me.record()), now
            )
        self._leave_until = now + self._settings.leave_timeout if told else now
        return out

    def acknowledged(self, member: Member, id_: int, now: float) -> bool:
        """Take an acknowledgement; False where it was none of ours."""
        if not self.deliveries.acknowledged(member, id_, now):
            return False
        if id_ == self._leave_id:
            self._leave_until = now
        return True
