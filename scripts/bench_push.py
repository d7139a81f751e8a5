#!/usr/bin/env python3
"""How fast a write gets everywhere, and what it costs: prints one JSON line for each figure.

Usage: ``scripts/bench_push.py [--quick] [--nodes N ...]``.
Engines run on a heap of events, with time that costs nothing, so that the figures do not depend on
the machine. Latencies are in L, the one-way latency of the network, which varies by 30 % either
way; copies are pushes sent for each node and write. Probes are off: what the tree misses, stays
missed. Bytes are those of whole packets, acknowledgements and headers of IP and UDP included, for
updates of 100 characters.
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
import json
import math
import random
from time import process_time

from crdt import GSet, LWWRegister, ORSet
from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import Changed, Engine, SendDatagram, Udp
from crdtnode.protocol.channel import clear
from crdtnode.registry import Registry
from crdtnode.wire.messages import MemberRecord, State

L = 0.01
"""Seconds that a datagram takes: long enough for the least time before a retry to matter little."""

SPREAD = 0.3
PROBES_OFF = Settings(probe_period=1e9)
GOALS = {10: (1.3, 9.0), 100: (2.5, 16.0), 1000: (3.8, 28.0)}
"""Most L to the last node without loss, and to 95 % of them with 10 % loss."""

COPIES = (1.0, 1.3)
IP_AND_UDP = 28
BYTES = {1: 400, 1000: 200, 5000: 200}
"""Most bytes for each update and node, at so many updates a second from one node."""

WRITES = {10: 400, 100: 100, 1000: 20}


class Node:
    """An engine and where it lives."""

    def __init__(self, index: int, heap: "Heap") -> None:
        chance = random.Random(f"{heap.seed}/{index}")
        self.address = (f"10.0.{index >> 8}.{index & 255}", 27380)
        self.source = Udp(self.address)
        self.dead = False
        self.wake_at = math.inf
        ids = count()
        boot = chance.randbytes(16)
        metrics = Metrics()
        self.registry = Registry(
            salt=b"salt",
            replica=lambda: f"replica{index:03}.{next(ids)}",
            clock=lambda: 1,
            metrics=metrics,
        )
        self.record = MemberRecord(
            f"n{index}", boot, 1, State.ALIVE, (self.address,), self.registry.types_hash, 1, {}
        )
        self.engine = Engine(
            name=f"n{index}",
            cluster="bench",
            addresses=(self.address,),
            registry=self.registry,
            channel=clear("bench", boot),
            settings=PROBES_OFF,
            metrics=metrics,
            chance=chance,
            entropy=chance.randbytes,
            clock=lambda: 1,
        )


class Heap:
    """Nodes that know each other, and the datagrams between them."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self.seed = seed
        self.now = 100.0
        self.loss = 0.0
        self.chance = random.Random(seed)
        self.nodes = [Node(index, self) for index in range(nodes)]
        self.by_address = {node.address: node for node in self.nodes}
        self.arrived: list[float] = []
        self.packets = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        records = [node.record for node in self.nodes]
        for node in self.nodes:
            node.engine.start(self.now)
            node.engine._cluster.hear(records, self.now - 60, records[0].boot)
            node.engine.effects()

    def _at(self, when: float, act: Callable[[], None]) -> None:
        heappush(self._events, (when, next(self._order), act))

    def after(self, node: Node) -> None:
        """Carry out what an engine wants after a call."""
        for effect in node.engine.effects():
            if isinstance(effect, SendDatagram):
                self._send(node, effect)
            elif isinstance(effect, Changed):
                self.arrived.append(self.now)
        due = node.engine.deadline
        if due < node.wake_at:
            node.wake_at = max(due, self.now)
            self._at(node.wake_at, lambda: self._wake(node))

    def _send(self, node: Node, effect: SendDatagram) -> None:
        self.packets += 1
        if self.chance.random() >= self.loss:
            takes = L * self.chance.uniform(1 - SPREAD, 1 + SPREAD)
            receiver = self.by_address[effect.address]
            self._at(self.now + takes, lambda: self._receive(receiver, effect.data, node.source))

    def _receive(self, node: Node, data: bytes, source: Udp) -> None:
        if not node.dead:
            node.engine.receive(data, source, self.now)
            node.engine.heard(self.now)
            self.after(node)

    def _wake(self, node: Node) -> None:
        if node.wake_at <= self.now and not node.dead:
            node.wake_at = math.inf
            if node.engine.deadline <= self.now:
                node.engine.wake(self.now)
            self.after(node)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, act = heappop(self._events)
            act()
        self.now = end

    def sent(self, kind: str) -> int:
        """Messages of a kind that were sent until now."""
        return sum(n.engine._metrics.packets_sent[kind] for n in self.nodes)

    def bytes_sent(self) -> int:
        """Bytes of all packets until now."""
        metrics = [node.engine._metrics for node in self.nodes]
        return sum(
            sum(m.bytes_sent.values()) + IP_AND_UDP * sum(m.packets_sent.values()) for m in metrics
        )

    def act(self, node: Node) -> None:
        """A node wrote something: wake it, as its driver would."""
        if node.engine.deadline <= self.now:
            node.engine.wake(self.now)
        self.after(node)

    def write(self, number: int) -> list[float]:
        """Write somewhere; gives the times at which each living node had it, in L."""
        writer = self.chance.choice([node for node in self.nodes if not node.dead])
        began, self.arrived = self.now, []
        writer.registry.open(f"w{number}", GSet).add(number)
        self.act(writer)
        self.run(3.0)
        return [(at - began) / L for at in self.arrived[1:]]


def figures(nodes: int, writes: int) -> Iterator[dict[str, object]]:
    """Latencies and copies of one size under all conditions."""
    heap = Heap(nodes)
    numbers = count()
    for _ in range(20):
        heap.write(next(numbers))  # so that round trips are known
    for loss, dead in ((0.0, 0.0), (0.1, 0.0), (0.3, 0.0), (0.0, 0.2)):
        heap.loss = loss
        for node in heap.chance.sample(heap.nodes, round(dead * nodes)):
            node.dead = True
        living = sum(not node.dead for node in heap.nodes)
        before, took = heap.sent("push"), process_time()
        arrivals = [heap.write(next(numbers)) for _ in range(writes)]
        took = process_time() - took
        times = sorted(at for write in arrivals for at in write)
        last = sorted(max(write) for write in arrivals)
        copies = (heap.sent("push") - before) / writes / (nodes - 1)
        expected = writes * (living - 1)
        yield {
            "figure": f"push, {nodes} nodes, {loss:.0%} loss, {dead:.0%} undetected dead",
            "unit": "L",
            "p50": round(times[len(times) // 2], 2),
            "p95": round(times[int(len(times) * 0.95)], 2),
            "max": round(times[-1], 2),
            "last_p50": round(last[len(last) // 2], 2),
            "copies": round(copies, 3),
            "missed": expected - len(times),
            "of": expected,
            "goal": goal(nodes, loss, dead),
            "us_per_delivery": round(took / len(times) * 1e6),
        }


def goal(nodes: int, loss: float, dead: float) -> dict[str, float]:
    """What we hold ourselves to; nothing where there is no goal."""
    if nodes not in GOALS or dead or loss > 0.1:
        return {}
    lossless, lossy = GOALS[nodes]
    return (
        {"p95": lossy, "copies": COPIES[1]} if loss else {"last_p50": lossless, "copies": COPIES[0]}
    )


def text(chance: random.Random) -> str:
    """A hundred characters."""
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=100))


KINDS: dict[str, Callable[[Node, int, str], object]] = {
    "100 registers": lambda node, n, said: node.registry.open(
        f"register-{n % 100}", LWWRegister
    ).assign(said),
    "50 sets": lambda node, n, said: node.registry.open(f"set-{n % 50}", ORSet).add(said),
}


def byte_figures(seconds: float) -> Iterator[dict[str, object]]:
    """What an update costs on the wire, among 10 nodes."""
    for rate, most in BYTES.items():
        for kind, write in KINDS.items():
            heap = Heap(10)
            writer, before = heap.nodes[3], heap.bytes_sent()
            updates = max(5, round(rate * seconds))
            for number in range(updates):
                write(writer, number, text(heap.chance))
                heap.act(writer)
                heap.run(1 / rate)
            heap.run(2)
            yield {
                "figure": f"bytes for each update and node, {rate}/s, {kind}",
                "unit": "B",
                "value": round((heap.bytes_sent() - before) / updates / 9, 1),
                "goal": most,
            }


def main() -> None:
    """Print all figures."""
    parser = ArgumentParser(description="Push latencies and copies on simulated networks.")
    parser.add_argument("--nodes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--quick", action="store_true", help="few writes, to see that it runs")
    options = parser.parse_args()
    for figure in byte_figures(0.05 if options.quick else 1.0):
        print(json.dumps(figure), flush=True)
    for nodes in options.nodes:
        for figure in figures(nodes, 3 if options.quick else WRITES.get(nodes, 50)):
            print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
