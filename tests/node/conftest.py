"""Whole nodes of one process, over a network in memory."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import trio

from crdtnode.metrics import Metrics
from crdtnode.node import Node, open_node
from crdtnode.transport.memory import MemoryNetwork

DEADLINE = 30.0


@dataclass
class Table:
    """Nodes at one table: ``seat`` opens one more, at 10.0.0.1, 10.0.0.2 and so on."""

    nursery: trio.Nursery
    network: MemoryNetwork
    nodes: list[Node]

    async def seat(self, name: str | None = None, **options: object) -> Node:
        host = f"10.0.0.{len(self.nodes) + 1}"
        options.setdefault("join", [self.nodes[0].address] if self.nodes else [])
        place = self.network.transport((host, 27380), Metrics())
        options["name"] = name or chr(ord("a") + len(self.nodes))
        node: Node = await self.nursery.start(sit, place, options)
        self.nodes.append(node)
        return node

    async def seats(self, count: int) -> list[Node]:
        """Open so many nodes and wait until all know each other."""
        for _ in range(count):
            await self.seat()
        await wait_until(lambda: all(n.member_counts()["alive"] == count for n in self.nodes))
        return self.nodes

    def cut(self, *left: Node) -> None:
        """Part the network in two."""
        hosts = {node.address.partition(":")[0] for node in left}
        self.network.linked = lambda a, b: (a in hosts) == (b in hosts)

    def heal(self) -> None:
        self.network.linked = lambda a, b: True


async def sit(place, options, *, task_status) -> None:
    """Run a node in a task of its own, until the test is over."""
    async with open_node(transport=place, **options) as node:
        task_status.started(node)
        await trio.sleep_forever()


async def wait_until(condition: Callable[[], object]) -> None:
    with trio.fail_after(DEADLINE):
        while not condition():  # noqa: ASYNC110 (a condition of the outside has no event)
            await trio.sleep(0.005)


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait for a condition with a deadline."""
    return wait_until


@pytest.fixture
def table(nursery: trio.Nursery) -> Table:
    """An empty table; tests ask for ``autojump_clock`` too, so that waiting takes no time."""
    return Table(nursery, MemoryNetwork(), [])
