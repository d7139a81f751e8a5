"""The protocol engine: bytes, time and chance in; effects out.

It has the shape of a QUIC connection, not of callbacks: whoever drives it hands in what arrives,
takes the effects after each call, sleeps until `deadline` and calls `wake`. It never raises on
anything that a peer sent, and does a bounded amount of work in one call.

*Theory of operation.* What arrives is opened (`channel`), decoded, and given to the room that it
concerns: `cluster` for membership, `push` for the fast path, `repair` for what that missed. Rooms
answer with `Send` and effects; a `Send` goes out as a datagram where it fits, else by a stream.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import random
from typing import assert_never

from crdtnode.config import PROTOCOL, Settings
from crdtnode.errors import MalformedMessage, Rejected
from crdtnode.metrics import Metrics
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.cluster import Cluster
from crdtnode.protocol.confirmations import Confirmations
from crdtnode.protocol.contact import Contact
from crdtnode.protocol.effects import (
    Address,
    Effect,
    Event,
    Left,
    SendDatagram,
    Source,
    Stream,
)
from crdtnode.protocol.inbox import Inbox, Job
from crdtnode.protocol.joins import Joins
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member
from crdtnode.protocol.push import Pushes
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.streams import Conn, Streams
from crdtnode.protocol.survey import Survey
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import (
    LEFT_MAX,
    NOBODY,
    Ack,
    Challenge,
    Hello,
    Leave,
    MemberList,
    Message,
    Nack,
    Ping,
    PingAck,
    PingReq,
    Pong,
    Push,
    Refused,
    State,
    Sync,
    Types,
    Want,
)
from crdtnode.wire.seal import Reason

PINGS_MOST = 4096
"""Pings whose answers are waited for."""

CONFIRMING = 0.05
"""Seconds between two pings while somebody waits for a member whose root equals ours."""

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class MemberView:
    """One member, as others may see it."""

    name: str
    addresses: tuple[Address, ...]
    state: str
    boot: bytes
    incarnation: int
    tags: Mapping[str, str]
    root_equal: bool | None
    """Whether its root was ours when it told it last; None where it has not told one."""
    rtt: float | None
    """Smoothed round trip, seconds."""
    is_self: bool


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
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._cluster_name = cluster
        self._registry = registry
        self._channel = channel
        self._settings = settings
        self._metrics = metrics
        self._chance = chance
        self._clock = clock
        self._seeds = tuple(seeds)
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
        self._contact = Contact(self._hello, entropy)
        self._cluster = Cluster(
            me,
            registry.fingerprints.text_hash,
            self._ping,
            self._contact.greet,
            settings,
            metrics,
            chance,
        )
        self._members = self._cluster.members
        self._streams = Streams(channel, self._hello, entropy, cluster, settings, metrics)
        self._typesets = TypeSets(registry)
        self._confirmations = Confirmations(self._cluster.deliveries)
        self._pushes = Pushes(
            registry, self._members, self._cluster.deliveries, self._confirmations, settings
        )
        self._inbox = Inbox(Joins(registry, metrics), settings.work_items)
        self._repair = Repair(registry, self._typesets, settings, metrics)
        self._survey = Survey(settings)
        self._room = codec.body_room(settings.datagram_bytes)
        self._effects: list[Effect] = []
        self._pings: dict[tuple[bytes, int], float] = {}
        self._hot_at = NEVER
        self._pushed_at = float("-inf")
        self._encoded: tuple[Message | None, bytes] = (None, b"")
        self._left = False

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
    def members(self) -> list[MemberView]:
        """All members, ourselves included, by name."""
        return sorted((self._view(m) for m in self._members), key=lambda view: view.name)

    @property
    def unreached_seeds(self) -> list[tuple[Address, str]]:
        """Seeds at which no member answers, and why."""
        return [(seed.address, seed.failed) for seed in self._cluster.seeds.unreached]

    def _view(self, member: Member) -> MemberView:
        is_self = member is self._members.me
        equal = True if is_self else self._root_equal(member)
        return MemberView(
            name=member.name,
            addresses=member.addresses,
            state=member.state.name.lower(),
            boot=member.boot,
            incarnation=member.incarnation,
            tags=member.tags,
            root_equal=equal,
            rtt=member.rtt,
            is_self=is_self,
        )

    def _root_equal(self, member: Member) -> bool | None:
        ours = self._typesets.root(member)
        if member.root is None or ours is None or not member.talks:
            return None
        return member.root == ours

    # What the driver does

    def start(self, now: float) -> None:
        """Begin: probe, and join through the seeds."""
        self._cluster.start(now)
        self.join(self._seeds, now)

    def join(self, addresses: Iterable[Address], now: float) -> None:
        """Add seeds, and try them now."""
        for address in addresses:
            if address not in self._members.me.addresses:
                self._cluster.seeds.add(address, now)
        self._try_seeds(now)

    def leave(self, now: float) -> None:
        """Flush, then tell others that we go; effect `Left` follows."""
        self._carry(self._pushes.flush(now), now)
        self._carry(self._cluster.leave(now), now)
        self._after(now)

    def flush(self, now: float) -> int:
        """Push what was written; effect `Flushed` with this ticket says when others hold it."""
        self._carry(self._pushes.flush(now), now)
        ticket = self._confirmations.ticket()
        self._after(now)
        return ticket

    def ask_roots(self, now: float) -> int:
        """Ask every live member for its root; effect `Roots` with this ticket has the answers."""
        self._carry(self._pushes.flush(now), now)
        live = self._members.others(State.ALIVE)
        ticket = self._survey.ask(live, now)
        for member in live:
            self._carry([to(member, self._ping(member, self._cluster.probing.round, now))], now)
        self._after(now)
        return ticket

    def types_changed(self, now: float) -> None:
        """The registry knows another type: tell others what we know."""
        self._members.me.types = self._registry.types_hash
        self._carry(self._cluster.announce(now), now)

    def effects(self) -> list[Effect]:
        """Take what is to be done, in order."""
        effects, self._effects = self._effects, []
        return effects

    @property
    def deadline(self) -> float:
        """When to call `wake`, on the clock of ``now``; infinity where nothing is due."""
        if self._inbox.busy:
            return 0.0
        return min(
            self._cluster.deadline,
            self._cluster.seeds.deadline,
            self._pushes.deadline,
            self._streams.deadline,
            self._survey.deadline,
            self._hot_at,
        )

    def wake(self, now: float) -> None:
        """Take every step that is due."""
        if now - self._cluster.probing.deadline > self._settings.sleep_noticed:
            self._effects.append(Event("slept", {}))
            self._carry(self._cluster.slept(now), now)
        self._work(now)
        self._carry(self._pushes.wake(now), now)
        self._carry(self._cluster.wake(now), now)
        for conn in self._streams.wake(now):
            self._stream_over(conn, "timeout", now)
        if self._hot_at <= now:
            self._ping_somebody(now)
        self._try_seeds(now)
        self._after(now)

    def _after(self, now: float) -> None:
        """What every call ends with."""
        self._effects += self._survey.wake(now)
        self._effects += self._confirmations.settle(len(self._members.talking()))
        if self._confirmations.needs_root:
            self._hot_at = min(self._hot_at, now + CONFIRMING)
        for boot in self._cluster.gone:
            self._repair.forget(boot)
            self._channel.datagrams.forget(boot)
        self._cluster.gone.clear()
        self._effects += self._streams.take_effects()
        if self._cluster.left and not self._left:
            self._left = True
            self._streams.close_all("left")
            self._effects += [*self._streams.take_effects(), Left()]

    # Datagrams

    def receive(self, data: bytes, source: Source, now: float) -> None:
        """Take a datagram, or the next bytes of a stream."""
        if isinstance(source, Stream):
            self._receive_chunk(source.id, data, now)
        else:
            self._receive_datagram(data, source.address, now)
        self._after(now)

    def _receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        self._metrics.bytes_received.add("udp", len(data))
        try:
            opened = self._channel.datagrams.open(data, now)
            message = codec.decode(opened.body)
        except Rejected as error:
            self._metrics.dropped.add(error.reason)
            return
        except MalformedMessage:
            self._metrics.dropped.add("malformed")
            return
        if not isinstance(message, Message):
            self._metrics.dropped.add("unknown kind")
            return
        self._metrics.packets_received.add(type(message).__name__.lower())
        if isinstance(message, Challenge):
            self._on_challenge(opened.sender, address, message, now)
        elif self._trusts(opened.sender) and not opened.greeting:
            self._hear(opened.sender, address, message, opened.counter, now)
        else:
            self._prove(opened.sender, address, message, opened.counter, now)

    def _trusts(self, boot: bytes) -> bool:
        member = self._members.booted(boot)
        return (member is not None and member.talks) or self._channel.datagrams.known(boot)

    def _prove(
        self, boot: bytes, address: Address, message: Message, counter: int, now: float
    ) -> None:
        """An unknown process spoke: use nothing that it said before it is proven fresh."""
        if not self._contact.proof(boot, message):
            self._carry(list(self._contact.challenge(boot, address, message)), now)
            return
        self._channel.datagrams.admit(boot)
        held = self._contact.held(boot)
        if held is not None:
            self._hear(boot, address, held, counter, now)

    def _on_challenge(
        self, boot: bytes, address: Address, challenge: Challenge, now: float
    ) -> None:
        answer, proven = self._contact.answer(boot, address, challenge)
        self._carry([answer, *self._cluster.sign_of_life(boot, now)[1]], now)
        if proven:  # it answered our greeting: it is alive, whatever we thought of it
            self._channel.datagrams.admit(boot)
            member = self._members.booted(boot)
            if member is None:
                self._carry([Send(boot, address, self._listing(reply=True), stream=True)], now)
            else:
                self._carry([to(member, self._ping(member, 0, now))], now)

    # Streams

    def accepted(self, address: Address, now: float) -> int | None:
        """Somebody connected; gives the number of the stream, None to hang up."""
        return None if self._left else self._streams.accepted(address, now)

    def opened(self, id_: int, now: float) -> None:
        """A stream that we asked for is open."""
        if id_ < 0:
            self._carry(self._cluster.probing.connected(id_), now)
        else:
            self._streams.opened(id_, now)
        self._after(now)

    def closed(self, id_: int, why: str, now: float) -> None:
        """A stream ended or could not be opened: refused, timeout, eof, error, unreachable."""
        if id_ < 0:
            self._carry(self._cluster.connect_failed(id_, why, now), now)
        elif (conn := self._streams.closed(id_)) is not None:
            self._stream_over(conn, why, now)
        self._after(now)

    def drained(self, id_: int, now: float) -> None:
        """Everything that was given to this stream is written."""
        conn = self._streams.numbered(id_)
        member = None if conn is None or conn.boot is None else self._members.booted(conn.boot)
        if member is not None:
            self._carry(self._repair.drained(member, now), now)
        self._after(now)

    def send_failed(self, address: Address, errno_name: str, now: float) -> None:
        """The kernel refused a datagram."""
        self._metrics.dropped.add(f"send {errno_name}")

    def _receive_chunk(self, id_: int, data: bytes, now: float) -> None:
        conn = self._streams.numbered(id_)
        received = self._streams.receive(id_, data, now)
        if received is None:
            if conn is not None:
                self._stream_over(conn, "refused", now)
            return
        conn = received.conn
        if received.greeted and conn.boot is not None:
            self._greeted(conn, conn.boot, now)
        for message in received.messages:
            self._metrics.packets_received.add(type(message).__name__.lower())
            if conn.boot is not None:
                self._hear(conn.boot, conn.address, message, 0, now)

    def _greeted(self, conn: Conn, boot: bytes, now: float) -> None:
        """The other end of a stream said who it is."""
        seed = self._cluster.seeds.trying(conn.id)
        if seed is None:
            return
        self._cluster.seeds.reached(seed, boot)
        listing = codec.encode(self._listing(reply=True))
        self._streams.write(conn, listing, "memberlist", now)

    def _stream_over(self, conn: Conn, why: str, now: float) -> None:
        if conn.boot is not None:
            self._repair.forget(conn.boot)
        seed = self._cluster.seeds.trying(conn.id)
        if seed is None:
            return
        if conn.why == Reason.SELF and self._streams.met_ourselves:
            self._cluster.seeds.drop(seed)
        else:
            self._cluster.seeds.failed(seed, conn.why or why, now)

    def _try_seeds(self, now: float) -> None:
        for seed in self._cluster.seeds.due(now):
            conn = self._streams.dial(seed.address, now)
            if conn is None:
                self._cluster.seeds.failed(seed, "too many streams", now)
            else:
                seed.conn = conn.id
        self._effects += self._streams.take_effects()

    # Messages

    def _hear(
        self, boot: bytes, address: Address, message: Message, counter: int, now: float
    ) -> None:
        """Take one authentic message from a process that is proven fresh."""
        member, out = self._cluster.sign_of_life(boot, now)
        self._carry(out, now)
        if member is None:
            self._hear_stranger(boot, address, message, now)
        else:
            if not self._channel.datagrams.known(boot):
                self._channel.datagrams.admit(boot)
            self._carry(self._answer(member, message, counter, now), now)

    def _hear_stranger(self, boot: bytes, address: Address, message: Message, now: float) -> None:
        """A process that has the key and is no member yet: its list makes it one."""
        if isinstance(message, MemberList):
            self._carry(self._on_list(boot, message, now), now)
            if message.reply and self._members.booted(boot) is None:  # its name is taken
                self._carry([Send(boot, address, self._listing(reply=False), stream=True)], now)
        elif isinstance(message, Ping):
            self._carry([Send(boot, address, self._listing(reply=True))], now)
        else:
            self._metrics.dropped.add("not a member")

    def _listing(self, *, reply: bool) -> MemberList:
        return MemberList(0, self._members.records(), reply=reply)

    def _answer(self, member: Member, message: Message, counter: int, now: float) -> list[Outcome]:
        match message:
            case Ping():
                return self._on_ping(member, message, counter, now)
            case Pong():
                return self._on_pong(member, message, now)
            case PingReq():
                return self._cluster.on_ping_req(member, message, now)
            case PingAck():
                return self._cluster.on_ping_ack(message, now)
            case Nack():
                return self._cluster.on_nack(member, message, now)
            case Push():
                return self._on_push(member, message, now)
            case Ack():
                return self._on_ack(member, message, now)
            case MemberList():
                return self._on_list(member.boot, message, now)
            case Leave():
                self._pushes.acknowledge(member, message.id, now)
                return self._cluster.hear([message.record], now)
            case Types():
                self._typesets.learn(message)
                return []
            case Want():
                return list(self._repair.on_want(member, message, now))
            case Sync():
                self._into_inbox(member, message, now)
                return []
            case Hello() | Challenge() | Refused():
                return []  # a late part of a greeting that is over
            case _:
                assert_never(message)

    def _on_ping(self, member: Member, ping: Ping, counter: int, now: float) -> list[Outcome]:
        self._cluster.probing.hear_round(ping.round)
        out = self._cluster.hear(ping.news, now)
        root = self._typesets.root(member)
        pong = Pong(
            round=self._cluster.probing.round,
            ping=counter,
            root=root or 0,
            news=self._cluster.news.aboard(member),
            clock_ms=self._clock(),
            held=0,
            roster=self._members.roster,
        )
        self._carry([to(member, pong)], now)
        out += self._cluster.compare_rosters(member, ping.roster, now)
        if ping.root is None:
            return [*out, to(member, self._typesets.ours())]
        self._told_root(member, ping.root)
        return [*out, *self._repair.on_ping(member, ping, now)]

    def _on_pong(self, member: Member, pong: Pong, now: float) -> list[Outcome]:
        sent = self._pings.pop((member.boot, pong.ping), None)
        if sent is not None:
            member.measured(now - sent)
        self._cluster.probing.hear_round(pong.round)
        if self._typesets.known(member):
            self._told_root(member, pong.root)
            self._survey.answered(member, self._root_equal(member))
        out = self._cluster.hear(pong.news, now)
        return out + self._cluster.compare_rosters(member, pong.roster, now)

    def _told_root(self, member: Member, root: int) -> None:
        member.root = root
        complete = self._typesets.common(member) is None if self._typesets.known(member) else False
        if complete and not self._registry.dirty and root == self._registry.root:
            self._confirmations.all_held()

    def _on_list(self, boot: bytes, message: MemberList, now: float) -> list[Outcome]:
        out = self._cluster.hear_list(message, boot, now)
        member = self._members.booted(boot)
        if member is None:
            return out
        if message.id:
            self._pushes.acknowledge(member, message.id, now)
        if message.reply:
            return [*out, to(member, self._listing(reply=False), stream=True)]
        if not message.id:  # we asked for this list: look whether the states differ, at once
            out.append(to(member, self._ping(member, self._cluster.probing.round, now)))
        return out

    def _on_push(self, member: Member, push: Push, now: float) -> list[Outcome]:
        self._pushed_at = now
        if self._pushes.is_new(member, push, now):
            self._into_inbox(member, push, now)
        return []

    def _on_ack(self, member: Member, ack: Ack, now: float) -> list[Outcome]:
        for id_ in ack.ids:
            if self._cluster.acknowledged(member, id_, now):
                self._confirmations.acknowledged(id_)
        return []

    # Joining what arrived

    def _into_inbox(self, member: Member, message: Push | Sync, now: float) -> None:
        if not self._inbox.put(member, message):
            self._metrics.dropped.add("inbox full")
        self._work(now)

    def _work(self, now: float) -> None:
        changes, finished = self._inbox.work(now)
        self._effects += changes
        for job in finished:
            self._finish(job, now)

    def _finish(self, job: Job, now: float) -> None:
        if isinstance(job.message, Push):
            self._pushes.acknowledge(job.sender, job.message.id, now)
            return
        sync = job.message
        self._carry(list(self._repair.on_sync(job.sender, sync, now)), now)
        deep = sync.left < LEFT_MAX - 1
        if job.changed and (deep or now - self._pushed_at > 0.25):
            self._hot_at = min(self._hot_at, now + self._settings.hot_ping)

    def _ping_somebody(self, now: float) -> None:
        """Repair spreads at its own pace: look at another member soon."""
        self._hot_at = NEVER
        live = self._members.others(State.ALIVE)
        if live:
            member = self._chance.choice(live)
            self._carry([to(member, self._ping(member, self._cluster.probing.round, now))], now)

    # What goes out

    def _hello(self, nonce: bytes, echo: bytes) -> Hello:
        return Hello(
            nonce=nonce,
            receiver=NOBODY,
            name=self._members.me.name,
            cluster=self._cluster_name,
            types=self._registry.types_hash,
            echo=echo,
        )

    def _ping(self, member: Member, round_: int, now: float) -> Ping:
        return Ping(
            round=round_,
            root=self._typesets.root(member),
            news=self._cluster.news.aboard(member),
            recents=self._repair.recents(member, now),
            held=(),
            roster=self._members.roster,
        )

    def _carry(self, outcomes: Iterable[Outcome], now: float) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Send):
                self._send(outcome, now)
            else:
                self._effects.append(outcome)

    def _send(self, send: Send, now: float) -> None:
        message = send.message
        if self._encoded[0] is not message:  # one push goes to many members
            self._encoded = (message, codec.encode(message))
        body = self._encoded[1]
        kind = type(message).__name__.lower()
        if send.stream or len(body) > self._room:
            if not self._streams.send(send.boot, send.address, body, kind, now):
                self._repair.forget(send.boot)
            self._effects += self._streams.take_effects()
            return
        receiver = None if send.boot == NOBODY else send.boot
        counter, datagram = self._channel.datagrams.seal(receiver, body)
        if isinstance(message, Ping):
            self._pinged(send.boot, counter, now)
        self._metrics.packets_sent.add(kind)
        self._metrics.bytes_sent.add("udp", len(datagram))
        self._effects.append(SendDatagram(send.address, datagram))

    def _pinged(self, boot: bytes, counter: int, now: float) -> None:
        self._pings[boot, counter] = now
        if len(self._pings) > PINGS_MOST:
            del self._pings[next(iter(self._pings))]
