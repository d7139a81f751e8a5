"""Whole nodes in a test of your own: real ones, on a virtual network and clock.

Rule of this file: what runs is what `crdtnode.open_node` opens in production; only the wire, the
clock and chance are others. An hour passes in no time, and equal seeds give equal runs, as long as
your own code draws its chance from seeds as well.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Final

import trio
from trio.testing import MockClock

from crdt import StateCRDT
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.errors import NotConverged, NotSupported
from crdtnode.metrics import Metrics
from crdtnode.node import Node, open_node
from crdtnode.node.nature import Nature
from crdtnode.sim.document import nearest
from crdtnode.sim.draw import node_names
from crdtnode.sim.latency import Latency
from crdtnode.sim.link import Link, PlanError
from crdtnode.transport.memory import MemoryNetwork

EPOCH_MS: Final = 1_700_000_000_000
"""What the wall clock shows when the virtual clock shows 0."""

_LOOK_AGAIN: Final = 0.01
_JITTER: Final = 1e-6
"""Seconds by which packets of one latency differ at most."""

_MEET_MOST: Final = 60.0
_SHOWN_MOST: Final = 5


@asynccontextmanager
async def simulated_cluster(
    nodes: int | Iterable[str],
    *,
    seed: int,
    types: Iterable[type[StateCRDT]] = (),
    latency: Latency | str = "500us-2ms",
    loss: float = 0.0,
    settings: Settings | None = None,
) -> AsyncIterator["SimulatedCluster"]:
    """Run a cluster for the length of an ``async with`` block, under a virtual clock.

    What the block raises comes out as it is, in no group. In a test of pytest-trio ask for the fixture ``autojump_clock``; elsewhere say
    ``trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))``.

    Args:
        nodes: How many, or their names. All know each other when the block begins.
        seed: Where all chance comes from.
        types: Types of your own, registered on every node.
        latency: One-way time of every packet, such as ``"5ms"`` or ``"1-20ms"``.
        loss: Share of datagrams that vanish, below 1.
        settings: For every node; see `crdtnode.config`.

    Raises:
        NotSupported: The clock is a real one.
        PlanError: An argument has an impossible value.

    Example::

        async def test_counts_add_up_after_a_partition(autojump_clock):
            async with sim.simulated_cluster(["here", "there"], seed=7) as cluster:
                here, there = (node.open("visits", PNCounter) for node in cluster)
                cluster.partition(["here"], ["there"])
                here.increment(3)
                there.increment(4)
                cluster.heal()
                await cluster.converged()
                assert here.value == there.value == 7
    """
    if not isinstance(trio.lowlevel.current_clock(), MockClock):
        raise NotSupported(
            "a simulated cluster needs a virtual clock: pytest-trio's fixture autojump_clock, "
            "or trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))"
        )
    names = _names(nodes)
    network = _Network(seed, _link(latency, loss))
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        try:
            cluster = SimulatedCluster(nursery, network, names, tuple(types), settings)
            for name in names:
                await cluster.start(name)
            await cluster.met()
            yield cluster
        except Exception as error:  # noqa: BLE001 (it is raised again outside of the nursery)
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _names(nodes: int | Iterable[str]) -> tuple[str, ...]:
    if type(nodes) is int:
        names = node_names(nodes)
    elif isinstance(nodes, Iterable) and not isinstance(nodes, str):
        names = tuple(nodes)
    else:
        raise PlanError(f"nodes must be how many, or a list of names, not {nodes!r}")
    if not names or len(set(names)) != len(names):
        raise PlanError("nodes must be at least one name, each different")
    return names


def _link(latency: Latency | str, loss: float) -> Link:
    try:
        return Link(Latency.parse(latency) if isinstance(latency, str) else latency, loss)
    except ValueError as error:
        raise PlanError(str(error)) from error


class _Network(MemoryNetwork):
    """A network whose packets take a time of their own each, so that no two arrive at once.

    Each link has chance of its own, so that it does not matter which of two hosts trio runs first.
    """

    def __init__(self, seed: int, link: Link) -> None:
        super().__init__()
        self.seed = seed
        self._link = link
        self._chances: dict[tuple[str, str], Random] = {}

    def _chance(self, source: str, target: str) -> Random:
        link = (source, target)
        if link not in self._chances:
            self._chances[link] = Random(f"{self.seed}/link/{source}/{target}")
        return self._chances[link]

    def delay(self, source: str, target: str) -> float:
        chance = self._chance(source, target)
        return self._link.latency.sample(chance.random()) + chance.random() * _JITTER

    def loses(self, source: str, target: str) -> bool:
        return self._chance(source, target).random() < self._link.loss


class SimulatedCluster:
    """Nodes that run, and the network between them; made by `simulated_cluster`.

    Iterating gives the nodes that are up, in the order of their names' places.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        network: _Network,
        names: tuple[str, ...],
        types: tuple[type[StateCRDT], ...],
        settings: Settings | None,
    ) -> None:
        self.names = names
        self._nursery = nursery
        self._network = network
        self._types = types
        self._settings = settings
        self._hosts = {name: f"10.0.{n >> 8}.{n & 255}" for n, name in enumerate(names, 1)}
        self._lives: Counter[str] = Counter()
        self._up: dict[str, _Seat] = {}

    @property
    def nodes(self) -> list[Node]:
        """The nodes that are up."""
        return [self._up[name].node for name in self.names if self._is_up(name)]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, name: str) -> Node:
        self._check(name)
        if not self._is_up(name):
            raise PlanError(f"{name} is down")
        return self._up[name].node

    def _is_up(self, name: str) -> bool:
        """Whether a node runs, and has not left by itself."""
        return name in self._up and not self._up[name].node.leaving

    # Its network

    def partition(self, *groups: Iterable[Node | str] | Node | str) -> None:
        """From now on only nodes of one group reach each other; it replaces an earlier partition.

        Nodes that no group names form one more group. A group may be a single node.

        Raises:
            PlanError: A node is none of this cluster, or stands in two groups.
        """
        side: dict[str, int] = {}
        for number, group in enumerate(groups, 1):
            for member in [group] if isinstance(group, str | Node) else group:
                host = self._hosts[self._name(member)]
                if side.setdefault(host, number) != number:
                    raise PlanError(f"{self._name(member)} stands in two groups")
        self._network.linked = lambda one, other: side.get(one, 0) == side.get(other, 0)

    def isolate(self, node: Node | str) -> None:
        """Cut one node off from all others; they go on."""
        self.partition([node])

    def heal(self) -> None:
        """End the partition: everybody reaches everybody."""
        self._network.linked = lambda _one, _other: True

    # Its processes

    async def start(self, name: str) -> Node:
        """Start a node that is down, at its address: as a new process, which holds nothing yet.

        Raises:
            PlanError: It is up, or none of this cluster.
        """
        self._check(name)
        if self._is_up(name):
            raise PlanError(f"{name} is up already")
        if name in self._up:
            self._up.pop(name).crash()  # it has left, and its process ends
        self._lives[name] += 1
        chance = Random(f"{self._network.seed}/node/{name}/{self._lives[name]}")
        seat = _Seat(self._network, (self._hosts[name], DEFAULT_PORT))
        joins = [f"{host}:{DEFAULT_PORT}" for other, host in self._hosts.items() if other != name]
        await self._nursery.start(
            seat.run,
            {
                "name": name,
                "join": joins[:2],
                "types": self._types,
                "settings": self._settings,
                "nature": Nature(chance.randbytes, _wall_clock),
            },
        )
        self._up[name] = seat
        return seat.node

    def crash(self, node: Node | str) -> None:
        """End a node's process in the middle of everything, as kill -9 does.

        Raises:
            PlanError: It is down, or none of this cluster.
        """
        name = self._name(node)
        self[name]  # raises where it is down
        self._up.pop(name).crash()

    # What a test waits for

    async def met(self) -> None:
        """Wait until all nodes that are up hold each other for alive.

        Raises:
            TimeoutError: They do not within 60 virtual seconds; is there a partition?
        """
        with trio.move_on_after(_MEET_MOST):
            while not all(self._alive_for(n) >= {m.name for m in self} for n in self):  # noqa: ASYNC110 (a virtual clock)
                await trio.sleep(_LOOK_AGAIN)
            return
        raise TimeoutError(f"not all nodes met within {_MEET_MOST:g} s; is there a partition?")

    def _alive_for(self, node: Node) -> set[str]:
        return {view.name for view in node.members if view.state == "alive"}

    async def converged(self, timeout: float = 60.0) -> None:  # noqa: ASYNC109 (names who differs)
        """Wait until all nodes that are up hold the same state.

        Args:
            timeout: Virtual seconds.

        Raises:
            NotConverged: They did not; a note names objects that differ, and what is where.
            PlanError: No node is up.
        """
        if not self.nodes:
            raise PlanError("no node is up, so there is nobody to agree")
        with trio.move_on_after(timeout):
            while not self._agreed():  # noqa: ASYNC110 (a virtual clock)
                await trio.sleep(_LOOK_AGAIN)
            return
        ((most, _),) = Counter(node.root for node in self).most_common(1)
        error = NotConverged([node.name for node in self if node.root != most], [])
        for note in self._differences():
            error.add_note(note)
        raise error

    def _agreed(self) -> bool:
        return len({node.root for node in self}) == 1 and not any(n.registry.dirty for n in self)

    def _differences(self) -> Iterator[str]:
        objects = sorted({each for node in self for each in node.names()})
        unequal = [o for o in objects if len({n.version(o[1], o[0]) for n in self}) > 1]
        for tag, name in unequal[:_SHOWN_MOST]:
            held = ", ".join(f"{node.name} has {_shown(node, tag, name)}" for node in self)
            yield f"{name} ({tag}): {held}"
        if len(unequal) > _SHOWN_MOST:
            yield f"and {len(unequal) - _SHOWN_MOST} more objects"

    def _name(self, node: Node | str) -> str:
        name = node if isinstance(node, str) else node.name
        self._check(name)
        return name

    def _check(self, name: str) -> None:
        if name not in self._hosts:
            raise PlanError(f"no node is called {name!r}{nearest(name, self.names)}")


class _Seat:
    """A place in the network, and the node that runs there."""

    def __init__(self, network: _Network, address: tuple[str, int]) -> None:
        self._transport = network.transport(address, Metrics())
        self._scope = trio.CancelScope()
        self.node: Node

    async def run(self, options: dict[str, object], *, task_status: trio.TaskStatus[None]) -> None:
        with self._scope:
            async with open_node(transport=self._transport, **options) as self.node:  # type: ignore[arg-type] # see start
                task_status.started()
                await trio.sleep_forever()

    def crash(self) -> None:
        self._transport.close_now()
        self.node.end()  # or it would say goodbye
        self._scope.cancel()


def _wall_clock() -> int:
    return EPOCH_MS + int(trio.current_time() * 1000)


def _shown(node: Node, tag: str, name: str) -> str:
    entry = node.registry.entry(node.registry.fingerprints.place(tag, name))
    text = "nothing" if entry is None else repr(entry.state.payload)
    return text if len(text) <= 200 else f"{text[:200]}..."
