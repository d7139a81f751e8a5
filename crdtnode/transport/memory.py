"""A network inside one process, for tests of whole nodes under a virtual clock.

Rule of this file: it behaves as sockets do where a receiver can tell: datagrams may be lost and
never wait, streams are ordered and end with the same words. Latency and loss are given; with
``trio.testing.MockClock`` an hour passes in no time.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
import random

import trio

from crdtnode.errors import CannotBind
from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport import (
    CONNECT_TIMEOUT,
    DATAGRAM_MOST_BYTES,
    SEND_QUEUE_BYTES,
    Receiver,
    Transport,
    Why,
    format_address,
)
from crdtnode.transport.tcp import CHUNK_BYTES

_FIRST_PORT = 40_000
_STALL = 15.0
_LOOK_AGAIN = 0.05


@dataclass
class MemoryNetwork:
    """Who is where, and which links carry anything."""

    latency: float = 0.001
    """Seconds that a datagram or a chunk takes one way."""
    loss: float = 0.0
    """Share of datagrams that never arrive, 0 to 1; streams lose nothing."""
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    linked: Callable[[str, str], bool] = lambda _a, _b: True
    """Tells whether two hosts can talk; replace it to cut a cluster in parts."""
    nodes: dict[Address, "MemoryTransport"] = field(default_factory=dict)
    next_port: int = _FIRST_PORT

    def transport(self, bind: Address, metrics: Metrics) -> "MemoryTransport":
        """Bind a transport; port 0 picks one.

        Raises:
            CannotBind: The address is taken.
        """
        host, port = bind
        if not port:
            port, self.next_port = self.next_port, self.next_port + 1
        if (host, port) in self.nodes:
            raise CannotBind(format_address((host, port)), "taken already")
        made = self.nodes[host, port] = MemoryTransport(self, (host, port), metrics)
        return made

    def delay(self, source: str, target: str) -> float:
        """Seconds on the way from one host to another, asked for each datagram and chunk."""
        return self.latency

    def loses(self, source: str, target: str) -> bool:
        """Whether the next datagram from one host to another never arrives."""
        return self.chance.random() < self.loss

    def reachable(self, source: "MemoryTransport", address: Address) -> bool:
        """Tell whether packets go from one to the other now."""
        target = self.nodes.get(address)
        cut = source.isolated or (target is not None and target.isolated)
        return not cut and self.linked(source.address[0], address[0])


class _End:
    """One end of a stream: bytes on their way to the other end, in order."""

    def __init__(self, number: int, owner: "MemoryTransport") -> None:
        self.number = number
        self.owner = owner
        self.other: _End | None = None
        self.queue: list[bytes] = []
        self.queued_bytes = 0
        self.work = trio.Event()
        self.closing = False
        self.scope = trio.CancelScope()


class MemoryTransport(Transport):
    """One node's place in a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, address: Address, metrics: Metrics) -> None:
        self.address = address
        self._network = network
        self._metrics = metrics
        self._ends: dict[int, _End] = {}
        self._nursery: trio.Nursery | None = None
        self._receiver: Receiver

    async def run(
        self, receiver: Receiver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry datagrams and streams until cancelled."""
        self._receiver = receiver
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self.close_now()

    def _running(self) -> trio.Nursery:
        if self._nursery is None:
            raise RuntimeError("run() has not started yet, or is over")
        return self._nursery

    def send(self, address: Address, data: bytes, *, reached: bool = False) -> None:
        """Send one datagram after the network's latency, or lose it."""
        network = self._network
        if self.isolated:
            self._metrics.dropped.add("isolated")
        elif network.reachable(self, address) and not network.loses(self.address[0], address[0]):
            delay = network.delay(self.address[0], address[0])
            self._running().start_soon(self._deliver, address, data, delay)

    async def _deliver(self, address: Address, data: bytes, delay: float) -> None:
        await trio.sleep(delay)
        target = self._network.nodes.get(address)
        if target is None or target._nursery is None:
            return
        if target.isolated:
            target._metrics.dropped.add("isolated")
        elif len(data) > DATAGRAM_MOST_BYTES:
            target._metrics.dropped.add("datagram too large")
        else:
            target._receiver.datagrams([(data, self.address)])

    def open(self, stream: int, address: Address) -> None:
        """Begin to connect; unreachable at once while isolated."""
        if self.isolated:
            self._receiver.closed(stream, "unreachable")
            return
        end = self._ends[stream] = _End(stream, self)
        self._running().start_soon(self._connect, end, address)

    async def _connect(self, end: _End, address: Address) -> None:
        with end.scope:
            why = await self._reach(end, address)
            if why is not None or end.other is None:
                self._finish(end, why or "eof")
                return
            await self._carry(end)

    async def _reach(self, end: _End, address: Address) -> Why | None:
        """Take a round trip to the other side; answers why that failed."""
        await trio.sleep(2 * self._network.delay(self.address[0], address[0]))
        target = self._network.nodes.get(address)
        if target is not None and target.isolated:
            return "refused"
        if not self._network.reachable(self, address):
            await trio.sleep(CONNECT_TIMEOUT)
            return "timeout"
        if target is None or target._nursery is None:
            return "refused"
        number = target._receiver.accepted((self.address[0], 0))
        if number is not None:
            end.other = _End(number, target)
            end.other.other = end
            target._ends[number] = end.other
            target._nursery.start_soon(target._carry_accepted, end.other)
        if self._ends.get(end.number) is end:
            self._receiver.opened(end.number)
        return None

    async def _carry_accepted(self, end: _End) -> None:
        with end.scope:
            await self._carry(end)

    async def _carry(self, end: _End) -> None:
        """Write what is queued here to the other end, until this end is closed."""
        while not (end.closing and not end.queue):
            if not end.queue:
                end.work = trio.Event()
                await end.work.wait()
                continue
            pieces, end.queue, end.queued_bytes = end.queue, [], 0
            await trio.sleep(self._wire_delay(end))
            if not await self._wire_holds(end):
                self._finish(end, "timeout")
                return
            self._arrive(end, b"".join(pieces))
            if not end.queue and self._ends.get(end.number) is end:
                self._receiver.drained(end.number)
        await trio.sleep(self._wire_delay(end))
        if end.other is not None:
            end.other.owner._finish(end.other, "eof")

    def _wire_delay(self, end: _End) -> float:
        target = end.other.owner if end.other else self
        return self._network.delay(self.address[0], target.address[0])

    async def _wire_holds(self, end: _End) -> bool:
        """Stall while the wire is cut, as TCP does; False when it was cut for too long."""
        with trio.move_on_after(_STALL):
            while end.other and not self._network.reachable(self, end.other.owner.address):  # noqa: ASYNC110 (a virtual clock)
                await trio.sleep(_LOOK_AGAIN)
            return True
        return False

    def _arrive(self, end: _End, data: bytes) -> None:
        other = end.other
        if other is None:
            return
        for start in range(0, len(data), CHUNK_BYTES):
            if other.owner._ends.get(other.number) is other:
                other.owner._receiver.received(other.number, data[start : start + CHUNK_BYTES])

    def _finish(self, end: _End, why: Why) -> None:
        end.scope.cancel()
        if self._ends.get(end.number) is end:
            del self._ends[end.number]
            self._receiver.closed(end.number, why)

    def _break(self, end: _End) -> None:
        self._finish(end, "error")
        if end.other is not None:
            end.other.owner._finish(end.other, "error")

    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes on a stream."""
        end = self._ends.get(stream)
        if end is None:
            return
        end.queue.append(data)
        end.queued_bytes += len(data)
        end.work.set()
        if end.queued_bytes > SEND_QUEUE_BYTES:
            self._metrics.dropped.add("stream, send queue full")
            self._break(end)

    def close(self, stream: int) -> None:
        """Write what is queued, then close."""
        with suppress(KeyError):
            end = self._ends.pop(stream)
            end.closing = True
            end.work.set()

    def isolate(self) -> None:
        """Cut this node off; the other ends notice at once, as they do when a host closes."""
        self.isolated = True
        for end in list(self._ends.values()):
            self._break(end)

    def heal(self) -> None:
        """Let it speak again."""
        self.isolated = False

    def close_now(self) -> None:
        """Leave the network; the other ends of our streams see their end."""
        self._nursery = None
        if self._network.nodes.get(self.address) is self:  # another one may live there by now
            del self._network.nodes[self.address]
        for end in list(self._ends.values()):
            del self._ends[end.number]
            if end.other is not None:
                end.other.owner._finish(end.other, "eof")
