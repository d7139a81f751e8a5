"""The trio engine: whole nodes, as production runs them, under the same plan and agenda.

Rule of this file: the agenda decides what happens next, trio only carries it out. The same plan
gives the same trace on both engines, which proves that the fast one runs what production runs.

*Theory of operation.* Here a process is a `Node` with its driver in trio tasks, over a transport
that leads to the simulated network. What arrives is handed to the driver in the moment that the
agenda says. The one thing that a driver does by itself is to wake at its engine's deadline: its
clock tells the host of every deadline, as the heap engine does, answers that there is nothing to
wait for, and lets the driver's nap end when the agenda comes to that moment. After each moment the
conductor gives trio its turn until the driver sleeps again.
"""

from collections.abc import Iterator
from contextlib import suppress
from math import inf

import trio
from trio.testing import MockClock

from crdtnode.config import Settings
from crdtnode.errors import NodeClosed
from crdtnode.node.clock import NodeClock
from crdtnode.node.core import Node
from crdtnode.protocol import Engine
from crdtnode.protocol.effects import (
    Address,
    Changed,
    Effect,
    Event,
    Flushed,
    MemberNews,
    Roots,
    Udp,
)
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.host import CLUSTER, Host
from crdtnode.sim.result import Result
from crdtnode.sim.shadow import WatchedRegistry
from crdtnode.sim.world import Progress, World
from crdtnode.transport import Receiver, Transport, format_address

_TURNS_MOST = 1000
"""Turns of trio that one moment may take; a driver that needs more is stuck."""


def play(
    world: World, progress: Progress | None = None, steps: Iterator[None] | None = None
) -> Result:
    """Run a world with whole nodes on trio; not from inside of another trio loop.

    Args:
        world: What runs.
        progress: Told how far it is, now and then.
        steps: Those of the world, in the hands of somebody who looks at it after each.
    """
    clock = MockClock()
    steps = world.steps(progress) if steps is None else steps
    result: Result = trio.run(_conduct, world, steps, clock, clock=clock)
    return result


async def _conduct(world: World, steps: Iterator[None], clock: MockClock) -> Result:
    async with trio.open_nursery() as nursery:
        conductor = Conductor(world, nursery, clock)
        world.new_process = conductor.process
        for _ in steps:
            await conductor.settle()
        nursery.cancel_scope.cancel()
    assert world.result is not None
    return world.result


class Conductor:
    """Gives trio its turn after each moment of the agenda."""

    def __init__(self, world: World, nursery: trio.Nursery, clock: MockClock) -> None:
        self._world = world
        self._nursery = nursery
        self._clock = clock
        self.unsettled: list[NodeProcess] = []

    def process(self, host: Host, engine: Engine, registry: WatchedRegistry) -> "NodeProcess":
        """Make a process that runs here."""
        return NodeProcess(self, host, engine, registry)

    def spawn(self, process: "NodeProcess") -> None:
        """Run a process's node from the next turn on."""
        self._nursery.start_soon(process.run)

    async def settle(self) -> None:
        """Let all that this moment began come to rest."""
        behind = self._world.agenda.now / SECOND - trio.current_time()
        if behind > 0:
            self._clock.jump(behind)
        while self.unsettled:
            process = self.unsettled.pop()
            for _ in range(_TURNS_MOST):
                if process.settled:
                    break
                await trio.lowlevel.checkpoint()
            else:
                raise RuntimeError(f"the driver of {process.host.name} does not come to rest")
            process.look()


class HostClock(NodeClock):
    """A node's clock that shows the agenda's time and leaves waiting to it."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host
        self.ringing = False
        """True from the moment of a deadline until the driver has taken it."""

    def now(self) -> float:
        """The moment that is happening; whoever asks has taken the ring."""
        self.ringing = False
        return self._host.world.agenda.now / SECOND

    def in_trio(self, deadline: float) -> float:
        """Never: the agenda wakes us. At that moment: now."""
        if self.ringing:
            return -inf
        if self._host.up:
            self._host.plan_wake(deadline)
        return inf


class Wire(Transport):
    """A node's place in the simulated network."""

    def __init__(self, host: Host) -> None:
        self.address = host.address
        self._host = host
        self.receiver: Receiver

    async def run(
        self, receiver: Receiver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Be there."""
        self.receiver = receiver
        task_status.started()
        await trio.sleep_forever()

    def send(self, address: Address, data: bytes, *, reached: bool = False) -> None:
        """Put a datagram on its way."""
        self._host.world.send(self._host, address, data)

    def open(self, stream: int, address: Address) -> None:
        """Begin to connect."""
        self._host.world.streams.connect(self._host, stream, address)

    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes."""
        self._host.world.streams.write(self._host, stream, data)

    def close(self, stream: int) -> None:
        """Write what is queued, then close."""
        self._host.world.streams.close(self._host, stream)

    def isolate(self) -> None:
        """Faults are the plan's business."""

    def heal(self) -> None:
        """Faults are the plan's business."""

    def close_now(self) -> None:
        """The host closes the streams of a process that ended."""


class NodeProcess:
    """One life of a node, run by the node's own driver.

    Attributes:
        engine: Who decides.
        registry: What it holds.
    """

    def __init__(
        self, conductor: Conductor, host: Host, engine: Engine, registry: WatchedRegistry
    ) -> None:
        self.host = host
        self.engine = engine
        self.registry = registry
        self._conductor = conductor
        self._clock = HostClock(host)
        self._wire = Wire(host)
        self._scope = trio.CancelScope()
        self._tasks: trio.Nursery
        self._started = self._over = False
        self._unasked = 0
        self._tap(engine)
        self._node = Node(
            engine=engine,
            registry=registry,
            transport=self._wire,
            metrics=host.metrics,
            settings=Settings(),
            cluster=CLUSTER,
            address=format_address(host.address),
            allow_faults=False,
            clock=self._clock,
        )

    def _tap(self, engine: Engine) -> None:
        """Let the checks hear what the engine tells, and learn the tickets that it gives out."""
        effects, flush, world, host = engine.effects, engine.flush, self.host.world, self.host

        def told() -> list[Effect]:
            taken = effects()
            for effect in taken:
                if isinstance(effect, Changed | MemberNews | Flushed | Roots | Event):
                    world.told(host, effect)
            return taken

        def asked(now: float) -> int:
            ticket = flush(now)
            self._unasked -= 1
            world.asked(host, ticket)
            return ticket

        engine.effects = told  # type: ignore[method-assign] # of this one engine
        engine.flush = asked  # type: ignore[method-assign]

    @property
    def settled(self) -> bool:
        """True where its driver has done what this moment wanted of it."""
        if self._over:
            return True
        return self._started and not self._clock.ringing and not self._unasked

    # Its life

    def start(self) -> None:
        """Begin."""
        self._conductor.spawn(self)
        self._conductor.unsettled.append(self)

    async def run(self) -> None:
        """Run the node until its process ends."""
        with self._scope:
            async with trio.open_nursery() as self._tasks:
                await self._tasks.start(self._node.run)
                self._started = True
        self._over = True

    def end(self) -> None:
        """Stop in the middle of everything."""
        self._scope.cancel()
        self._node.audience.end()
        self._conductor.unsettled.append(self)

    def ring(self) -> None:
        """The engine's deadline has come."""
        self._clock.ringing = True
        self._node.registry.notify()
        self._conductor.unsettled.append(self)

    def flush(self) -> None:
        """Ask to hear when others hold what was written, as the program around the node would."""
        self._unasked += 1
        self._tasks.start_soon(self._flush)
        self._conductor.unsettled.append(self)

    async def _flush(self) -> None:
        with suppress(NodeClosed):
            await self._node.flush()

    def leave(self) -> None:
        """Say goodbye."""
        self._node.leave()
        self.look()

    def wrote(self) -> None:
        """The process's own code has changed an object."""
        self._node.registry.notify()

    # What its sockets tell

    def datagram(self, data: bytes, source: Udp) -> None:
        """A datagram came."""
        self._wire.receiver.datagrams([(data, source.address)])
        self.look()

    def accepted(self, address: Address) -> int | None:
        """Somebody connected; gives the number of the stream, None to hang up."""
        stream = self._wire.receiver.accepted(address)
        self.look()
        return stream

    def opened(self, stream: int) -> None:
        """A connect succeeded."""
        self._wire.receiver.opened(stream)
        self.look()

    def received(self, stream: int, data: bytes) -> None:
        """Bytes came on a stream."""
        self._wire.receiver.received(stream, data)
        self.look()

    def drained(self, stream: int) -> None:
        """All that was written to a stream is out."""
        self._wire.receiver.drained(stream)
        self.look()

    def closed(self, stream: int, why: str) -> None:
        """A stream broke, or a connect failed."""
        self._wire.receiver.closed(stream, why)
        self.look()

    def look(self) -> None:
        """See what the last call led to."""
        host = self.host
        if host.process is not self:
            return
        if host.metrics.contained:
            rooms = ", ".join(sorted(host.metrics.contained))
            host.world.raised(host, RuntimeError(f"the driver contained an exception in {rooms}"))
        if self._node.has_left.is_set():
            host.left()
        else:
            host.show_root(self.registry.root)
