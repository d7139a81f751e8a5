"""TCP streams to members: one per peer where possible, opened when needed, closed when idle.

Both ends begin with a Hello that carries 16 random bytes; everything after is sealed under a key
made of both, so that a recorded stream means nothing. A stream that does not greet in time is
closed. Strangers get one readable refusal, since over TCP their address is proven.
"""

from collections.abc import Callable
from dataclasses import field

from crdtnode.config import PROTOCOL, Settings
from crdtnode.errors import MalformedMessage, Rejected
from crdtnode.metrics import Metrics
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.effects import (
    Address,
    CloseStream,
    Effect,
    OpenStream,
    SendFrame,
)
from crdtnode.protocol.strangers import Strangers
from crdtnode.values import struct
from crdtnode.wire import frames
from crdtnode.wire.frames import ClearStream, StreamSeal
from crdtnode.wire.messages import NOBODY, Hello, Message
from crdtnode.wire.seal import Reason

QUEUED_MOST = 64
"""Messages that wait for a stream to open; further ones are dropped, and repair carries them."""

UNSENT_MOST = 4 * 1024 * 1024
"""Bytes given to a stream and not written yet over which further messages are dropped."""

SLOWEST = 100_000
"""Bytes a second that a stream must write in order not to count as idle."""

SEED_IDLE = 0.5
"""Seconds after which an unused stream that we opened to a seed is closed: many may want to join
through it at a time, and it can hold only so many streams."""

REFUSAL_PERIOD = 0.1
"""Seconds between two refusals that we send."""

FOREIGN = frozenset({Reason.MAGIC, Reason.VERSION, Reason.FOREIGN, Reason.FORGED, Reason.SHORT})
"""Reasons for which a stranger on a stream is told why we hang up."""


NEVER = float("inf")


@struct
class Conn:
    """One stream."""

    id: int
    address: Address
    seal: StreamSeal | ClearStream
    nonce: bytes
    since: float
    initiator: bool
    boot: bytes | None
    """Whom we mean to reach, then who greeted."""
    to_seed: bool = False
    """Opened to whoever lives at an address, in order to join."""
    echo: bytes = b""
    """The nonce of the peer's Hello."""
    greeted: bool = False
    """The peer's Hello has come: we may send under the stream's key."""
    used: float = 0.0
    unsent: int = 0
    """Bytes given to it since it was drained last."""
    queue: list[bytes] = field(default_factory=list)
    why: str = ""
    """Why it ended, where the other end is to blame."""
    ourselves: bool = False
    """The other end turned out to be this very process."""

    @property
    def ready(self) -> bool:
        """True where the peer has shown that it has the key, and that it is no recording."""
        return self.greeted and (self.initiator or self.seal.proven)


@struct
class Received:
    """What came out of one chunk of bytes."""

    messages: list[Message] = field(default_factory=list)
    greeted: bool = False
    """This chunk brought the peer's Hello."""
    over: bool = False
    """What follows the messages ended the stream."""


class Streams:
    """All streams of this node, by number."""

    def __init__(
        self,
        channel: Channel,
        hello: Callable[[bytes, bytes], Hello],
        entropy: Callable[[int], bytes],
        cluster: str,
        strangers: Strangers,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._channel = channel
        self._hello = hello
        self._entropy = entropy
        self._cluster = cluster
        self._settings = settings
        self._metrics = metrics
        self._conns: dict[int, Conn] = {}
        self._by_boot: dict[bytes, Conn] = {}
        self._last_id = 0
        self._strangers = strangers
        self._refused_at = float("-inf")
        self._met_ourselves = False
        self.deadline = NEVER
        """When the next stream may have been idle, or unproven, for too long.

        Limits mostly move on while nobody looks: this is the least of them as of the last look.
        """
        self.effects: list[Effect] = []
        """What `take_effects` gives next."""

    def numbered(self, id_: int) -> Conn | None:
        """The stream of this number."""
        return self._conns.get(id_)

    def take_effects(self) -> list[Effect]:
        """What is to be done, in order."""
        effects, self.effects = self.effects, []
        return effects

    # Opening and closing

    def dial(self, address: Address, now: float, boot: bytes | None = None) -> Conn | None:
        """Open a stream; None where too many are open."""
        conn = self._new(address, now, initiator=True, boot=boot)
        if conn is not None:
            conn.to_seed = boot is None
            if boot is not None:
                self._by_boot[boot] = conn
            self.effects.append(OpenStream(conn.id, address))
        return conn

    def accepted(self, address: Address, now: float) -> int | None:
        """Somebody connected; None where too many streams are open.

        Half of the streams may be such that did not prove themselves; then the oldest gives way.
        """
        strangers = [c for c in self._conns.values() if not (c.initiator or c.ready)]
        if len(strangers) > self._settings.streams_most // 2:
            self._metrics.dropped.add("too many strangers")
            self.close(strangers[0], "too many strangers")
        conn = self._new(address, now, initiator=False, boot=None)
        return None if conn is None else conn.id

    def _new(
        self, address: Address, now: float, *, initiator: bool, boot: bytes | None
    ) -> Conn | None:
        if len(self._conns) >= self._settings.streams_most:
            self._metrics.dropped.add("too many streams")
            return None
        self._last_id += 1
        nonce = self._entropy(16)
        seal = self._channel.stream(nonce, initiator)
        conn = Conn(self._last_id, address, seal, nonce, now, initiator, boot, used=now)
        self._conns[conn.id] = conn
        self.deadline = min(self.deadline, self._limit(conn))
        return conn

    def opened(self, id_: int, now: float) -> None:
        """A stream that we asked for is open: greet."""
        conn = self._conns.get(id_)
        if conn is None:
            self.effects.append(CloseStream(id_, "not wanted any more"))
            return
        conn.used = now
        self._greet(conn)

    def _greet(self, conn: Conn) -> None:
        hello = self._hello(conn.nonce, conn.echo)
        self._frame(conn, conn.seal.greet(self._channel.encode(hello)), "hello")

    def closed(self, id_: int) -> Conn | None:
        """A stream ended, or could not be opened; gives what we knew of it."""
        conn = self._conns.pop(id_, None)
        if conn is not None and conn.boot is not None and self._by_boot.get(conn.boot) is conn:
            del self._by_boot[conn.boot]
        return conn

    def close(self, conn: Conn, why: str) -> None:
        """End a stream."""
        if self.closed(conn.id) is not None:
            self.effects.append(CloseStream(conn.id, why))

    def close_all(self, why: str) -> list[Conn]:
        """End every stream; gives those."""
        over = list(self._conns.values())
        for conn in over:
            self.close(conn, why)
        return over

    # Sending

    def send(self, boot: bytes, address: Address, body: bytes, kind: str, now: float) -> bool:
        """Send a body to a process, over the stream to it or a new one; False where it is lost."""
        conn = self._by_boot.get(boot) or self.dial(address, now, boot)
        return conn is not None and self.write(conn, body, kind, now)

    def write(self, conn: Conn, body: bytes, kind: str, now: float) -> bool:
        """Send a body over a stream, once that is greeted; False where it is lost."""
        conn.used = now
        if not conn.ready and len(conn.queue) < QUEUED_MOST:
            conn.queue.append(body)
        elif not conn.ready or conn.unsent > UNSENT_MOST:
            self._metrics.dropped.add("stream full")
            return False
        else:
            return self._sealed(conn, body, kind)
        return True

    def _sealed(self, conn: Conn, body: bytes, kind: str) -> bool:
        if len(body) > self._channel.message_bytes_most:
            self._metrics.dropped.add("too large to send")
            return False
        self._frame(conn, conn.seal.send(body), kind)
        return True

    def _frame(self, conn: Conn, data: bytes, kind: str) -> None:
        conn.unsent += len(data)
        self._metrics.packets_sent.add(kind)
        self._metrics.bytes_sent.add("tcp", len(data))
        self.effects.append(SendFrame(conn.id, data))

    def drained(self, id_: int) -> Conn | None:
        """Everything that was given to this stream is written."""
        conn = self._conns.get(id_)
        if conn is not None:
            conn.unsent = 0
            self.deadline = min(self.deadline, self._limit(conn))
        return conn

    # Receiving

    def receive(self, conn: Conn, chunk: bytes, now: float) -> Received:
        """Take bytes from a stream."""
        self._metrics.bytes_received.add("tcp", len(chunk))
        received = Received()
        try:
            for body in conn.seal.receive(chunk):
                self._take(conn, received, body)
            if conn.seal.fault is not None:  # behind those bodies
                raise conn.seal.fault
        except Rejected as error:
            received.over = True
            self._refuse(conn, error, now)
        except MalformedMessage:
            received.over = True
            self._metrics.dropped.add("malformed")
            self.close(conn, "malformed message")
        else:
            if conn.ready:
                conn.used = now
                self._flush_queue(conn)
        return received

    def _take(self, conn: Conn, received: Received, body: bytes) -> None:
        message = self._channel.decode(body)
        if not conn.greeted:
            self._greeted(conn, message)
            received.greeted = True
        elif isinstance(message, Hello):
            pass  # the short first frame
        elif isinstance(message, Message):
            received.messages.append(message)
        else:
            self._metrics.dropped.add("unknown kind")

    def _greeted(self, conn: Conn, message: object) -> None:
        if not isinstance(message, Hello) or message.protocol != PROTOCOL:
            raise Rejected("protocol")
        if message.receiver not in (NOBODY, self._channel.boot):
            raise Rejected("meant for another process")
        if conn.boot is not None and conn.boot != conn.seal.sender:
            raise Rejected("another process answered")
        if conn.initiator and message.echo != conn.nonce:
            raise Rejected("replayed")
        conn.greeted = True
        conn.boot, conn.echo = conn.seal.sender, message.nonce
        if not conn.initiator:
            self._greet(conn)
            return
        # A short first frame under the stream's key lifts the other end's limit for strangers.
        self._sealed(conn, self._channel.encode(self._hello(conn.nonce, conn.echo)), "hello")

    def _flush_queue(self, conn: Conn) -> None:
        assert conn.boot is not None  # it is ready
        self._by_boot.setdefault(conn.boot, conn)
        queue, conn.queue = conn.queue, []
        for body in queue:
            self._sealed(conn, body, "queued")

    def _refuse(self, conn: Conn, error: Rejected, now: float) -> None:
        """Hang up on whom we cannot read, saying why where that helps a person."""
        self._metrics.dropped.add(error.reason)
        if not conn.initiator:
            self.effects += self._strangers.met(conn.address, error, now)
        if conn.initiator:
            self._refused(conn, error, now)
        elif error.reason == Reason.SELF or (
            error.reason in FOREIGN
            and not conn.greeted
            and now - self._refused_at >= REFUSAL_PERIOD
        ):
            self._refused_at = now
            self._met_ourselves = error.reason == Reason.SELF
            refusal = frames.refusal(error.reason, self._channel.key_ids, self._cluster)
            self._frame(conn, refusal, "refused")
        self.close(conn, error.reason)

    def _refused(self, conn: Conn, error: Rejected, now: float) -> None:
        """The other end of a stream that we opened cannot be read, or cannot read us."""
        conn.why = error.reason
        fields: dict[str, object] = {}
        theirs = conn.seal.refused
        if theirs is not None:
            conn.why = theirs.reason
            if theirs.cluster != self._cluster:
                conn.why = f"it is of the cluster {theirs.cluster!r}"
            conn.ourselves = theirs.reason == Reason.SELF and self._met_ourselves
            self._met_ourselves = False
            fields |= {"their_keys": list(theirs.key_ids), "their_cluster": theirs.cluster}
        if theirs is not None or error.reason in FOREIGN:
            fields["reason"] = conn.why
            self.effects += self._strangers.refused(conn.address, fields, now)

    # Time

    def _limit(self, conn: Conn) -> float:
        if conn.ready:
            idle = self._settings.stream_idle
            if conn.to_seed:
                idle = min(idle, SEED_IDLE)
            return conn.used + idle + conn.unsent / SLOWEST
        return conn.since + self._settings.stream_greeting

    def wake(self, now: float) -> list[Conn]:
        """Close what is idle or never greeted; gives those streams."""
        if self.deadline > now:
            return []
        over = [conn for conn in self._conns.values() if self._limit(conn) <= now]
        for conn in over:
            conn.why = "idle" if conn.ready else "no greeting"
            self.close(conn, conn.why)
        self.deadline = min(map(self._limit, self._conns.values()), default=NEVER)
        return over
