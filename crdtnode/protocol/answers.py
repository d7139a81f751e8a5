"""What each message from a member leads to.

One `match` over all kinds; the rooms do the rest. Items that arrive are joined in bounded batches,
and a repair that changed something makes the next ping come soon.
"""

import random
from typing import assert_never

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.announcing import Announcing
from crdtnode.protocol.clocks import Clocks
from crdtnode.protocol.cluster import Cluster
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.inbox import Inbox, Job
from crdtnode.protocol.lags import Lags
from crdtnode.protocol.leaving import Leaving
from crdtnode.protocol.looking import Looking
from crdtnode.protocol.mail import Origin, Outcome, Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.outbound import Outbound
from crdtnode.protocol.pings import Pings
from crdtnode.protocol.push import Pushes
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.survey import Survey
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire.messages import (
    Ack,
    Again,
    Announce,
    Busy,
    Challenge,
    Ctx,
    Forget,
    Hello,
    Leave,
    Look,
    Looked,
    MemberList,
    Message,
    Nack,
    Ping,
    PingAck,
    PingReq,
    Pong,
    Pull,
    Push,
    Refused,
    State,
    Sync,
    Tell,
    Types,
    Want,
)

NEVER = float("inf")

HOT_MOST = 20
"""Pings in one probe period that follow a repair at once, lest a type whose replicas never agree
keeps the cluster busy."""

CALM = 0.25
"""Seconds without a push after which what a repair found was no write under way."""


class Answers:
    """Takes messages of members to the rooms that they concern."""

    def __init__(
        self,
        registry: Registry,
        lags: Lags,
        looking: Looking,
        cluster: Cluster,
        pings: Pings,
        pushes: Pushes,
        announcing: Announcing,
        receipts: Receipts,
        confirmations: Confirmations,
        inbox: Inbox,
        repair: Repair,
        survey: Survey,
        typesets: TypeSets,
        leaving: Leaving,
        out: Outbound,
        settings: Settings,
        metrics: Metrics,
        clocks: Clocks,
        chance: random.Random,
    ) -> None:
        self._registry = registry
        self._lags = lags
        self._looking = looking
        self._cluster = cluster
        self._members = cluster.members
        self._pings = pings
        self._pushes = pushes
        self._announcing = announcing
        self._receipts = receipts
        self._confirmations = confirmations
        self._inbox = inbox
        self._repair = repair
        self._survey = survey
        self._typesets = typesets
        self._leaving = leaving
        self._out = out
        self._settings = settings
        self._metrics = metrics
        self._clocks = clocks
        self._chance = chance
        self._pushed_at = float("-inf")
        self._synced_at = float("-inf")
        self._hot_since = -NEVER
        self._hot_left = HOT_MOST
        self.hot_at = NEVER
        """When to ping somebody besides the round's probe."""

    def answer(self, member: Member, message: Message, origin: Origin, now: float) -> list[Outcome]:
        """What one authentic message from a member leads to."""
        match message:
            case Push():
                return self._on_push(member, message, now)
            case Ack():
                return self._on_ack(member, message, now)
            case Ping():
                return self._on_ping(member, message, origin, now)
            case Pong():
                return self._on_pong(member, message, origin, now)
            case PingReq():
                return self._cluster.on_ping_req(member, message, now)
            case PingAck():
                return self._cluster.on_ping_ack(message, now)
            case Nack():
                return self._cluster.on_nack(member, message, now)
            case MemberList():
                return self.on_list(member.boot, message, now)
            case Leave():
                self._receipts.acknowledge(member, message.id, now)
                return self._cluster.hear([message.record], now, member.boot)
            case Tell() | Forget():
                return self._on_tell(member, message, now)
            case Announce():
                return [*self._announcing.hear(member, message, now)]
            case Pull():
                return [*self._announcing.pull(member, message, now)]
            case Look():
                self._out.carry(
                    self._pushes.flush_all(now), now
                )  # what was written just now counts
                return [*self._looking.answer(member, message, now)]
            case Looked():
                return self._looking.hear(member, message, now)
            case Types():
                if not self._typesets.learn(message):
                    self._metrics.dropped.add("types")
                return []
            case Want():
                return list(self._repair.on_want(member, message, now))
            case Again():
                return list(self._repair.on_again(member, message, now))
            case Ctx():
                return list(self._repair.on_ctx(member, message, now))
            case Busy():
                self._repair.on_busy(member)
                self._ping_soon(now, max(self._settings.hot_ping, message.wait_ms / 1000))
                return []
            case Sync():
                idle = not self._inbox.waiting and now != self._synced_at
                self._synced_at = now
                self._into_inbox(member, message, now, at_once=idle)
                return []
            case Hello() | Challenge() | Refused():
                return []  # a late part of a greeting that is over
            case _:
                assert_never(message)

    def _on_ping(self, member: Member, ping: Ping, origin: Origin, now: float) -> list[Outcome]:
        self._cluster.probing.probed(ping.round, now)
        out = self._cluster.hear(ping.news, now, member.boot)
        held = self._repair.explains(member, ping)
        if ping.held or not self._repair.held(member, now):
            member.held = held
        root = self._typesets.root(member)
        # It goes back to where the ping came from, since the member may live elsewhere than we were
        # told; but then it is short, since the member may also live nowhere near.
        at_home = not origin.counter or origin.address in member.addresses
        pong = Pong(
            round=self._cluster.probing.round,
            ping=origin.counter,
            root=root or 0,
            news=self._cluster.news.aboard(member) if at_home else (),
            clock_ms=self._clocks.shown,
            held=held,
            roster=self._members.roster,
        )
        back = origin.address if origin.counter else member.address
        self._out.carry([Send(member.boot, back, pong)], now)
        out += self._cluster.compare_rosters(member, ping.roster, now)
        if ping.root is None:
            return [*out, to(member, self._typesets.ours())]
        self._told_root(member, ping.root, now)
        return [*out, *self._repair.on_ping(member, ping, now)]

    def _on_pong(self, member: Member, pong: Pong, origin: Origin, now: float) -> list[Outcome]:
        sent = self._out.answered(member.boot, pong.ping)
        if sent is not None:
            news = self._clocks.heard(member, pong.clock_ms, now)
            if news:
                self._out.carry(news, now)
            self._cluster.deliveries.measured(member, now - sent.at)
            if sent.to == origin.address != member.addresses[0]:
                self._out.carry(self._cluster.lives_at(member, sent.to), now)
        self._cluster.probing.hear_round(pong.round)
        if self._typesets.common(member) is not None:
            self._told_root(member, pong.root, now)
            if pong.held or self._repair.held(member, now):
                member.held = pong.held
            if self._survey.questions:
                self._survey.answered(member, self._typesets.root_equal(member))
        out = self._cluster.hear(pong.news, now, member.boot)
        return out + self._cluster.compare_rosters(member, pong.roster, now)

    def _told_root(self, member: Member, root: int, now: float) -> None:
        member.root = root
        member.lag = self._lags.of(root, now)
        equal = self._typesets.root_equal(member)
        if equal:
            member.equal_at = now  # what is not flushed yet will be dated later
            member.lag = 0.0
        common = self._typesets.common(member)
        if common and equal and not self._registry.dirty:
            self._confirmations.all_held(common, member.boot)

    def on_list(self, boot: bytes, message: MemberList, now: float) -> list[Outcome]:
        """Take a list of members, from a member or from a process that its list makes one."""
        out = self._cluster.hear_list(message, boot, now)
        member = self._members.booted(boot)
        if member is None:
            return out
        if message.reply:
            return [*out, to(member, self._cluster.answering(message), stream=True)]
        # We asked for this list: look whether the states differ, at once.
        return [*out, to(member, self._pings.to(member, self._cluster.probing.round, now))]

    def _on_tell(self, member: Member, tell: Tell | Forget, now: float) -> list[Outcome]:
        if not self._receipts.is_new(member, tell.id, now):
            return []
        out: list[Outcome] = []
        if isinstance(tell, Forget):
            self._cluster.hear_forget(tell.records, now)
            out += self._cluster.spreading.relay(tell, now)
        else:
            out += self._cluster.hear_told(tell, now, member.boot)
        self._receipts.acknowledge(member, tell.id, now)
        return out

    def _on_push(self, member: Member, push: Push, now: float) -> list[Outcome]:
        self._pushed_at = now
        if not self._inbox.full:  # else it is not relayed either: others will be asked to
            if not self._receipts.is_new(member, push.id, now):
                return []
            self._out.carry(self._pushes.relay(push, now), now)
        self._into_inbox(member, push, now)
        return []

    def _on_ack(self, member: Member, ack: Ack, now: float) -> list[Outcome]:
        for id_ in ack.ids:
            if self._cluster.deliveries.acknowledged(member, id_, now):
                self._leaving.acknowledged(id_)
                if ack.stored:
                    self._confirmations.acknowledged(id_, member.boot)
        return []

    def broke(self, boot: bytes, now: float) -> None:
        """The stream to this process broke, and with it what was under way over it."""
        coming = self._repair.broke(boot)
        if self._announcing.broke(boot, coming, now):
            self._ping_soon(now, self._settings.hot_ping)

    # Joining what arrived

    def _into_inbox(
        self, member: Member, message: Push | Sync, now: float, *, at_once: bool = True
    ) -> None:
        """Let a batch be joined: a part of it now, unless enough was joined at this moment."""
        if not self._inbox.put(member, message):
            self._metrics.dropped.add("inbox full")
        if at_once:
            self.work(now)

    def work(self, now: float) -> None:
        """Join a bounded number of the items that wait."""
        changes, finished = self._inbox.work(now)
        self._out.carry(changes, now)
        for job in finished:
            self._finish(job, now)

    def _finish(self, job: Job, now: float) -> None:
        if isinstance(job.message, Push):
            self._out.carry(self._pushes.joined(job.message, now), now)
            self._receipts.acknowledge(job.sender, job.message.id, now, kept=job.kept)
            return
        deep = self._repair.is_deep(job.sender, now)
        self._announcing.goes_on(job.sender, now)
        self._out.carry(self._repair.on_sync(job.sender, job.message, job.repaired, now), now)
        self._out.carry(self._announcing.came(job.sender, job.repaired, now), now)
        if job.changed and (deep or now - self._pushed_at > CALM):
            self._ping_soon(now, self._settings.hot_ping)

    def _ping_soon(self, now: float, wait: float) -> None:
        if now - self._hot_since >= self._settings.probe_period:
            self._hot_since, self._hot_left = now, HOT_MOST
        if self._hot_left > 0:
            self.hot_at = min(self.hot_at, now + wait)

    def ping_somebody(self, now: float) -> None:
        """Repair spreads at its own pace: look at another member soon."""
        self.hot_at = NEVER
        self._hot_left -= 1
        live = self._members.others(State.ALIVE)
        if live:
            member = self._chance.choice(live)
            self._out.carry(
                [to(member, self._pings.to(member, self._cluster.probing.round, now))], now
            )
