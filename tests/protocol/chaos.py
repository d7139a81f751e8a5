"""Five nodes under any schedule: writes, loss, repetition, reordering, partitions, crashes.

A history is a list of whole numbers; each is one step. What a number means is a matter of
arithmetic only, so that any list is a history and shorter ones are simpler.
"""

from collections.abc import Sequence
import random

from crdt import GSet, LWWRegister, ORSet, PNCounter, StateCRDT
from crdt.catalogue import type_of
from crdtnode.protocol import Address, Stream, Udp
from crdtnode.registry import Registry
from crdtnode.registry.histories import ALL_BYTES_MOST, LOW, OBJECT_BYTES_MOST, STEPS_MOST
from crdtnode.wire.messages import Kind
from tests.protocol.table import Seat, Table

PORTS = range(3000, 3005)
SEEDS = [("10.0.0.1", port) for port in PORTS]

State = dict[tuple[str, str], StateCRDT]

Saved = list[tuple[str, str, int, tuple[object, ...]]]
"""What a node wrote to its disk: tag, name, life and payloads of each object."""


def kind_of(data: bytes) -> int:
    """The kind of a datagram in clear; 0 for what is none."""
    return data[33] if len(data) > 50 and data[:2] == b"\xc5\x4e" else 0


class Chaos:
    """Five nodes, and what a history does to them."""

    def __init__(self) -> None:
        self.table = Table()
        self.chance = random.Random(0)
        self.loss = 0
        """Of ten datagrams."""
        self.held: list[tuple[Address, Address, bytes]] = []
        self.parts: dict[Address, int] = {}
        self.lives = dict.fromkeys(PORTS, 0)
        self.seats: dict[int, Seat] = {}
        self.written: dict[int, set[int]] = {port: set() for port in PORTS}
        """Elements that the present process of each node wrote."""
        self.steps = 0
        self.saved: dict[int, Saved] = {port: [] for port in PORTS}
        """What each node has on its disk."""
        self.seen: dict[int, object] = {}
        """The payload of each version that any node ever had."""
        self.table.cut = self._cut
        self.table.lose = self._lose
        for port in PORTS:
            self._start(port)

    def _start(self, port: int, saved: Saved | None = None) -> None:
        """Start a process: with nothing, or with what it or another node had on its disk."""
        self.lives[port] += 1
        self.written[port] = set()
        name = f"n{port % 10}"
        seat = self.seats[port] = self.table.seat(name, *SEEDS, port=port, seed=self.lives[port])
        remember_versions(seat.registry, self.seen)
        for tag, object_name, life, payloads in saved or []:
            seat.registry.absorb(tag, object_name, life, payloads, self.table.now)
        self.table.call(seat, lambda: None)

    def _cut(self, sender: Address, receiver: Address) -> bool:
        return self.parts.get(sender, 0) != self.parts.get(receiver, 0)

    def _lose(self, sender: Address, receiver: Address, data: bytes) -> bool:
        fate = self.chance.randrange(20)
        if fate < 2 * self.loss:
            return True
        if self.loss and fate == 19:
            self.held.append((sender, receiver, data))  # it comes later, and now too
        if self.loss and fate == 18:
            self.held.append((sender, receiver, data))
            return True
        return False

    # Steps

    def do(self, history: Sequence[int]) -> None:
        """Live through a history."""
        for number in history:
            self.steps += 1
            self.chance.seed(number)
            act, argument = divmod(number, 1 << 12)
            self._step(act % 16, argument)
            self.table.settle()
            for seat in self.table.seats:
                assert histories_hold(seat.registry, self.seen)

    def _step(self, act: int, argument: int) -> None:
        port = PORTS[argument % 5]
        seat = self.seats[port]
        match act:
            case 0:
                self.loss = argument % 8
            case 1:
                self.parts = {address: argument >> n & 1 for n, address in enumerate(SEEDS)}
            case 2:
                self.parts = {}
            case 3 if not seat.dead:
                self.table.crash(seat)
            case 4 if seat.dead:
                disks = [None, self.saved[port], self.saved[PORTS[argument // 5 % 5]]]
                self._start(port, disks[argument // 25 % 3])
            case 4:
                self.saved[port] = saved(seat.registry)
            case 5:
                self._release(argument)
            case 6 | 7 | 8:
                self.table.run(argument % 400 / 100)
            case 9:
                self.table.run(0.005)
            case _ if not seat.dead:
                self._write(port, argument)

    def _release(self, count: int) -> None:
        """Late datagrams arrive, in any order."""
        self.chance.shuffle(self.held)
        late, self.held = self.held[: count % 30], self.held[count % 30 :]
        for sender, receiver, data in late:
            self.table.deliver(sender, receiver, data)

    def _write(self, port: int, argument: int) -> None:
        registry = self.seats[port].registry
        match argument // 5 % 7:
            case 0:
                registry.open("visits", PNCounter).increment(1 + argument % 3)
            case 1:
                registry.open("visits", PNCounter).decrement()
            case 2:
                registry.open(f"name-{argument % 3}", LWWRegister).assign(self.steps)
            case 3:
                registry.open("tags", ORSet).add(argument // 35 % 20)
            case 4:
                registry.open("tags", ORSet).discard(argument // 35 % 20)
            case 5:
                registry.open("large", ORSet).update(range(argument, argument + 300))
            case _:
                registry.open("log", GSet).add(self.steps)
                self.written[port].add(self.steps)

    # The end

    def heal(self) -> State:
        """End all faults, bring back the dead; gives the join of what is held anywhere."""
        self.held.clear()
        self.loss, self.parts = 0, {}
        for port, seat in list(self.seats.items()):
            if seat.dead:
                self._start(port)
        self.table.settle()
        whole: State = {}
        for seat in self.seats.values():
            for key, state in held_by(seat.registry).items():
                if key in whole:
                    whole[key].absorb(state)
                else:
                    whole[key] = state
        return whole

    def lose_pushes(self) -> None:
        """From now on repair is alone."""
        self.table.lose = lambda sender, receiver, data: kind_of(data) == Kind.PUSH

    def converged(self) -> bool:
        """All nodes hold the same, and each other for alive."""
        return self.table.equal() and self.table.agreed()

    def replay(self, count: int) -> None:
        """What was sent once arrives again: datagrams, and streams from their beginnings."""
        recording = list(self.table.sent)
        for sender, receiver, data in self.chance.sample(recording, min(count, len(recording))):
            seat = self.seats[receiver[1]]
            if kind_of(data):
                seat.engine.receive(data, Udp(sender), self.table.now)
            elif (id_ := seat.engine.accepted(sender, self.table.now)) is not None:
                seat.engine.receive(data, Stream(id_), self.table.now)
            self.table.call(seat, lambda: None)


def held_by(registry: Registry) -> State:
    """Copies of all that a node holds."""
    held: State = {}
    for tag, name in registry.names():
        place = registry.fingerprints.place(tag, name)
        state = registry.state(place)
        assert state is not None
        (payload,) = state[3]
        held[tag, name] = type_of(tag).from_payload(payload)
    return held


def payloads(state: State) -> dict[tuple[str, str], bytes]:
    """Canonical bytes of all objects that hold anything."""
    return {key: one.canonical() for key, one in state.items() if not one.initial}


def saved(registry: Registry) -> Saved:
    """What a node would write to its disk."""
    places = (registry.fingerprints.place(tag, name) for tag, name in registry.names())
    return [state for place in places if (state := registry.state(place)) is not None]


def remember_versions(registry: Registry, seen: dict[int, object]) -> None:
    """Keep the state of each version from now on, the moment it is computed."""
    prints = registry.fingerprints
    setter = prints.set

    def remembering(tag: str, hn: int, v: int, now: float) -> None:
        setter(tag, hn, v, now)
        state = registry.state(hn)
        if state is not None and state[3]:
            seen[v] = state[3][0]

    prints.set = remembering  # type: ignore[method-assign]


def histories_hold(registry: Registry, seen: dict[int, object]) -> bool:
    """Each base joined with what is told since is the present state; and all bounds are kept."""
    kept = registry.histories
    for tag, name in registry.names():
        place = registry.fingerprints.place(tag, name)
        entry = registry.entry(place)
        assert entry is not None
        versions = kept.versions(place)
        if len(versions) > STEPS_MOST:
            return False
        for version in () if entry.stale else versions:
            found = kept.since(place, (version & LOW,))
            if found is None or found[0] != version:
                return False
            state = type_of(tag).from_payload(seen[version])
            for payload in found[1]:
                state.absorb(type_of(tag).from_payload(payload))
            if state.payload != entry.state.payload:
                return False
    sizes = [history.size for history in kept._histories.values()]
    return max(sizes, default=0) <= OBJECT_BYTES_MOST and sum(sizes) <= ALL_BYTES_MOST


def fingerprints_hold(registry: Registry) -> bool:
    """Every version, sum and root is what the states say."""
    prints = registry.fingerprints
    root = 0
    for (tag, name), state in held_by(registry).items():
        place = prints.place(tag, name)
        initial = type_of(tag)().fingerprint(prints.digest) == state.fingerprint(prints.digest)
        version = 0 if initial else prints.version(place, 1, state.fingerprint(prints.digest))
        if prints.get(place) != version:
            return False
        root ^= version
    by_type = 0
    for tag in prints.types():
        node = prints.node(tag, 0, 0)
        sums = [version for _, version in node.leaves] if node.leaf else list(node.sums)
        for one in sums:
            by_type ^= one
    return registry.root == root == by_type
