#!/usr/bin/env python3
"""What repair costs: two engines without sockets, bytes of bodies in both directions.

Usage: ``scripts/bench_repair.py [--small | --large]``.
It prints one JSON line for each row. Every row begins with a probe between two nodes whose pushes
were lost, and ends when both are equal and at rest; ``probes`` says how many that took. ``bytes``
counts the bodies of all messages, the probe and its answer included, ``round_trips`` half the longest
chain of messages, ``cpu_ms`` the processor time of both ends, ``longest_ms`` and ``p99_ms`` the time of
single calls of an engine. Of the rows that take less than a millisecond, ``cpu_ms`` is the median over
many probes, all warm, of the time that the calls took, since asking for the processor time may cost as
much as the whole probe; the others include carrying the bytes. ``--large`` adds a million objects, of
which 1,000 and 100,000 differ; it takes 4 GB and some minutes.
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
import gc
import itertools
import json
import random
import sys
from time import perf_counter_ns, process_time

from msgpack import packb

from crdt import GSet, ORSet
from crdtnode.cli.collector import leave_alone_what_stays
from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol import (
    Address,
    Changed,
    CloseStream,
    Effect,
    Engine,
    OpenStream,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)
from crdtnode.protocol.channel import clear
from crdtnode.registry import Registry
from crdtnode.wire import codec
from crdtnode.wire.messages import Message, Push


@dataclass
class Meter:
    """Counts the bodies that are encoded while it is on."""

    on: bool = False
    bodies: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Count from zero."""
        self.on, self.bodies = True, 0
        self.by_kind.clear()

    def encode(self, message: Message) -> bytes:
        """Encode a message as the engine does."""
        body = codec.encode(message)
        if self.on and not isinstance(message, Push):
            self.bodies += len(body)
            kind = type(message).__name__.lower()
            self.by_kind[kind] = self.by_kind.get(kind, 0) + len(body)
        return body


METER = Meter()

PROBES_MOST = 4
"""Probes after which two nodes have to be equal: what one word of a version hides, the next ones show."""

REPETITIONS = 101
"""Probes of which the median time is told, where one is too short to be measured."""

CHANGES = (f"change {number}" for number in itertools.count())
"""What is added to objects, always something new."""


class Wire:
    """Two engines, and what carries bytes between them in no time."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lossy = False
        """Pushes are lost."""
        self.hops = 0
        """The longest chain of messages so far."""
        self.calls_ms: list[float] = []
        """The time of each call of an engine."""
        self._queue: deque[tuple[int, Callable[[], None], Engine | None]] = deque()
        self._ends: dict[tuple[Address, int], tuple[Address, int]] = {}
        self.engines: dict[Address, Engine] = {}
        self.registries: list[Registry] = []
        for name, seeds in (("a", ()), ("b", (("10.0.0.1", 1),))):
            self._seat(name, len(self.registries) + 1, seeds)

    def _seat(self, name: str, port: int, seeds: tuple[Address, ...]) -> None:
        chance = random.Random(name)
        ids = itertools.count()
        registry = Registry(
            salt=b"salt",
            replica=lambda: f"{name}.{next(ids)}",
            clock=self._clock,
            metrics=Metrics(),
        )
        address = ("10.0.0.1", port)
        engine = Engine(
            name=name,
            cluster="bench",
            addresses=(address,),
            registry=registry,
            channel=replace(clear("bench", chance.randbytes(16)), encode=METER.encode),
            settings=Settings(),
            metrics=Metrics(),
            chance=chance,
            entropy=chance.randbytes,
            clock=self._clock,
            seeds=seeds,
        )
        self.engines[address] = engine
        self.registries.append(registry)
        engine.start(self.now)
        self._take(engine, 0)
        self.settle()

    def _clock(self) -> int:
        return int(self.now * 1000)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            self.settle()
            due = min(engine.deadline for engine in self.engines.values())
            if due > end:
                self.now = end
                return
            self.now = max(self.now, due)

    def settle(self) -> None:
        """Carry everything that is under way."""
        while True:
            while self._queue:
                hop, act, engine = self._queue.popleft()
                act()
                if engine is not None:
                    self._take(engine, hop)
                    self._work(engine, hop)
            busy = [e for e in self.engines.values() if e.deadline <= self.now]
            if not busy:
                return
            for engine in busy:
                self._work(engine, 0)

    def _work(self, engine: Engine, hop: int) -> None:
        """Let an engine do what it has put off: that takes less time than any message."""
        while engine.deadline <= self.now:
            self.timed(lambda: engine.wake(self.now))
            self._take(engine, hop)

    def timed(self, act: Callable[[], object]) -> None:
        """Call an engine."""
        began = perf_counter_ns()
        act()
        self.calls_ms.append((perf_counter_ns() - began) / 1e6)

    def _take(self, engine: Engine, hop: int) -> None:
        source = next(a for a, e in self.engines.items() if e is engine)
        for effect in engine.effects():
            if not isinstance(effect, Changed):  # it is for watchers, and there are none
                self._carry(engine, source, effect, hop + 1)

    def _carry(self, engine: Engine, source: Address, effect: Effect, hop: int) -> None:
        match effect:
            case SendDatagram(address, data):
                if not (self.lossy and data[33] == 9):
                    peer = self.engines[address]
                    self._later(hop, lambda: peer.receive(data, Udp(source), self.now), peer)
            case OpenStream(id_, address):
                peer = self.engines[address]
                other = peer.accepted(source, self.now)
                assert other is not None
                self._ends[source, id_] = (address, other)
                self._ends[address, other] = (source, id_)
                self._later(hop - 1, lambda: engine.opened(id_, self.now), engine)
            case SendFrame(id_, data):
                address, other = self._ends[source, id_]
                peer = self.engines[address]
                self._later(hop, lambda: peer.receive(data, Stream(other), self.now), peer)
                self._later(hop - 1, lambda: engine.drained(id_, self.now), engine)
            case CloseStream(id_):
                self._ends.pop((source, id_), None)
            case _:
                pass

    def _later(self, hop: int, act: Callable[[], None], engine: Engine) -> None:
        def carried() -> None:
            self.hops = max(self.hops, hop)
            self.timed(act)

        self._queue.append((hop, carried, engine))

    @property
    def equal(self) -> bool:
        """Whether both hold the same."""
        a, b = self.registries
        return a.root == b.root


def load(wire: Wire, count: int) -> None:
    """Give both nodes the same objects, and let them see that; their stream is open afterwards."""
    for number in range(count):
        for registry in wire.registries:
            registry.absorb("gset@1", f"set-{number}", 1, [[f"{number:020}"]], wire.now)
    warm_up(wire)
    gc.collect()
    gc.freeze()


def warm_up(wire: Wire) -> None:
    """A repair that needs a stream, then rest."""
    wire.run(15)
    wire.lossy = True
    write(wire.registries[0], range(-100, 0))
    wire.run(4)
    assert wire.equal


def write(registry: Registry, numbers: range | list[int]) -> None:
    """Change some objects."""
    for number in numbers:
        registry.open(f"set-{number}", GSet).add(next(CHANGES))


def probe(wire: Wire, what: str, goal: dict[str, float], **more: object) -> dict[str, object]:
    """A node pings the other, and what follows from it."""
    prober = next(iter(wire.engines.values()))
    for registry in wire.registries:
        registry.flush(wire.now)
    METER.start()
    wire.calls_ms.clear()
    began = process_time()
    hops = probes = 0
    while not probes or (not wire.equal and probes < PROBES_MOST):
        wire.hops = 0
        wire.timed(lambda: prober.ask_roots(wire.now))
        wire._take(prober, 0)
        wire.settle()
        hops, probes = hops + wire.hops, probes + 1
    took = process_time() - began
    METER.on = False
    calls = sorted(wire.calls_ms)
    figures = {
        "bytes": METER.bodies,
        "round_trips": hops / 2,
        "probes": probes,
        "cpu_ms": round(took * 1000, 3),
        "longest_ms": round(calls[-1], 3),
        "p99_ms": round(calls[-1 - len(calls) // 100], 3),
    }
    return {
        "figure": what,
        **figures,
        "goal": goal,
        "missed": [name for name, most in goal.items() if figures.get(name, 0) > most],
        "equal": wire.equal,
        "by_kind": dict(METER.by_kind),
        **more,
    }


def goals(size: int, trips: float, cpu_ms: float) -> dict[str, float]:
    """The most that a row may cost."""
    return {"bytes": size, "round_trips": trips, "cpu_ms": cpu_ms}


def few(count: int) -> Iterator[dict[str, object]]:
    """Nothing, one and ten objects differ, of many."""
    wire = Wire()
    load(wire, count)
    for differing, goal in (
        (0, goals(60, 1, 0.05)),
        (1, goals(200, 1.5, 0.3)),
        (10, goals(1200, 2, 0.6)),
    ):
        wire.run(30)
        times: list[float] = []
        for repetition in range(REPETITIONS):
            wire.run(12 if differing else 1)  # then nothing is recent any more
            write(wire.registries[0], range(repetition * 10, repetition * 10 + differing))
            row = probe(wire, f"{differing} of {count} objects differ", goal)
            times.append(sum(wire.calls_ms))
        yield measured(row, round(sorted(times)[REPETITIONS // 2], 3))


def measured(row: dict[str, object], cpu_ms: float) -> dict[str, object]:
    """The row with the median of many times."""
    goal = row["goal"]
    assert isinstance(goal, dict)
    row["cpu_ms"] = cpu_ms
    row["missed"] = [name for name, most in goal.items() if float(str(row[name])) > most]
    return row


def thousand(count: int) -> Iterator[dict[str, object]]:
    """A thousand objects differ: changed on one side, on both, and where nobody knows since when."""
    wire = Wire()
    load(wire, count)
    chance = random.Random(1)
    goal = goals(100_000, 3.5, 30)
    write(wire.registries[0], chance.sample(range(count), 1000))
    yield probe(wire, f"1000 of {count} objects differ, changed on one side", goal)
    wire.run(5)
    for registry in wire.registries:
        write(registry, chance.sample(range(count), 500))
    yield probe(wire, f"1000 of {count} objects differ, changed on both sides", goal)
    wire.run(5)
    write(wire.registries[0], chance.sample(range(count), 1000))
    for engine in wire.engines.values():
        for member in engine._members:
            member.equal_at = float("-inf")
    if count < 10_000:
        goal["bytes"] = 120_000  # more than every branch differs, and rows are shown for nothing
    yield probe(wire, f"1000 of {count} objects differ, by the trie", goal)


def many(count: int) -> dict[str, object]:
    """A tenth of all objects differ, changed on one side."""
    wire = Wire()
    load(wire, count)
    write(wire.registries[0], random.Random(1).sample(range(count), count // 10))
    goal = {**goals(12_000_000, 6, 5000), "p99_ms": 20}
    return probe(wire, f"{count // 10} of {count} objects differ, changed on one side", goal)


def one_set(elements: int, adds: int, what: str, goal: dict[str, float]) -> dict[str, object]:
    """One large set, changed on both sides, one add in each flush."""
    wire = Wire()
    first, second = (registry.open("big", ORSet) for registry in wire.registries)
    first.update(f"{number:09}" for number in range(elements))
    warm_up(wire)
    wire.run(15)
    assert second.value == first.value
    for number in range(adds):
        first.add(f"first {number}")
        second.add(f"second {number}")
        for registry in wire.registries:
            registry.flush(wire.now)
    added = sum(len(json.dumps(f"first {number}")) * 2 + 1 for number in range(adds))
    row = probe(wire, what, goal, bytes_of_the_elements_added=added)
    assert first.value == second.value
    return row


def new_node(count: int) -> dict[str, object]:
    """A node with nothing meets one with many small objects."""
    wire = Wire()
    full = wire.registries[0]
    for number in range(count):
        full.absorb("gset@1", f"set-{number}", 1, [[f"{number:020}"]], wire.now)
    full.flush(wire.now)
    state = sum(
        len(packb(["gset@1", f"set-{number}", 1, [f"{number:020}"]])) for number in range(count)
    )
    row = probe(wire, f"a new node gets {count} objects", {"round_trips": 3})
    ratio = round(int(str(row["bytes"])) / state, 3)
    rate = round(count / float(str(row["cpu_ms"])) * 1000)
    return {**row, "bytes_per_packed_state": ratio, "goal_ratio": 1.15, "objects_per_s": rate}


def rows() -> Iterator[dict[str, object]]:
    """All rows."""
    small = "--small" in sys.argv[1:]
    yield from few(500 if small else 10_000)
    sizes = [2000] if small else [10_000, 100_000]
    if "--large" in sys.argv[1:]:
        sizes.append(1_000_000)
    for size in sizes:
        yield from thousand(size)
    if "--large" in sys.argv[1:]:
        yield many(sizes[-1])
    big, adds = (2000, 50) if small else (100_000, 3000)
    goal = goals(300, 2, 1)
    yield one_set(big, 1, f"a set of {big} elements, an add on each side", goal)
    yield one_set(big // 5, adds, f"a set of {big // 5} elements, {adds} adds on each side", {})
    yield new_node(1000 if small else 100_000)


def main() -> None:
    """Print every row as soon as it is known."""
    leave_alone_what_stays()  # as the daemon does
    for row in rows():
        print(json.dumps(row))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
