"""Two connected transports with receivers that write down what they hear."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import trio

from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport import Transport
from crdtnode.transport.memory import MemoryNetwork
from crdtnode.transport.sockets import SocketTransport

DEADLINE = 10.0


@dataclass
class Ear:
    """A receiver that keeps everything, and accepts while ``numbers`` last."""

    heard: list[tuple[bytes, Address]] = field(default_factory=list)
    streams: dict[int, bytes] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    ended: dict[int, str] = field(default_factory=dict)
    empty: list[int] = field(default_factory=list)
    failures: list[tuple[Address, str]] = field(default_factory=list)
    lost: int = 0
    metrics: Metrics = field(default_factory=Metrics)
    numbers: list[int] = field(default_factory=lambda: list(range(1001, 1300)))

    def datagrams(self, batch: list[tuple[bytes, Address]]) -> None:
        self.heard.extend(batch)

    def accepted(self, address: Address) -> int | None:
        if not self.numbers:
            return None
        number = self.numbers.pop(0)
        self.streams[number] = b""
        return number

    def opened(self, stream: int) -> None:
        self.open.append(stream)

    def received(self, stream: int, data: bytes) -> None:
        self.streams[stream] = self.streams.get(stream, b"") + data

    def drained(self, stream: int) -> None:
        self.empty.append(stream)

    def closed(self, stream: int, why: str) -> None:
        assert stream not in self.ended, "told twice"
        self.ended[stream] = why

    def send_failed(self, address: Address, errno_name: str) -> None:
        self.failures.append((address, errno_name))

    def datagrams_lost(self, count: int) -> None:
        self.lost += count


@dataclass
class Side:
    """A transport, who listens to it, and what was counted."""

    transport: Transport
    ear: Ear
    metrics: Metrics


async def wait_until(condition: Callable[[], object]) -> None:
    with trio.fail_after(DEADLINE):
        while not condition():  # noqa: ASYNC110 (a condition of the outside has no event)
            await trio.sleep(0.001)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait for a condition with a deadline."""
    return wait_until


@pytest.fixture(params=["memory", pytest.param("sockets", marks=pytest.mark.process)])
async def pair(request: pytest.FixtureRequest, nursery: trio.Nursery) -> AsyncIterator[list[Side]]:
    """Two transports that can reach each other."""
    network = MemoryNetwork()
    sides = []
    for _ in range(2):
        metrics = Metrics()
        bind = ("127.0.0.1", 0)
        made: Transport
        if request.param == "memory":
            made = network.transport(bind, metrics)
        else:
            made = SocketTransport(bind, metrics)
        side = Side(made, Ear(), metrics)
        await nursery.start(made.run, side.ear)
        sides.append(side)
    yield sides
    nursery.cancel_scope.cancel()


@pytest.fixture
def ear() -> Ear:
    """A receiver on its own."""
    return Ear()
