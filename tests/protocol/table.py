"""A few engines on a table: no sockets, no latency, time that moves when a test says so."""

from collections import deque
from collections.abc import Callable, Iterator
import random

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import (
    Address,
    CloseStream,
    Effect,
    Engine,
    OpenStream,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)
from crdtnode.protocol.channel import Channel, clear, sealed
from crdtnode.registry import Registry
from crdtnode.wire.keyring import Keyring


class Seat:
    """One engine at the table, with what it did besides sending."""

    def __init__(self, engine: Engine, registry: Registry, address: Address) -> None:
        self.engine = engine
        self.registry = registry
        self.address = address
        self.metrics = Metrics()
        self.did: list[Effect] = []
        self.dead = False

    def saw(self, kind: type) -> list[Effect]:
        return [effect for effect in self.did if isinstance(effect, kind)]


class Table:
    """Carries out the effects of its engines, in order, in no time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.seats: dict[Address, Seat] = {}
        self.cut: Callable[[Address, Address], bool] = lambda sender, receiver: False
        self.lose: Callable[[Address, Address, bytes], bool] = lambda sender, receiver, data: False
        self.sent: list[tuple[Address, Address, bytes]] = []
        self._queue: deque[Callable[[], None]] = deque()
        self._ends: dict[tuple[Address, int], tuple[Address, int]] = {}

    def seat(
        self,
        name: str,
        *seeds: Address,
        port: int | None = None,
        keyring: Keyring | None = None,
        cluster: str = "default",
        channel: Channel | None = None,
        settings: Settings | None = None,
        seed: int = 0,
    ) -> Seat:
        """Start an engine. Its boot id follows from its name and ``seed``."""
        chance = random.Random(f"{name}/{seed}")
        address = ("10.0.0.1", port or 1000 + len(self.seats))
        boot = chance.randbytes(16)
        if channel is None:
            channel = sealed(keyring, cluster, boot) if keyring else clear(cluster, boot)
        ids = iter(range(10**6))
        registry = Registry(
            salt=b"salt",
            replica=lambda: f"{name}.{seed}.{next(ids)}",
            clock=lambda: int(self.now * 1000),
            metrics=Metrics(),
        )
        metrics = Metrics()
        engine = Engine(
            name=name,
            cluster=cluster,
            addresses=(address,),
            registry=registry,
            channel=channel,
            settings=settings or Settings(),
            metrics=metrics,
            chance=chance,
            entropy=chance.randbytes,
            clock=lambda: int(self.now * 1000),
            seeds=seeds,
        )
        seat = Seat(engine, registry, address)
        seat.metrics = metrics
        self.seats[address] = seat
        engine.start(self.now)
        self._take(seat)
        self.settle()
        return seat

    def crash(self, seat: Seat) -> None:
        """The process is gone: its port refuses, its streams break."""
        seat.dead = True
        for (address, id_), (peer, peer_id) in list(self._ends.items()):
            if address == seat.address:
                self._close(peer, peer_id, "eof")
                self._ends.pop((address, id_), None)

    def settle(self) -> None:
        """Carry out everything that is under way, without letting time pass."""
        for _ in range(100_000):
            if self._queue:
                self._queue.popleft()()
                continue
            busy = [s for s in self._alive() if s.engine.deadline <= self.now]
            if not busy:
                return
            for seat in busy:
                seat.engine.wake(self.now)
                self._take(seat)
        raise AssertionError("the engines never come to rest")

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass, at most so long; True as soon as the condition holds."""
        end = self.now + seconds
        while True:
            self.settle()
            if until():
                return True
            due = min((s.engine.deadline for s in self._alive()), default=end)
            if due > end:
                self.now = end
                return until()
            self.now = max(self.now, due)

    def _alive(self) -> Iterator[Seat]:
        return (seat for seat in self.seats.values() if not seat.dead)

    def call(self, seat: Seat, act: Callable[[], object]) -> object:
        """Do something with an engine, and what follows from it."""
        result = act()
        self._take(seat)
        self.settle()
        return result

    def _take(self, seat: Seat) -> None:
        for effect in seat.engine.effects():
            self._queue.append(lambda effect=effect: self._carry(seat, effect))

    def _at(self, sender: Address, receiver: Address) -> Seat | None:
        seat = self.seats.get(receiver)
        return None if seat is None or seat.dead or self.cut(sender, receiver) else seat

    def _carry(self, seat: Seat, effect: Effect) -> None:
        match effect:
            case SendDatagram(address, data):
                self.sent.append((seat.address, address, data))
                peer = self._at(seat.address, address)
                if peer is not None and not self.lose(seat.address, address, data):
                    peer.engine.receive(data, Udp(seat.address), self.now)
                    self._take(peer)
            case OpenStream(id_, address):
                self._open(seat, id_, address)
            case SendFrame(id_, data):
                self._frame(seat, id_, data)
            case CloseStream(id_):
                end = self._ends.pop((seat.address, id_), None)
                if end is not None:
                    self._close(*end, "eof")
            case _:
                seat.did.append(effect)

    def _open(self, seat: Seat, id_: int, address: Address) -> None:
        peer = self._at(seat.address, address)
        if peer is None:
            dead = self.seats.get(address)
            why = "refused" if dead is not None and dead.dead else "timeout"
            seat.engine.closed(id_, why, self.now)
        else:
            other = peer.engine.accepted(seat.address, self.now)
            if other is None:
                seat.engine.closed(id_, "eof", self.now)
            else:
                self._ends[seat.address, id_] = (address, other)
                self._ends[address, other] = (seat.address, id_)
                seat.engine.opened(id_, self.now)
            self._take(peer)
        self._take(seat)

    def _frame(self, seat: Seat, id_: int, data: bytes) -> None:
        end = self._ends.get((seat.address, id_))
        if end is None:
            return
        address, other = end
        peer = self._at(seat.address, address)
        if peer is None:
            self._ends.pop((seat.address, id_), None)
            self._ends.pop(end, None)
            self._close(seat.address, id_, "timeout")
            self._close(address, other, "timeout")
            return
        self.sent.append((seat.address, address, data))
        peer.engine.receive(data, Stream(other), self.now)
        self._take(peer)
        seat.engine.drained(id_, self.now)
        self._take(seat)

    def _close(self, address: Address, id_: int, why: str) -> None:
        self._ends.pop((address, id_), None)
        seat = self.seats.get(address)
        if seat is not None and not seat.dead:
            seat.engine.closed(id_, why, self.now)
            self._take(seat)

    def equal(self) -> bool:
        """True where all living engines hold the same state."""
        return len({seat.registry.root for seat in self._alive()}) == 1
