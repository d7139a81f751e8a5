"""The way in: datagrams and streams are opened, decoded, and told apart by who sent them.

Nothing passes that is not authentic, and nothing that a process says is used before it is proven
that the process lives now: members by their membership, others by `contact` or by their stream.
"""

from crdtnode.errors import MalformedMessage, Rejected
from crdtnode.metrics import Metrics
from crdtnode.protocol.answers import Answers
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.cluster import Cluster
from crdtnode.protocol.contact import Contact
from crdtnode.protocol.effects import Address
from crdtnode.protocol.mail import Origin, Send, to
from crdtnode.protocol.outbound import Outbound
from crdtnode.protocol.pings import Pings
from crdtnode.protocol.strangers import Strangers
from crdtnode.protocol.streams import Conn, Streams
from crdtnode.wire.messages import (
    NAMES,
    Challenge,
    Hello,
    MemberList,
    Message,
    Ping,
    Tell,
    UnknownKind,
)


class Doorway:
    """Takes bytes to `Answers`, and streams to those who wait for them."""

    def __init__(
        self,
        channel: Channel,
        streams: Streams,
        contact: Contact,
        cluster: Cluster,
        pings: Pings,
        answers: Answers,
        strangers: Strangers,
        out: Outbound,
        metrics: Metrics,
    ) -> None:
        self._channel = channel
        self._streams = streams
        self._contact = contact
        self._cluster = cluster
        self._members = cluster.members
        self._pings = pings
        self._answers = answers
        self._strangers = strangers
        self._out = out
        self._metrics = metrics

    # Datagrams

    def datagram(self, data: bytes, address: Address, now: float) -> type[Message] | None:
        """Take one datagram; gives what it held, if it came from a member."""
        self._metrics.bytes_received["udp"] += len(data)
        try:
            opened = self._channel.datagrams.open(data, now)
        except Rejected as error:
            self._metrics.dropped.add(error.reason)
            self._out.carry(self._strangers.met(address, error, now), now)
            return None
        sender, counter, greeting, body = opened
        message = self._message(body)
        if message is None:
            return None
        self._metrics.packets_received[NAMES[type(message)]] += 1
        if type(message) is Challenge:
            self._on_challenge(sender, address, message, now)
        elif not greeting and (self._channel.datagrams.known(sender) or self._talks(sender)):
            heard = self._hear(Origin(sender, address, counter), message, now)
            return type(message) if heard else None
        elif self._contact.proof(sender, message):
            self._proven(sender, address, now)
        else:  # use nothing that it said before it is proven fresh
            self._out.carry(self._contact.challenge(address, message, opened), now)
        return None

    def _talks(self, boot: bytes) -> bool:
        member = self._members.booted(boot)
        return member is not None and member.talks

    def announcement(self, data: bytes, address: Address, now: float) -> None:
        """Take a greeting to everybody; of members, and of others than greetings, nothing comes."""
        self._metrics.bytes_received.add("udp", len(data))
        try:
            opened = self._channel.datagrams.open(data, now)
        except Rejected as error:
            self._metrics.dropped.add(error.reason)
            return  # several clusters may share a network: that is no news
        message = self._message(opened.body)
        if isinstance(message, Hello) and not self._talks(opened.sender):
            self._metrics.packets_received.add("announcement")
            self._out.carry(self._contact.challenge(address, message, opened), now)

    def _message(self, body: bytes) -> Message | None:
        try:
            message = self._channel.decode(body)
        except MalformedMessage:
            self._metrics.dropped.add("malformed")
            return None
        if isinstance(message, UnknownKind):
            self._metrics.dropped.add("unknown kind")
            return None
        return message

    def _proven(self, boot: bytes, address: Address, now: float) -> None:
        """An unknown process has shown that it lives now: take what it said at first."""
        self._contact.admit(boot, address)
        held = self._contact.held(boot)
        message = None if held is None else self._message(held.body)
        if held is not None and message is not None:
            self._hear(Origin(boot, address, held.counter), message, now)

    def _on_challenge(
        self, boot: bytes, address: Address, challenge: Challenge, now: float
    ) -> None:
        home = self._members.home(boot)
        answer, proven = self._contact.answer(boot, address, challenge, home)
        self._out.carry(answer, now)
        if not proven:
            return
        # It answered our greeting: it is alive, whatever we thought of it.
        self._contact.admit(boot, address)
        member = self._members.booted(boot)
        if member is None:
            listing = self._cluster.listing(reply=True)
            self._out.carry([Send(boot, address, listing, stream=True)], now)
        else:
            self._out.carry([to(member, self._pings.to(member, 0, now))], now)

    # Streams

    def chunk(self, id_: int, data: bytes, now: float) -> None:
        """Take the next bytes of a stream."""
        conn = self._streams.numbered(id_)
        if conn is None:
            return
        received = self._streams.receive(conn, data, now)
        boot = conn.boot
        if boot is not None:
            if received.greeted:
                self._greeted(conn, boot, now)
            for message in received.messages:
                self._metrics.packets_received[NAMES[type(message)]] += 1
                self._hear(Origin(boot, conn.address), message, now)
        if received.over:
            self.stream_over(conn, "refused", now)

    def _greeted(self, conn: Conn, boot: bytes, now: float) -> None:
        """The other end of a stream said who it is."""
        seed = self._cluster.seeds.trying(conn.id)
        if seed is not None:
            seed.boot = boot
            listing = self._channel.encode(self._cluster.listing(reply=True))
            self._streams.write(conn, listing, "memberlist", now)

    def stream_over(self, conn: Conn, why: str, now: float) -> None:
        """A stream ended: whoever waited for it is told."""
        if conn.boot is not None and (conn.initiator or conn.ready):
            self._answers.broke(conn.boot, now)
        seed = self._cluster.seeds.trying(conn.id)
        if seed is None:
            return
        if conn.ourselves:
            self._cluster.seeds.drop(seed)
        else:
            self._cluster.seeds.over(seed, conn.why or why, now)

    def try_seeds(self, now: float) -> None:
        """Open a stream to each seed that is due."""
        for seed in self._cluster.seeds.due(now):
            conn = self._streams.dial(seed.address, now)
            if conn is None:
                self._cluster.seeds.over(seed, "too many streams", now)
            else:
                seed.conn = conn.id

    # Messages

    def _hear(self, origin: Origin, message: Message, now: float) -> bool:
        """Take one authentic message from a process that is proven fresh; True from a member."""
        member, out = self._cluster.sign_of_life(origin.boot, now)
        if out:
            self._out.carry(out, now)
        if member is None:
            self._hear_stranger(origin, message, now)
            return False
        self._contact.joined(origin.boot)
        if origin.counter and origin.address not in member.addresses:
            self._out.carry(self._cluster.ask_at(member, origin.address, now), now)
        out = self._answers.answer(member, message, origin, now)
        if out:
            self._out.carry(out, now)
        return True

    def _hear_stranger(self, origin: Origin, message: Message, now: float) -> None:
        """A process that has the key and is no member yet: its list makes it one."""
        boot, address = origin.boot, origin.address
        if isinstance(message, MemberList) and any(r.boot == boot for r in message.records):
            self._out.carry(self._answers.on_list(boot, message, now), now)
            if message.reply and self._members.booted(boot) is None:  # its name is taken
                listing = self._cluster.listing(reply=False)
                self._out.carry([Send(boot, address, listing, stream=True)], now)
        elif isinstance(message, Tell) and any(r.boot == boot for r in message.records):
            self._out.carry(self._cluster.hear(message.records, now, boot), now)
        elif isinstance(message, Ping):
            if self._contact.may_tell(boot, now):
                self._out.carry([Send(boot, address, self._cluster.listing(reply=True))], now)
        else:
            self._metrics.dropped.add("not a member")
