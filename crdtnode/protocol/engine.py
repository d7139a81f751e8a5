"""The protocol engine: bytes, time and chance in; effects out.

It has the shape of a QUIC connection, not of callbacks: whoever drives it hands in what arrives,
takes the effects after each call, sleeps until `deadline` and calls `wake`. It never raises on
anything that a peer sent, and does a bounded amount of work in one call.

*Theory of operation.* What arrives is opened and decoded by `doorway`, and taken by `answers` to
the room that it concerns: `cluster` for membership, `push` for the fast path, `repair` for what
that missed. Rooms answer with `Send` and effects, which `outbound` puts in order; a `Send` goes
out as a datagram where it fits, else by a stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
import math
import random

from crdtnode.config import PROTOCOL, Settings
from crdtnode.errors import MemberLives, UnknownMember
from crdtnode.metrics import Metrics
from crdtnode.protocol.announcing import Announcing
from crdtnode.protocol.answers import Answers
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.clocks import Clocks
from crdtnode.protocol.cluster import Cluster
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.contact import Contact
from crdtnode.protocol.discovery import Discovery
from crdtnode.protocol.doorway import Doorway
from crdtnode.protocol.effects import Address, Effect, Left, Source, Stream, Udp
from crdtnode.protocol.inbox import Inbox
from crdtnode.protocol.joins import Joins
from crdtnode.protocol.lags import Lags
from crdtnode.protocol.leaving import Leaving
from crdtnode.protocol.looking import Looking
from crdtnode.protocol.mail import to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.news import News
from crdtnode.protocol.outbound import Outbound
from crdtnode.protocol.pings import Pings, hellos
from crdtnode.protocol.push import Pushes
from crdtnode.protocol.receipts import Receipts
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.seeds import REMEMBERED_MOST
from crdtnode.protocol.sleep import Sleep
from crdtnode.protocol.strangers import Strangers
from crdtnode.protocol.streams import Streams
from crdtnode.protocol.survey import Survey
from crdtnode.protocol.typesets import TypeSets
from crdtnode.protocol.views import MemberView, view
from crdtnode.registry import Registry
from crdtnode.wire.messages import Ack, Push, State

COMMON = (Push, Ack)
"""What a busy node hears nearly always; it changes nothing that is due but pushes."""

CONFIRMING = 0.05
"""Seconds between two pings while somebody waits for a member whose root equals ours."""


class Engine:
    """One node's protocol; see the module for its use."""

    def __init__(
        self,
        *,
        name: str,
        cluster: str,
        addresses: Sequence[Address],
        registry: Registry,
        channel: Channel,
        settings: Settings,
        metrics: Metrics,
        chance: random.Random,
        entropy: Callable[[int], bytes],
        clock: Callable[[], int],
        seeds: Iterable[Address] = (),
        remembered: Iterable[Address] = (),
        group: Address | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        me = Member(
            name=name,
            boot=channel.boot,
            incarnation=clock(),
            state=State.ALIVE,
            addresses=tuple(addresses),
            types=registry.types_hash,
            protocol=PROTOCOL,
            tags=dict(tags or {}),
            since=0.0,
        )
        self._seldom_at: float | None = None
        self._sleep_noticed = settings.sleep_noticed
        self._registry = registry
        self._fingerprints = registry.fingerprints
        self._kinds = registry.kinds
        self._channel = channel
        self._settings = settings
        self._metrics = metrics
        self._seeds = tuple(seeds)
        self._remembered = tuple(remembered)
        self._members = Members(me)
        self._clocks = Clocks(self._members, clock)
        registry.clock = self._clocks.stamp
        self._typesets = TypeSets(registry)
        self._most = channel.message_bytes_most
        self._repair = Repair(
            registry, self._typesets, settings, metrics, self._most, lambda: channel.boot
        )
        hello = hellos(me, cluster, registry)
        contact = Contact(channel.datagrams, hello, entropy)
        strangers = Strangers()
        self._meet(contact, group, chance)
        self._streams = Streams(channel, hello, entropy, cluster, strangers, settings, metrics)
        self._out = Outbound(channel, self._streams, self._repair, settings, metrics)
        self._spread()
        self._listen(contact, strangers, chance)
        self._sleep = Sleep(
            channel, self._streams, self._cluster, self._doorway, self._out, settings, entropy
        )

    def _meet(self, contact: Contact, group: Address | None, chance: random.Random) -> None:
        """Furnish the rooms that know who is here."""
        news = News(self._members)
        self._pings = Pings(self._members, news, self._typesets, self._repair)
        self._cluster = Cluster(
            self._members,
            news,
            self._registry.fingerprints.text_hash,
            self._pings.to,
            contact.greet,
            self._settings,
            self._metrics,
            chance,
        )
        self._discovery = Discovery(self._members, contact.greet, group, chance)

    def _spread(self) -> None:
        """Furnish the rooms of the fast path."""
        self._deliveries = deliveries = self._cluster.deliveries
        spreading = self._cluster.spreading
        self._confirmations = Confirmations(self._members, deliveries, self._typesets)
        self._leaving = Leaving(self._members, deliveries, self._confirmations, self._settings)
        self._receipts = Receipts(self._settings)
        self._announcing = Announcing(
            self._registry, self._repair, spreading, deliveries, self._receipts
        )
        self._pushes = Pushes(
            self._registry,
            spreading,
            self._announcing,
            self._receipts,
            deliveries,
            self._confirmations,
            self._settings,
            self._metrics,
            self._most,
        )

    def _listen(self, contact: Contact, strangers: Strangers, chance: random.Random) -> None:
        """Furnish the rooms through which everything comes in."""
        self._inbox = Inbox(Joins(self._registry, self._metrics), self._settings.work_items)
        self._survey = Survey(self._settings)
        self._lags = Lags()
        self._looking = Looking(self._registry, self._typesets)
        self._answers = Answers(
            self._registry,
            self._lags,
            self._looking,
            self._cluster,
            self._pings,
            self._pushes,
            self._announcing,
            self._receipts,
            self._confirmations,
            self._inbox,
            self._repair,
            self._survey,
            self._typesets,
            self._leaving,
            self._out,
            self._settings,
            self._metrics,
            self._clocks,
            chance,
        )
        self._doorway = Doorway(
            self._channel,
            self._streams,
            contact,
            self._cluster,
            self._pings,
            self._answers,
            strangers,
            self._out,
            self._metrics,
        )

    # What others may look at

    @property
    def name(self) -> str:
        """Our name; it may change where another process has it already."""
        return self._members.me.name

    @property
    def secret(self) -> bool:
        """True where a keyring keeps strangers out."""
        return self._channel.secret

    @property
    def clock_held_ms(self) -> int:
        """By how much the stamps of our writes are held back, since all others' clocks say so."""
        return self._clocks.held_ms

    @property
    def members(self) -> list[MemberView]:
        """All members, ourselves included, by name."""
        views = (self._view(member) for member in self._members)
        return sorted(views, key=lambda member: member.name)

    @property
    def present(self) -> dict[Address, str]:
        """Where all live who are alive or suspect, ourselves included, with their names."""
        return {member.addresses[0]: member.name for member in self._members if member.talks}

    @property
    def roster(self) -> int:
        """A digest of who is here: equal on all nodes that know of the same processes."""
        return self._members.roster

    def _view(self, member: Member) -> MemberView:
        if member is self._members.me:
            return view(member, is_self=True, root_equal=True)
        return view(member, is_self=False, root_equal=self._typesets.root_equal(member))

    @property
    def health(self) -> int:
        """Our own health: 0 is well; each point makes us wait once more before we judge others."""
        return self._cluster.health.score

    @property
    def unreached_seeds(self) -> list[tuple[Address, str]]:
        """Seeds at which no member answers, and why; not those that nobody asked for."""
        seeds = self._cluster.seeds.unreached
        return [(seed.address, seed.failed) for seed in seeds if not seed.remembered]

    @property
    def peers(self) -> list[Address]:
        """Where others live or lived, the most likely first: enough to find them all again."""
        others = sorted(self._members.others(*State), key=lambda m: (m.state, -m.since))
        addresses = [m.address for m in others] + self._cluster.seeds.addresses
        return list(dict.fromkeys(addresses))[:REMEMBERED_MOST]

    # What the driver asks for

    def start(self, now: float) -> None:
        """Begin: probe, and join through the seeds."""
        self._cluster.start(now)
        self._discovery.start(now)
        for address in self._remembered:
            if address not in self._members.me.addresses:
                self._cluster.seeds.remember(address, now)
        self.join(self._seeds, now)

    def join(self, addresses: Iterable[Address], now: float) -> None:
        """Add seeds, and try them now."""
        for address in addresses:
            if address not in self._members.me.addresses:
                self._cluster.seeds.add(address, now)
        self._doorway.try_seeds(now)
        self._seldom_at = None

    def compare(self, name: str, now: float) -> int:
        """Find out what differs from what a member holds; effect `Inspected` tells it.

        Raises:
            UnknownMember: There is no other of this name that may be alive; it says why.
        """
        self._out.carry(self._pushes.flush_all(now), now)
        ticket, sends = self._looking.compare(self._other(name), now)
        self._out.carry(sends, now)
        self._after(now)
        return ticket

    def inspect(self, name: str, place: int, now: float) -> int:
        """Get a member's copy of one object; effect `Inspected` has it.

        Raises:
            UnknownMember: As `compare`.
        """
        ticket, sends = self._looking.inspect(self._other(name), place, now)
        self._out.carry(sends, now)
        self._after(now)
        return ticket

    def _other(self, name: str) -> Member:
        member = self._members.named(name)
        if member is None:
            raise UnknownMember(name)
        if member is self._members.me:
            raise UnknownMember(name, "this node itself")
        if not member.talks:
            raise UnknownMember(name, member.state.name.lower())
        return member

    def forget(self, name: str, now: float) -> None:
        """Forget a member that is gone, here and everywhere.

        Raises:
            UnknownMember: There is none of this name.
            MemberLives: It is alive or suspect; it would only come back.
        """
        member = self._members.named(name)
        if member is None:
            raise UnknownMember(name)
        if member.talks or member is self._members.me:
            raise MemberLives(name, member.state.name.lower())
        self._out.carry(self._cluster.forget(member, now), now)
        self._seldom_at = None
        self.wake(now)

    def leave(self, now: float) -> None:
        """Flush, then tell others that we go; effect `Left` follows."""
        self._out.carry(self._pushes.flush_all(now), now)
        self._out.carry(self._leaving.begin(now), now)
        self._after(now)

    def flush(self, now: float) -> int:
        """Push what was written; effect `Flushed` with this ticket says when another holds it."""
        return self.flush_until(1, now)

    def flush_until(self, members: int, now: float) -> int:
        """The same, until so many others hold it, or all where there are fewer."""
        self._out.carry(self._pushes.flush(now), now)
        ticket = self._confirmations.ticket(members, later=self._registry.unfinished)
        self._after(now)
        return ticket

    def ask_roots(self, now: float) -> int:
        """Ask every member, suspects too, for its root; effect `Roots` with this ticket has the answers."""
        self._out.carry(self._pushes.flush(now), now)
        asked = self._members.talking()
        ticket = self._survey.ask(asked, now)
        round_ = self._cluster.probing.round
        self._out.carry((to(m, self._pings.to(m, round_, now)) for m in asked), now)
        self._after(now)
        return ticket

    def types_changed(self, now: float) -> None:
        """The registry knows another type: tell others now, not with the next call."""
        self._after(now)

    def effects(self) -> list[Effect]:
        """Take what is to be done, in order."""
        return self._out.take_effects()

    # Time

    @property
    def deadline(self) -> float:
        """When to call `wake`, on the clock of ``now``; infinity where nothing is due."""
        if self._leaving.over:
            return math.inf
        if self._inbox.waiting or (self._repair.queues and self._repair.busy):
            return 0.0
        seldom = self._seldom_at
        due = self._seldom_due() if seldom is None else seldom
        if self._receipts.deadline < due:
            due = self._receipts.deadline
        if self._registry.dirty:
            due = min(due, self._pushes.deadline)
        if self._deliveries.queue or self._deliveries.orphaned:
            due = min(due, self._deliveries.deadline)
        return due

    def _seldom_due(self) -> float:
        """When a step is due that has nothing to do with pushes.

        It is looked up again after each call that may bring it forward: pushes and their
        acknowledgements, nearly all that a busy node hears, do not.
        """
        if self._seldom_at is None:
            due = min(
                self._cluster.deadline,
                self._cluster.seeds.deadline,
                self._answers.hot_at,
                self._discovery.deadline,
                self._streams.deadline,
                self._leaving.deadline,
            )
            if self._looking.running or self._survey.questions:  # hardly ever
                due = min(due, self._looking.deadline, self._survey.deadline)
            self._seldom_at = due
        return self._seldom_at

    def wake(self, now: float) -> None:
        """Take every step that is due."""
        if self._seldom_at is None or self._seldom_at < now - self._sleep_noticed:
            self._notice_sleep(now)
        seldom_due = self._seldom_due()
        due = min(self._receipts.deadline, seldom_due)
        if due <= now:
            self._pushes.late(now - due)
        busy, more = bool(self._inbox.waiting), bool(self._repair.queues) and self._repair.busy
        if busy:
            self._answers.work(now)
        elif more:
            self._out.carry(self._repair.work(now), now)
        self._wake_pushes(now)
        seldom = busy or more or seldom_due <= now
        if seldom:
            self._wake_seldom(now)
        self._after(now, common=not seldom)

    def _wake_pushes(self, now: float) -> None:
        """Take the steps of the fast path that are due."""
        if self._registry.dirty and self._pushes.deadline <= now:
            self._out.carry(self._pushes.flush(now), now)
        if self._receipts.deadline <= now:
            self._out.carry(self._receipts.wake(now), now)
        if self._deliveries.deadline <= now:
            self._out.carry(self._cluster.spreading.wake(now), now)

    def _wake_seldom(self, now: float) -> None:
        self._announcing.let_go()
        if self._cluster.deadline <= now:
            self._out.carry(self._cluster.wake(now), now)
        if self._streams.deadline <= now:
            for conn in self._streams.wake(now):
                self._doorway.stream_over(conn, "timeout", now)
        if self._answers.hot_at <= now:
            self._answers.ping_somebody(now)
        if self._cluster.seeds.deadline <= now:
            self._doorway.try_seeds(now)
        if self._discovery.deadline <= now:
            self._out.carry(self._discovery.wake(now), now)
        if self._looking.running:
            self._out.carry(self._looking.wake(now), now)

    def _notice_sleep(self, now: float) -> None:
        """A probe that is seconds late shows that this process, or its machine, stood still."""
        late = now - max(self._seldom_due(), self._cluster.probing.deadline)
        if late > self._sleep_noticed:
            self._seldom_at = None
            self._sleep.over(late, now)

    def _after(self, now: float, *, common: bool = False) -> None:
        """What every call ends with; ``common`` where nothing came forward but pushes."""
        if not common:
            self._seldom_at = None
        types = self._kinds.tags_hash
        if self._members.me.types != types:
            self._members.me.types = types
            self._seldom_at = None
            self._out.carry(self._cluster.renew(now), now)
        root = self._fingerprints.root
        if root != self._lags.root:
            self._lags.note(root, now)
        if self._survey.questions:
            self._out.carry(self._survey.wake(now), now)
        if self._confirmations.later and not self._registry.unfinished:
            self._confirmations.flushed()
        if self._deliveries.ended or self._confirmations.tickets:
            self._out.carry(self._confirmations.settle(), now)
            if self._confirmations.needs_root:
                self._answers.hot_at = min(self._answers.hot_at, now + CONFIRMING)
                self._seldom_at = None
        if self._cluster.gone:
            self._forget_gone()
        if self._leaving.deadline < math.inf and self._leaving.settle(now):
            self._streams.close_all("left")
            self._out.carry([Left()], now)

    def _forget_gone(self) -> None:
        """Drop what is kept for processes that are gone."""
        for boot in self._cluster.gone:
            self._repair.forget(boot)
            self._channel.datagrams.forget(boot)
        self._cluster.gone.clear()

    # What arrives

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """Take a datagram, or the next bytes of a stream."""
        if self._seldom_at is None or self._seldom_at < now - self._sleep_noticed:
            self._notice_sleep(now)
        if isinstance(source, Stream):
            self._doorway.chunk(source.id, data, now)
            self._after(now)
        elif now < self._sleep.deaf_until:
            self._metrics.dropped.add("queued while asleep")
            self._after(now)
        else:
            busy = bool(self._inbox.waiting)
            heard = self._doorway.datagram(data, source.address, now)
            self._after(now, common=heard in COMMON and not busy)

    def heard(self, now: float) -> None:
        """All datagrams that had come are handed over: acknowledge them now, if that may be.

        What came together is acknowledged together, and nobody has to be woken for it.
        """
        if self._receipts.deadline <= now and not self._inbox.waiting:
            self._wake_pushes(now)
            self._after(now, common=True)

    def announced(self, data: bytes, source: Udp, now: float) -> None:
        """Take a datagram that was meant for everybody on the network."""
        self._doorway.announcement(data, source.address, now)
        self._after(now)

    def accepted(self, address: Address, now: float) -> int | None:
        """Somebody connected; gives the number of the stream, None to hang up."""
        self._seldom_at = None
        return None if self._leaving.over else self._streams.accepted(address, now)

    def opened(self, id_: int, now: float) -> None:
        """A stream that we asked for is open."""
        if id_ < 0:
            self._out.carry(self._cluster.probing.connected(id_), now)
        else:
            self._streams.opened(id_, now)
        self._after(now)

    def closed(self, id_: int, why: str, now: float) -> None:
        """A stream ended or could not be opened: refused, timeout, eof, error, unreachable."""
        if id_ < 0:
            self._out.carry(self._cluster.connect_failed(id_, why, now), now)
        elif (conn := self._streams.closed(id_)) is not None:
            self._doorway.stream_over(conn, why, now)
        self._after(now)

    def drained(self, id_: int, now: float) -> None:
        """Everything that was given to this stream is written."""
        self._streams.drained(id_)
        self._after(now)

    def send_failed(self, address: Address, errno_name: str, now: float) -> None:
        """The kernel refused a datagram."""
        self._metrics.dropped.add(f"send {errno_name}")
        self._metrics.send_errors.add(f"{address[0]}:{address[1]} {errno_name}")
        self._cluster.health.send_failed(errno_name, now)
        self._out.carry(self._cluster.send_failed(address, errno_name), now)

    def datagrams_lost(self, count: int, now: float) -> None:
        """The kernel threw datagrams away, since we did not take them fast enough."""
        self._metrics.dropped.add("receive buffer full", count)
        self._cluster.health.worse(now)
