"""Two nodes that repair each other, without datagrams, streams or time."""

from collections import deque
from dataclasses import dataclass, field, replace

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Event
from crdtnode.protocol.inbox import Inbox
from crdtnode.protocol.joins import Joins
from crdtnode.protocol.mail import Send
from crdtnode.protocol.members import Member
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.typesets import TypeSets
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Again, Busy, Ctx, Message, Ping, Sync, Want
from tests.protocol.people import member
from tests.protocol.registries import registry


@dataclass
class Side:
    """One of two nodes."""

    name: str
    registry: Registry = field(default_factory=registry)
    settings: Settings = field(default_factory=Settings)
    message_bytes_most: int = 1_000_000
    metrics: Metrics = field(default_factory=Metrics)
    typesets: TypeSets = field(init=False)
    repair: Repair = field(init=False)
    me: Member = field(init=False)

    def __post_init__(self) -> None:
        self.typesets = TypeSets(self.registry)
        self.repair = Repair(
            self.registry,
            self.typesets,
            self.settings,
            self.metrics,
            self.message_bytes_most,
            self.name.encode,
        )
        self.events: list[Event] = []
        self.inbox = Inbox(Joins(self.registry, self.metrics), work_items=10**6)
        self.me = member(self.name, types=self.registry.types_hash)

    def ping(self, peer: "Side", now: float) -> Ping:
        self.registry.flush(now)
        root, recents = self.typesets.root(peer.me), self.repair.recents(peer.me, now)
        return Ping(1, root, (), recents, self.repair.held(peer.me, now), 0)

    def take(self, message: Message, peer: "Side", now: float) -> list[Send]:
        match message:
            case Ping():
                return self.repair.on_ping(peer.me, message, now)
            case Want():
                return self.repair.on_want(peer.me, message, now)
            case Again():
                return self.repair.on_again(peer.me, message, now)
            case Ctx():
                return self.repair.on_ctx(peer.me, message, now)
            case Busy():
                self.repair.on_busy(peer.me)
                return []
            case Sync():
                return self.sync(message, peer, now)
        raise AssertionError(message)

    def see_equal(self, peer: "Side", now: float) -> None:
        """A probe told that the peer's root is ours."""
        peer.me.equal_at = now
        self.repair.on_ping(peer.me, replace(self.ping(peer, now), held=()), now)

    def sync(self, message: Sync, peer: "Side", now: float) -> list[Send]:
        """Join the items, and answer."""
        assert self.inbox.put(peer.me, message)
        _, (job,) = self.inbox.work(now)
        self.registry.flush(now)
        out = self.repair.on_sync(peer.me, message, job.repaired, now)
        self.events += [effect for effect in out if isinstance(effect, Event)]
        return [effect for effect in out if isinstance(effect, Send)]


@dataclass
class Pair:
    """Carries messages between two sides, and counts them."""

    a: Side = field(default_factory=lambda: Side("a"))
    b: Side = field(default_factory=lambda: Side("b"))
    now: float = 0.0
    sent: list[Message] = field(default_factory=list)
    bytes_sent: int = 0

    def forget_what_was_sent(self) -> None:
        self.sent, self.bytes_sent = [], 0

    def probe(self) -> int:
        """A pings b, and what follows; gives the number of messages."""
        self.now += 1.0
        before = len(self.sent)
        self.b.registry.flush(self.now)
        pending = deque([(self.a, Send(self.b.me.boot, self.b.me.address, self._ping()))])
        for _ in range(10_000):
            for side in (self.a, self.b):
                while not pending and side.repair.busy:
                    pending.extend((side, send) for send in side.repair.work(self.now))
            if not pending:
                if self.equal:
                    self.a.see_equal(self.b, self.now)
                    self.b.see_equal(self.a, self.now)
                return len(self.sent) - before
            sender, send = pending.popleft()
            receiver = self.b if sender is self.a else self.a
            body = codec.encode(send.message)
            message = codec.decode(body)
            assert not isinstance(message, codec.m.UnknownKind)
            self.sent.append(message)
            self.bytes_sent += len(body)
            answers = receiver.take(message, sender, self.now)
            pending.extend((receiver, answer) for answer in answers)
        raise AssertionError("the session never ends")

    def _ping(self) -> Ping:
        return self.a.ping(self.b, self.now)

    @property
    def equal(self) -> bool:
        return self.a.registry.root == self.b.registry.root

    def kinds(self) -> list[str]:
        return [type(message).__name__.lower() for message in self.sent]
