"""A process that has the key and does what a test says: it plays peers that lie, flood or sleep."""

import random

from crdtnode.errors import Rejected
from crdtnode.protocol.channel import Channel, clear, sealed
from crdtnode.protocol.effects import (
    Address,
    CloseStream,
    Effect,
    OpenStream,
    SendDatagram,
    SendFrame,
    Source,
    Stream,
)
from crdtnode.wire import codec
from crdtnode.wire.frames import ClearStream, StreamSeal
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import (
    NOBODY,
    Challenge,
    Hello,
    MemberList,
    MemberRecord,
    Message,
    Ping,
    Pong,
    State,
    UnknownKind,
)
from tests.protocol.table import Place, Seat, Table


class Puppet:
    """Plays an engine at the table. It answers challenges and pings, unless told otherwise."""

    def __init__(
        self,
        table: Table,
        name: str = "puppet",
        *,
        keyring: Keyring | None = None,
        cluster: str = "default",
        port: int | None = None,
        seed: int = 0,
    ) -> None:
        self.name = name
        self.cluster = cluster
        chance = random.Random(f"puppet/{name}/{seed}")
        self.boot = chance.randbytes(16)
        self.channel: Channel = (
            sealed(keyring, cluster, self.boot) if keyring else clear(cluster, self.boot)
        )
        self.table = table
        self.place = Place(self, ("10.0.0.2", port or 5000 + len(table.places)))
        self.types = 7
        self.proves = True
        self.pongs = True
        self.accepts = True
        self.heard: list[Message] = []
        self.datagrams: list[bytes] = []
        self.pinged: dict[bytes, int] = {}
        self.closed_streams: list[int] = []
        self._entropy = chance.randbytes
        self._effects: list[Effect] = []
        self._streams: dict[int, StreamSeal | ClearStream] = {}
        self._nonces: dict[int, bytes] = {}
        self._last = 0
        table.sit(self.place)

    # What the table does to it

    @property
    def deadline(self) -> float:
        return float("inf")

    def wake(self, now: float) -> None:
        raise AssertionError("nothing is ever due")

    def effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def receive(self, data: bytes, source: Source, now: float) -> None:
        if isinstance(source, Stream):
            self._receive_chunk(source.id, data)
            return
        self.datagrams.append(data)
        try:
            opened = self.channel.datagrams.open(data, now)
        except Rejected:
            return  # meant for somebody else, of whom it was said that he lives here
        message = codec.decode(opened.body)
        assert not isinstance(message, UnknownKind)
        self.heard.append(message)
        if isinstance(message, Challenge) and self.proves:
            hello = self.hello(self._entropy(16), message.nonce)
            self._datagram(opened.sender, source.address, hello)
        if isinstance(message, Ping):
            self.pinged[opened.sender] = opened.counter
            if self.pongs:
                root = message.root or 0
                pong = Pong(message.round, opened.counter, root, (), 0, 0, message.roster)
                self._datagram(opened.sender, source.address, pong)

    def _receive_chunk(self, id_: int, data: bytes) -> None:
        seal = self._streams[id_]
        for body in seal.receive(data):
            message = codec.decode(body)
            assert not isinstance(message, UnknownKind)
            self.heard.append(message)
            if isinstance(message, Hello) and id_ in self._nonces:
                self._greet(id_, message.nonce)

    def accepted(self, address: Address, now: float) -> int | None:
        if not self.accepts:
            return None
        return self._stream(initiator=False)

    def opened(self, id_: int, now: float) -> None:
        self._greet(id_, b"")

    def _greet(self, id_: int, echo: bytes) -> None:
        hello = codec.encode(self.hello(self._nonces.pop(id_), echo))
        self._effects.append(SendFrame(id_, self._streams[id_].greet(hello)))

    def closed(self, id_: int, why: str, now: float) -> None:
        self.closed_streams.append(id_)

    def drained(self, id_: int, now: float) -> None:
        pass

    def _stream(self, *, initiator: bool) -> int:
        self._last += 1
        nonce = self._entropy(16)
        self._streams[self._last] = self.channel.stream(nonce, initiator)
        self._nonces[self._last] = nonce
        return self._last

    # What a test has it do

    def hello(self, nonce: bytes, echo: bytes) -> Hello:
        return Hello(nonce, NOBODY, self.name, self.cluster, 7, echo)

    def record(self, incarnation: int = 1, state: State = State.ALIVE) -> MemberRecord:
        """What it says of itself."""
        addresses = (self.place.address,)
        return MemberRecord(self.name, self.boot, incarnation, state, addresses, self.types, 1, {})

    def _datagram(self, boot: bytes, address: Address, message: Message) -> None:
        self.raw(address, self.channel.datagrams.seal(boot, codec.encode(message))[1])

    def raw(self, address: Address, data: bytes) -> None:
        """Send any bytes."""
        self._effects.append(SendDatagram(address, data))

    def say(self, seat: Seat, *messages: Message) -> None:
        """Send datagrams to an engine."""
        for message in messages:
            self._datagram(boot_of(seat), seat.address, message)
        self.go()

    def go(self) -> None:
        """Carry out what is to be sent."""
        self.table.call(self.place, lambda: None)

    def join(self, seat: Seat, *others: MemberRecord) -> None:
        """Become a member of the cluster that this engine belongs to, with the same types."""
        self.types = seat.registry.types_hash
        records = (self.record(), *others)
        self.say(seat, MemberList(0, records, reply=True))
        assert self.name in seat.states

    def connect(self, seat: Seat) -> int:
        """Open a stream and greet; gives its number."""
        id_ = self._stream(initiator=True)
        self._effects.append(OpenStream(id_, seat.address))
        self.go()
        return id_

    def write(self, id_: int, *messages: Message | bytes) -> None:
        """Send messages, or bodies that are none, over a stream that is greeted."""
        for message in messages:
            body = message if isinstance(message, bytes) else codec.encode(message)
            self._effects.append(SendFrame(id_, self._streams[id_].send(body)))
        self.go()

    def write_raw(self, id_: int, data: bytes) -> None:
        """Send any bytes over a stream."""
        self._effects.append(SendFrame(id_, data))
        self.go()

    def hang_up(self, id_: int) -> None:
        """Close a stream."""
        self._effects.append(CloseStream(id_, "done"))
        self.go()

    def got(self, kind: type) -> list[Message]:
        """What it was sent."""
        return [message for message in self.heard if isinstance(message, kind)]


def boot_of(seat: Seat) -> bytes:
    """The boot id of an engine's process."""
    return next(member.boot for member in seat.engine.members if member.is_self)
