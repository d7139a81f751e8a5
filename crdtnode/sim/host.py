"""One simulated node: an engine, its registry, and the driver that carries out its effects.

Rule of this file: it does to an engine what a real node does, no more: hands it what arrived and
the time, takes its effects in order, and wakes it at its deadline. A crash throws all of it away;
a restart begins with a new boot id and a new replica id, at the same address.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, assert_never

from crdt import StateCRDT
from crdt.catalogue import type_of
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import Engine
from crdtnode.protocol.channel import clear
from crdtnode.protocol.effects import (
    Address,
    Changed,
    CloseStream,
    Effect,
    Event,
    Flushed,
    Left,
    MemberNews,
    OpenStream,
    Roots,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)
from crdtnode.sim.agenda import SECOND, no_earlier
from crdtnode.sim.events import Write
from crdtnode.sim.shadow import WatchedRegistry

if TYPE_CHECKING:
    from crdtnode.sim.world import World

CLUSTER = "simulation"
SALT = b"simulation salt."
EPOCH_MS = 1_700_000_000_000
"""What the wall clocks show when a simulation begins."""
STEP = 1000
"""Nanoseconds that a call of the engine takes at least: what is due at once comes so much later."""


def address_of(index: int) -> Address:
    """Where the node with this index lives, from 0."""
    return (f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}", DEFAULT_PORT)


class Host:
    """A machine that runs one node, or none while it is down.

    Attributes:
        name: The node's name in the plan, whatever it calls itself.
        address: Of its socket.
        udp: What a datagram from there comes from.
        lives: Number of processes started here so far.
        registries: One for each of them.
        root: The root that the registry had after the last call.
    """

    def __init__(self, world: "World", index: int, name: str) -> None:
        self.world = world
        self.name = name
        self.address = address_of(index)
        self.udp = Udp(self.address)
        self.lives = 0
        self.root: int | None = None
        self._engine: Engine | None = None
        self._registry: WatchedRegistry | None = None
        self.registries: list[WatchedRegistry] = []
        self.metrics = Metrics()
        self._deadline = inf
        """The engine's deadline after the last call."""
        self._wake_at: int | None = None

    @property
    def up(self) -> bool:
        """True while a process runs here."""
        return self._engine is not None

    @property
    def engine(self) -> Engine:
        """The process's engine; only while it is up."""
        assert self._engine is not None
        return self._engine

    @property
    def registry(self) -> WatchedRegistry:
        """The process's registry; only while it is up."""
        assert self._registry is not None
        return self._registry

    # Its life

    def start(self, moment: int) -> None:
        """Start a process with nothing but its seeds."""
        world = self.world
        self.lives += 1
        life = f"{world.plan.seed}/node/{self.name}/{self.lives}"
        entropy = Random(f"{life}/entropy").randbytes
        registry = world.new_registry(
            node=self.name,
            ledger=world.ledger,
            witnesses=world.witnesses,
            salt=SALT,
            replica=lambda: urlsafe_b64encode(entropy(8)).decode().rstrip("="),
            clock=self._wall_clock,
            metrics=self.metrics,
            types=world.types,
        )
        self._registry = registry
        self.registries.append(registry)
        self._engine = world.new_engine(
            name=self.name,
            cluster=CLUSTER,
            addresses=(self.address,),
            registry=registry,
            channel=clear(CLUSTER, entropy(16)),
            settings=Settings(),
            metrics=self.metrics,
            chance=Random(f"{life}/chance"),
            entropy=entropy,
            clock=self._wall_clock,
            seeds=world.seeds_of(self),
            tags={},
        )
        world.trace.add(moment, "start", "", self.name)
        self._call(moment, self._engine.start)

    def crash(self, moment: int) -> None:
        """Stop in the middle of everything and forget it."""
        self.world.trace.add(moment, "crash", "", self.name)
        self.world.streams.crash(self)
        self._engine = self._registry = self._wake_at = None
        self._show_root(None)

    def _wall_clock(self) -> int:
        return EPOCH_MS + self.world.agenda.now // 1_000_000

    # What happens to it

    def write(self, write: Write, moment: int) -> None:
        """Call a mutator, as the process's own code would."""
        registry = self._registry
        if registry is None:
            return
        self.world.trace.add(moment, "write", "", self.name, str(write).encode())
        try:
            delta = _mutate(registry, write)
        except Exception as error:  # noqa: BLE001 - a type that raises is what a run must show
            self.world.raised(self, error)
            return
        if delta is not None:
            registry.wrote(self.world.ledger.wrote(write, delta, moment))
        if write.flush:
            ticket = self._call(moment, self.engine.flush)
            self.world.asked(self, ticket)
        else:
            self._plan_wake()

    def datagram(self, source: "Host", data: bytes, moment: int) -> None:
        """A datagram arrives."""
        if self._engine is not None and self.world.links.reaches(source.name, self.name):
            self.world.trace.add(moment, "datagram", source.name, self.name, data)
            self._call(moment, self._engine.receive, data, source.udp)

    def accept(self, moment: int, address: Address) -> int | None:
        """A connection comes in."""
        self.world.trace.add(moment, "accept", "", self.name)
        stream: int | None = self._call(moment, self.engine.accepted, address)
        return stream

    def stream_opened(self, moment: int, stream: int) -> None:
        """A connect succeeded."""
        self.world.trace.add(moment, "opened", "", self.name)
        self._call(moment, self.engine.opened, stream)

    def stream_bytes(self, moment: int, stream: int, data: bytes, source: str) -> None:
        """Bytes arrive on a stream."""
        self.world.trace.add(moment, "stream", source, self.name, data)
        self._call(moment, self.engine.receive, data, Stream(stream))

    def stream_drained(self, moment: int, stream: int) -> None:
        """All that was written to a stream is out."""
        self.world.trace.add(moment, "drained", "", self.name)
        self._call(moment, self.engine.drained, stream)

    def stream_closed(self, moment: int, stream: int, why: str) -> None:
        """A stream broke, or a connect failed."""
        self.world.trace.add(moment, "closed", "", self.name, why.encode())
        self._call(moment, self.engine.closed, stream, why)

    # Driving the engine

    def _call(self, moment: int, act: Callable[..., Any], *args: object) -> Any:
        """Call the engine, with the time as the last argument, and carry out what it wants."""
        try:
            answer = act(*args, moment / SECOND)
            effects = self.engine.effects()
        except Exception as error:  # noqa: BLE001 - an engine that raises is what a run must show
            self.world.raised(self, error)
            return None
        for effect in effects:
            if type(effect) is SendDatagram:  # nearly all of them
                self.world.send(self, effect.address, effect.data)
            else:
                self._carry_out(effect)
        self._plan_wake()
        root = self.registry.root
        if root != self.root:
            self._show_root(root)
        return answer

    def _carry_out(self, effect: Effect) -> None:
        world = self.world
        match effect:
            case SendDatagram(address, data):
                world.send(self, address, data)
            case SendFrame(stream, data):
                world.streams.write(self, stream, data)
            case OpenStream(stream, address):
                world.streams.connect(self, stream, address)
            case CloseStream(stream, _):
                world.streams.close(self, stream)
            case Changed() | MemberNews() | Flushed() | Roots() | Event() | Left():
                world.told(self, effect)
            case _:
                assert_never(effect)

    def _plan_wake(self) -> None:
        """Have the engine woken at its deadline, unless a wake comes before it anyway."""
        if self._engine is None:
            return
        self._deadline = deadline = self._engine.deadline
        if deadline != inf:
            moment = self.world.agenda.now + STEP
            if deadline > moment / SECOND:
                moment = no_earlier(deadline)
            if self._wake_at is None or moment < self._wake_at:
                self._wake_at = self.world.agenda.at(moment, self._wake)

    def _wake(self, moment: int) -> None:
        if moment != self._wake_at:
            return  # an earlier wake took its place, or the process is gone
        self._wake_at = None
        if moment / SECOND < self._deadline:
            self._plan_wake()  # the deadline moved on meanwhile
        else:
            self._call(moment, self.engine.wake)

    def _show_root(self, root: int | None) -> None:
        self.world.root_changed(self.root, root)
        self.root = root


def _mutate(registry: WatchedRegistry, write: Write) -> StateCRDT | None:
    """Do a write; None where the type refused it, or it changed nothing."""
    kind = type_of(write.type)
    mutator = getattr(registry.open(write.name, kind), write.method)
    try:
        delta = mutator(*write.args)
    except (KeyError, ValueError):
        return None
    if not isinstance(delta, kind):
        raise TypeError(f"{write.type}.{write.method} gave no delta, but {delta!r}")
    return None if delta.initial else delta
