"""A few engines on a table: no sockets, no latency, time that moves when a test says so."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
import random
from typing import Protocol

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
from crdtnode.protocol.effects import Source
from crdtnode.registry import Registry
from crdtnode.wire.keyring import Keyring


class Driven(Protocol):
    """What the table needs of an engine, or of a puppet that plays one."""

    @property
    def deadline(self) -> float: ...
    def wake(self, now: float) -> None: ...
    def effects(self) -> list[Effect]: ...
    def receive(self, data: bytes, source: Source, now: float) -> None: ...
    def accepted(self, address: Address, now: float) -> int | None: ...
    def opened(self, id_: int, now: float) -> None: ...
    def closed(self, id_: int, why: str, now: float) -> None: ...
    def drained(self, id_: int, now: float) -> None: ...


class Place:
    """Somebody at the table, with what it did besides sending."""

    def __init__(self, driven: Driven, address: Address) -> None:
        self.driven = driven
        self.address = address
        self.did: list[Effect] = []
        self.dead = False
        self.stopped = False
        """The process stands still: its port accepts, and nobody reads."""
        self.missed: list[tuple[Source, bytes]] = []

    def saw(self, kind: type) -> list[Effect]:
        return [effect for effect in self.did if isinstance(effect, kind)]


class Seat(Place):
    """An engine at the table."""

    def __init__(
        self, engine: Engine, registry: Registry, address: Address, metrics: Metrics
    ) -> None:
        super().__init__(engine, address)
        self.engine = engine
        self.registry = registry
        self.metrics = metrics

    @property
    def states(self) -> dict[str, str]:
        """What it thinks of each member."""
        return {member.name: member.state for member in self.engine.members}


class Table:
    """Carries out the effects of its engines, in order, in no time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.places: dict[Address, Place] = {}
        self.cut: Callable[[Address, Address], bool] = lambda sender, receiver: False
        self.lose: Callable[[Address, Address, bytes], bool] = lambda sender, receiver, data: False
        self.sent: list[tuple[Address, Address, bytes]] = []
        self.wakes = 0
        self._queue: deque[Callable[[], None]] = deque()
        self._ends: dict[tuple[Address, int], tuple[Address, int]] = {}

    @property
    def seats(self) -> list[Seat]:
        """The engines whose processes live."""
        return [place for place in self._alive() if isinstance(place, Seat)]

    def seat(
        self,
        name: str,
        *seeds: Address,
        port: int | None = None,
        keyring: Keyring | None = None,
        cluster: str = "default",
        settings: Settings | None = None,
        types: Iterable[str] | None = None,
        tags: dict[str, str] | None = None,
        remembered: Iterable[Address] = (),
        group: Address | None = None,
        seed: int = 0,
        ahead_ms: int = 0,
    ) -> Seat:
        """Start an engine. Its boot id follows from its name and ``seed``.

        Its wall clock is ``ahead_ms`` ahead of the others'.
        """

        def clock() -> int:
            return int(self.now * 1000) + ahead_ms

        chance = random.Random(f"{name}/{seed}")
        address = ("10.0.0.1", port or 1000 + len(self.places))
        boot = chance.randbytes(16)
        channel: Channel = sealed(keyring, cluster, boot) if keyring else clear(cluster, boot)
        ids = iter(range(10**6))
        metrics = Metrics()
        registry = Registry(
            salt=b"salt",
            replica=lambda: f"{name}.{seed}.{next(ids)}",
            clock=clock,
            metrics=metrics,
            types=types,
        )
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
            clock=clock,
            seeds=seeds,
            remembered=remembered,
            group=group,
            tags=tags,
        )
        seat = Seat(engine, registry, address, metrics)
        self.sit(seat)
        engine.start(self.now)
        self._take(seat)
        self.settle()
        return seat

    def announce(self, seat: Seat, data: bytes, source: Address) -> None:
        """Let a seat hear what somebody announced to everybody."""
        seat.engine.announced(data, Udp(source), self.now)
        self._take(seat)
        self.settle()

    def sit(self, place: Place) -> None:
        """Give somebody a place at the table."""
        self.places[place.address] = place

    def crash(self, place: Place) -> None:
        """The process is gone: its port refuses, its streams break."""
        place.dead = True
        for (address, id_), (peer, peer_id) in list(self._ends.items()):
            if address == place.address:
                self._close(peer, peer_id, "eof")
                self._ends.pop((address, id_), None)

    def resume(self, place: Place) -> None:
        """A stopped process goes on: first it gets what waited for it, then it wakes."""
        place.stopped = False
        missed, place.missed = place.missed, []
        for source, data in missed:
            place.driven.receive(data, source, self.now)
        self._take(place)
        self.settle()

    def settle(self) -> None:
        """Carry out everything that is under way, without letting time pass."""
        for _ in range(300_000):
            if self._queue:
                self._queue.popleft()()
                continue
            busy = [place for place in self._awake() if place.driven.deadline <= self.now]
            if not busy:
                return
            for place in busy:
                self.wakes += 1
                place.driven.wake(self.now)
                self._take(place)
        raise AssertionError("the engines never come to rest")

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass, at most so long; True as soon as the condition holds."""
        end = self.now + seconds
        while True:
            self.settle()
            if until():
                return True
            due = min((p.driven.deadline for p in self._awake()), default=float("inf"))
            if due > end:
                self.now = end
                return until()
            self.now = max(self.now, due)

    def _alive(self) -> Iterator[Place]:
        return (place for place in self.places.values() if not place.dead)

    def _awake(self) -> Iterator[Place]:
        return (place for place in self._alive() if not place.stopped)

    def call(self, place: Place, act: Callable[[], object]) -> object:
        """Do something with an engine, and what follows from it."""
        result = act()
        self._take(place)
        self.settle()
        return result

    def _take(self, place: Place) -> None:
        for effect in place.driven.effects():
            self._queue.append(lambda effect=effect: self._carry(place, effect))

    def _at(self, sender: Address, receiver: Address) -> Place | None:
        place = self.places.get(receiver)
        return None if place is None or place.dead or self.cut(sender, receiver) else place

    def _give(self, place: Place, data: bytes, source: Source) -> None:
        if place.stopped:
            place.missed.append((source, data))
        else:
            place.driven.receive(data, source, self.now)
            self._take(place)

    def deliver(self, sender: Address, receiver: Address, data: bytes) -> None:
        """A datagram arrives, whatever became of others like it."""
        place = self._at(sender, receiver)
        if place is not None:
            self._give(place, data, Udp(sender))

    def _carry(self, place: Place, effect: Effect) -> None:
        match effect:
            case SendDatagram(address, data):
                self.sent.append((place.address, address, data))
                if not self.lose(place.address, address, data):
                    self.deliver(place.address, address, data)
            case OpenStream(id_, address):
                self._open(place, id_, address)
            case SendFrame(id_, data):
                self._frame(place, id_, data)
            case CloseStream(id_):
                end = self._ends.pop((place.address, id_), None)
                if end is not None:
                    self._close(*end, "eof")
            case _:
                place.did.append(effect)

    def _open(self, place: Place, id_: int, address: Address) -> None:
        peer = self._at(place.address, address)
        if peer is None:
            dead = self.places.get(address)
            refused = dead is not None and dead.dead and not self.cut(place.address, address)
            place.driven.closed(id_, "refused" if refused else "timeout", self.now)
        elif peer.stopped:
            place.driven.opened(id_, self.now)  # its kernel accepts
        else:
            other = peer.driven.accepted(place.address, self.now)
            if other is None:
                place.driven.closed(id_, "eof", self.now)
            else:
                self._ends[place.address, id_] = (peer.address, other)
                self._ends[peer.address, other] = (place.address, id_)
                place.driven.opened(id_, self.now)
            self._take(peer)
        self._take(place)

    def _frame(self, place: Place, id_: int, data: bytes) -> None:
        end = self._ends.get((place.address, id_))
        if end is None:
            return
        address, other = end
        peer = self._at(place.address, address)
        if peer is None:
            self._ends.pop((place.address, id_), None)
            self._ends.pop(end, None)
            self._close(place.address, id_, "timeout")
            self._close(address, other, "timeout")
            return
        self.sent.append((place.address, address, data))
        self._give(peer, data, Stream(other))
        place.driven.drained(id_, self.now)
        self._take(place)

    def _close(self, address: Address, id_: int, why: str) -> None:
        self._ends.pop((address, id_), None)
        place = self.places.get(address)
        if place is not None and not place.dead:
            place.driven.closed(id_, why, self.now)
            self._take(place)

    # What tests ask about all

    def equal(self) -> bool:
        """True where all living engines hold the same state, and know it."""
        roots = {seat.registry.root for seat in self.seats}
        return len(roots) == 1 and not any(seat.registry.dirty for seat in self.seats)

    def agreed(self) -> bool:
        """True where every living engine holds every other for alive, and nobody else."""
        names = {seat.engine.name for seat in self.seats}
        boots = {
            seat.engine.name: m.boot
            for seat in self.seats
            for m in seat.engine.members
            if m.is_self
        }
        for seat in self.seats:
            alive = {m.name: m.boot for m in seat.engine.members if m.state == "alive"}
            if alive != boots:
                return False
        return len(names) == len(self.seats)
