"""Planted bugs in registries and engines, and the plans that are made to show them.

Rule of this file: each class or function is wrong in one way, and its first sentence says in which;
`planted` has the table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from crdt import StateCRDT
from crdtnode.config import Settings
from crdtnode.protocol import Engine
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.effects import Effect, Flushed, OpenStream, SendDatagram, SendFrame
from crdtnode.registry import Absorbed, Change
from crdtnode.registry.histories import Histories, History
from crdtnode.sim import (
    Backup,
    ClockJump,
    Crash,
    Expectations,
    Heal,
    Isolate,
    Latency,
    Network,
    Partition,
    Plan,
    Remove,
    Restart,
    WatchedRegistry,
    Write,
)
from crdtnode.sim.drawn_faults import CENTURIES
from crdtnode.sim.host import CLUSTER
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.seal import Datagrams

# Registries


class JoiningRegistry(WatchedRegistry):
    """Takes in whatever arrives by joining it, also what is new: the door at which others err."""

    def admit(
        self, tag: str, name: str, payloads: Sequence[object], now: float
    ) -> tuple[StateCRDT, int] | None:
        return None


class BlindRegistry(JoiningRegistry):
    """Does not see that a join changed something, so that the roots stay behind."""

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        absorbed = super().absorb(tag, name, life, payloads, now)
        for entry in self._ledger._stale.values():
            entry.stale = False
        self._ledger._stale.clear()
        return absorbed


class StingyRegistry(WatchedRegistry):
    """Never gives out a whole state: what a push did not bring is not repaired."""

    def state(self, hn: int) -> tuple[str, str, int, tuple[object, ...]] | None:
        return None


class DeafRegistry(JoiningRegistry):
    """Joins only every second thing that arrives; all is acknowledged, and repaired later."""

    _arrived = 0

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        self._arrived += 1
        if self._arrived % 2:
            return Absorbed(changed=False, delta=None)
        return super().absorb(tag, name, life, payloads, now)


class ReusingRegistry(WatchedRegistry):
    """Acts under the node's name in every life, so that a restart counts from the start again."""

    def __init__(self, *, node: str, **settings: Any) -> None:
        super().__init__(node=node, **{**settings, "replica": lambda: node})


# Engines


class SilentEngine(Engine):
    """Never sends anything."""

    def effects(self) -> list[Effect]:
        sends = SendDatagram | SendFrame | OpenStream
        return [effect for effect in super().effects() if not isinstance(effect, sends)]


class HastyEngine(Engine):
    """Says that its writes are safe as soon as it is asked."""

    _said: Flushed | None = None

    def flush(self, now: float) -> int:
        ticket = super().flush(now)
        self._said = Flushed(ticket, members=1)
        return ticket

    def effects(self) -> list[Effect]:
        said, self._said = self._said, None
        return [*super().effects(), *([said] if said else [])]


class RaisingEngine(Engine):
    """Raises when a datagram ends with a certain byte."""

    def receive(self, data: bytes, source: Any, now: float) -> None:
        if data.endswith(b"\x07"):
            raise IndexError("7 is not in the table")
        super().receive(data, source, now)


def one_silent_node(*, name: str, **parts: Any) -> Engine:
    """The second node never sends."""
    return (SilentEngine if name == "n2" else Engine)(name=name, **parts)


class UndoingRegistry(WatchedRegistry):
    """Takes back every fifth thing that it has joined and acknowledged."""

    _arrived = 0

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        state = self.look((tag, name))
        before = None if state is None else state.clone()
        absorbed = super().absorb(tag, name, life, payloads, now)
        self._arrived += 1
        if state is not None and before is not None and not self._arrived % 5:
            state._adopt(before)
        return absorbed


class ForgivingRegistry(WatchedRegistry):
    """Joins what comes late from a life that is over, so that removed things come back."""

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        ours = self.life((tag, name))
        late = bool(payloads) and life < ours
        return super().absorb(tag, name, ours | 1 if late else life, payloads, now)


class RevivingRegistry(WatchedRegistry):
    """Forgets that an object was removed as soon as somebody has an earlier life of it."""

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        entry = self._entry((tag, name))
        if payloads and entry is not None and life < entry.life:
            entry.begin(life)
        return super().absorb(tag, name, life, payloads, now)


class StaleTrieRegistry(WatchedRegistry):
    """Does not carry every third flush into the sums of its tries."""

    _flushes = 0

    def flush(self, now: float, most_bytes: float = inf) -> list[Change]:
        tries = self.fingerprints._tries
        before = {tag: trie.root for tag, trie in tries.items()}
        changes = super().flush(now, most_bytes)
        self._flushes += 1
        if not self._flushes % 3:
            for tag, root in before.items():
                tries[tag].root = root
        return changes


class _SkippingHistories(Histories):
    """Leaves out the last payload of every fourth step."""

    _records = 0

    def record(self, hn: int, before: int, payloads: Iterable[object]) -> None:
        self._records += 1
        super().record(hn, before, list(payloads)[: None if self._records % 4 else -1])


class SkippingRegistry(WatchedRegistry):
    """Leaves out of its histories what led on from every fourth version."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.histories = self._ledger._histories = _SkippingHistories(self.joined_payloads)


class _EndlessHistories(Histories):
    """Lets no version go."""

    def _thin(self, history: History) -> None:
        pass


class HoardingRegistry(WatchedRegistry):
    """Keeps all versions that an object ever had."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.histories = self._ledger._histories = _EndlessHistories(self.joined_payloads)


class StubbornEngine(Engine):
    """Refutes what is said about it without a higher incarnation, so that nobody believes it."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        members = self._members

        def refute(above: int, heard: Any) -> None:
            heard.changed[members.me.boot] = members.me
            heard.refute = True

        members.raise_incarnation = refute  # type: ignore[method-assign] # of this one


class HastyJudge(Engine):
    """Takes a member for dead as soon as one answer is late."""

    def __init__(self, *, settings: Settings, **parts: Any) -> None:
        hasty = replace(
            settings,
            probe_timeout_least=0.005,
            probe_timeout_most=0.005,
            probe_verdict=0.01,
            suspicion_refused=0.001,
            suspicion_silent=0.001,
            suspicion_busy=0.001,
        )
        super().__init__(settings=hasty, **parts)


class RepeatingEngine(Engine):
    """Sends every datagram a hundred times, to be sure."""

    def effects(self) -> list[Effect]:
        effects: list[Effect] = []
        for effect in super().effects():
            effects += [effect] * (100 if isinstance(effect, SendDatagram) else 1)
        return effects


class LazyRelay(Engine):
    """Acknowledges what it should relay, and relays nothing."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._cluster.spreading.relay = lambda *_: []  # type: ignore[method-assign]


class _NoSeal:
    """Has the form of a cipher and looks at nothing."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        return data + bytes(16)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        return data[:-16]


class GullibleEngine(Engine):
    """Believes every datagram, whatever happened to it on the way."""

    def __init__(self, *, channel: Channel, **parts: Any) -> None:
        ring = Keyring.open_key(CLUSTER)
        blind = Datagrams(ring, CLUSTER, channel.boot, lambda *_: _NoSeal())
        super().__init__(channel=replace(channel, datagrams=blind), **parts)


# Plans that go for one weakness


def rolled_back(seed: int) -> Plan:
    """Put a node back to an old copy of its disk after it has told others of newer writes."""

    def wrote(at: float, node: str) -> tuple[Write, Write]:
        return (
            Write(at, node, "gcounter@1", "visits", "increment", (1 + seed,)),
            Write(at, node, "orset@1", "tags", "add", (f"{node} at {at:g}",)),
        )

    return Plan(
        seed=seed,
        nodes=("n1", "n2", "n3"),
        writes=(*wrote(1, "n1"), *wrote(2, "n1"), *wrote(3, "n2"), *wrote(5, "n1")),
        faults=(
            Backup(1.5, "n1"),
            Crash(3.5, "n1"),
            Isolate(3.6, "n1"),
            Restart(4.0, "n1", disk="backup"),
        ),
        duration=6.0,
    )


def removed_while_apart(seed: int) -> Plan:
    """Remove objects on one side of a partition while the other side goes on writing to them."""
    nodes = ("n1", "n2", "n3", "n4")

    def adds(at: float, node: str) -> tuple[Write, Write]:
        return (
            Write(at, node, "gset@1", "tags", "add", (f"{node} at {at:g}",)),
            Write(at, node, "gcounter@1", "visits", "increment", (1 + seed,)),
        )

    both = (("gset@1", "tags"), ("gcounter@1", "visits"))
    return Plan(
        seed=seed,
        nodes=nodes,
        writes=(*adds(1.0, "n1"), *adds(3.0, "n3"), *adds(4.5, "n2" if seed % 2 else "n3")),
        faults=(
            Partition.halves(2.0, nodes),
            *(Remove(3.5, "n1", *place) for place in both),
            Heal(5.0),
        ),
        duration=6.0,
    )


def in_another_century(seed: int) -> Plan:
    """Let the clock of one of two nodes jump past the last stamp: nobody can say whose is wrong."""

    def wrote(at: float, node: str) -> Write:
        return Write(at, node, "ceilinglessregister@1", "motto", "assign", (f"{node} at {at:g}",))

    return Plan(
        seed=seed,
        nodes=("n1", "n2"),
        writes=(wrote(1.0, "n2"), wrote(2.0, "n1"), wrote(3.0, "n2")),
        faults=(ClockJump(1.5, "n1", by=CENTURIES),),
        duration=4.0,
    )


def under_flipping_bits(seed: int) -> Plan:
    """Let bits flip in one of ten packets."""
    plan = Plan.random(seed=seed, duration=5.0, bound=4.0, loss=0.0, partition="none")
    return replace(plan, network=replace(plan.network, corrupt=0.1), recipe=None)


def at_the_last_moment(seed: int) -> Plan:
    """Write on a calm network of thirty nodes when there is no time left for repair."""
    nodes = tuple(f"n{number:02}" for number in range(1, 31))
    writes = tuple(
        Write(7.99, nodes[seed % 30], "gset@1", "tags", "add", (number,)) for number in range(3)
    )
    return Plan(
        seed=seed,
        nodes=nodes,
        network=Network(Latency.constant(0.001)),
        writes=writes,
        duration=8.0,
        expect=Expectations(converged_within=0.02),
    )
