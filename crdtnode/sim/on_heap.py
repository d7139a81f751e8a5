"""The heap engine: a process is a protocol engine, its registry, and nothing around them.

Rule of this file: it does to an engine what the driver of a real node does, no more: hands it what
arrived and the time, and takes its effects in order.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, assert_never

from crdtnode.errors import NodeClosed
from crdtnode.protocol import Engine
from crdtnode.protocol.effects import (
    Address,
    Changed,
    CloseStream,
    Effect,
    Event,
    Flushed,
    Inspected,
    Left,
    MemberNews,
    OpenStream,
    Roots,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.shadow import WatchedRegistry

if TYPE_CHECKING:
    from crdtnode.sim.host import Host


class EngineProcess:
    """One life of a node.

    Attributes:
        engine: Who decides.
        registry: What it holds.
    """

    def __init__(self, host: "Host", engine: Engine, registry: WatchedRegistry) -> None:
        self.engine = engine
        self.registry = registry
        self._host = host
        self._world = host.world
        self._agenda = host.world.agenda
        self._fingerprints = registry.fingerprints
        self._left = False
        registry.notify = self.wrote

    def start(self) -> None:
        """Begin."""
        self._call(self.engine.start)

    def end(self) -> None:
        """Stop in the middle of everything."""

    def ring(self) -> None:
        """The engine's deadline has come."""
        self._call(self.engine.wake)

    def flush(self) -> None:
        """Ask to hear when others hold what was written."""
        ticket: int | None = self._call(self.engine.flush)
        if ticket is not None:
            self._world.asked(self._host, ticket)

    def leave(self) -> None:
        """Say goodbye, and take no more writes; effect `Left` follows."""
        self._call(self.engine.leave)
        self.registry.close(NodeClosed.by_leaving)

    def wrote(self) -> None:
        """The process's own code has changed an object."""
        self._host.plan_wake(self.engine.deadline)

    # What its sockets tell

    def datagram(self, data: bytes, source: Udp) -> None:
        """A datagram came, and no other with it."""
        now = self._agenda.now / SECOND
        try:
            self.engine.receive(data, source, now)
            self.engine.heard(now)
            effects = self.engine.effects()
        except Exception as error:  # noqa: BLE001 - as in `_call`
            self._world.raised(self._host, error)
        else:
            self._go_on(effects)

    def accepted(self, address: Address) -> int | None:
        """Somebody connected; gives the number of the stream, None to hang up."""
        stream: int | None = self._call(self.engine.accepted, address)
        return stream

    def opened(self, stream: int) -> None:
        """A connect succeeded."""
        self._call(self.engine.opened, stream)

    def received(self, stream: int, data: bytes) -> None:
        """Bytes came on a stream."""
        self._call(self.engine.receive, data, Stream(stream))

    def drained(self, stream: int) -> None:
        """All that was written to a stream is out."""
        self._call(self.engine.drained, stream)

    def closed(self, stream: int, why: str) -> None:
        """A stream broke, or a connect failed."""
        self._call(self.engine.closed, stream, why)

    # Driving the engine

    def _call(self, act: Callable[..., Any], *args: object) -> Any:
        """Call the engine, with the time as the last argument, and do what it wants."""
        try:
            answer = act(*args, self._agenda.now / SECOND)
            effects = self.engine.effects()
        except Exception as error:  # noqa: BLE001 - an engine that raises is what a run must show
            self._world.raised(self._host, error)
            return None
        self._go_on(effects)
        return answer

    def _go_on(self, effects: list[Effect]) -> None:
        """Carry out what the engine wants, and have it woken when it wants."""
        host = self._host
        for effect in effects:
            if type(effect) is SendDatagram:  # nearly all of them
                self._world.send(host, effect.address, effect.data)
            else:
                self._carry_out(effect)
        if self._left:
            host.left()
            return
        host.plan_wake(self.engine.deadline)
        if self._fingerprints.root != host.root:
            host.show_root(self._fingerprints.root)

    def _carry_out(self, effect: Effect) -> None:
        world, host = self._world, self._host
        match effect:
            case Changed() | MemberNews() | Flushed() | Roots() | Inspected() | Event():
                world.told(host, effect)
            case SendDatagram(address, data):
                world.send(host, address, data)
            case SendFrame(stream, data):
                world.streams.write(host, stream, data)
            case OpenStream(stream, address):
                world.streams.connect(host, stream, address)
            case CloseStream(stream, _):
                world.streams.close(host, stream)
            case Left():
                self._left = True
            case _:
                assert_never(effect)
