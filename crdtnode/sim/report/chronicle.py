"""Watches a run: when each update reached each node, and how far apart the nodes were meanwhile.

Rule of this file: it looks between two events and schedules none, since an event of its own would
make it another run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crdt import StateCRDT
from crdtnode.sim.agenda import SECOND, nanoseconds
from crdtnode.sim.checks import Check
from crdtnode.sim.faults import Fault, Flapping, Heal, Remove, Swizzle
from crdtnode.sim.plan import Plan
from crdtnode.sim.samples import Healing, Sample
from crdtnode.sim.world import Progress, World

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Key, Update

SAMPLES = 400
"""Looks at all nodes in one run, at most."""

LOOKS_MOST = 100_000
"""Looks at one node in one run, at most: with many nodes there are fewer samples."""


@dataclass(slots=True)
class _Seen:
    """What a node has of each object's updates, as bits."""

    life: int = 0
    now: dict["Key", int] = field(default_factory=dict)
    """In this life of its process."""
    ever: dict["Key", int] = field(default_factory=dict)


class Chronicle(Check):
    """Listens like a check, but has no opinion."""

    name = "chronicle"
    sentence = ""
    watches_states = True

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.samples: list[Sample] = []
        self.delays: list[float] = []
        """Seconds from a write until it reached a node, for each of both, in order of arrival."""
        self.healings: list[Healing] = []
        self.history: list[dict[str, Any]] = []
        self.limits: Sequence[str] = ()
        self._world: World | None = None
        self._bits: dict[Key, int] = {}
        """All updates of each object."""
        self._over: dict[Key, int] = {}
        """Updates of lives that are over: nobody waits for them."""
        self._seen = {node: _Seen() for node in plan.nodes}
        self._entered = 0
        lasting = (f for f in plan.faults if isinstance(f, Flapping | Swizzle))
        self._ends = sorted(fault.until for fault in lasting)
        """When faults end that heal by themselves."""
        self._open: list[float] = []
        """Heals after which not all nodes were equal yet."""
        looks = max(20, min(SAMPLES, LOOKS_MOST // len(plan.nodes)))
        self._gap = max(1, nanoseconds(plan.duration + 1.0) // looks)
        self._next = 0

    # Between events

    def steps(self, world: World, progress: Progress | None) -> Iterator[None]:
        """Run a world step by step, and look at it after each, once that has come to rest."""
        self._world = world
        for _ in world.steps(progress):
            yield
            if self._ends and world.agenda.now >= nanoseconds(self._ends[0]):
                self._open.append(self._ends.pop(0))
            if self._open and world.agreed():
                self._agreed(world.agenda.now / SECOND)
            if world.agenda.now >= self._next:
                self._look(world)
        self._look(world)
        result = world.result
        assert result is not None, "the steps are over"
        if result.converged_after_s is not None:
            self._agreed(self.plan.duration + result.converged_after_s)
        self._give_up()

    def _look(self, world: World) -> None:
        now = world.agenda.now
        self._next = now - now % self._gap + self._gap
        self._enter_writes(world)
        known: dict[Key, int] = {}
        for host in world.up:
            for key, seen in self._seen_by(host).now.items():
                known[key] = known.get(key, 0) | seen
        if world.agreed():  # equal states hold the same updates, however they came
            for host in world.up:
                self._seen_by(host).now = dict(known)
        sample = Sample(
            at=now / SECOND,
            roots=world.distinct_roots,
            missing=tuple(self._missing(host, known) if host.up else None for host in world.hosts),
            messages=sum(sum(host.metrics.packets_sent.values()) for host in world.hosts),
            bytes=sum(sum(host.metrics.bytes_sent.values()) for host in world.hosts),
        )
        self.samples.append(sample)

    def _missing(self, host: "Host", known: "dict[Key, int]") -> int:
        seen = self._seen_by(host).now
        return sum(
            (bits & ~seen.get(key, 0) & ~self._over.get(key, 0)).bit_count()
            for key, bits in known.items()
        )

    def _seen_by(self, host: "Host") -> _Seen:
        """What a host has seen; a new process begins with nothing, and reads its disk then."""
        seen = self._seen[host.name]
        if seen.life != host.lives:
            seen.life, seen.now = host.lives, {}
        return seen

    def _agreed(self, now: float) -> None:
        self.healings += [Healing(at, max(0.0, now - at)) for at in self._open]
        self._open.clear()

    def _give_up(self) -> None:
        self.healings += [Healing(at, None) for at in self._open]
        self._open.clear()

    # What happens

    def fault(self, world: World, fault: Fault) -> None:
        """Note a fault; a heal begins a wait."""
        now = world.agenda.now / SECOND
        self.history.append({"at": now, "event": "fault", "fault": str(fault)})
        if isinstance(fault, Remove):
            self._enter_writes(world)
            self._end_lives(world, fault)
        if isinstance(fault, Heal):
            self._open.append(float(fault.at))
        else:
            self._give_up()

    def _end_lives(self, world: World, fault: Remove) -> None:
        """A removal takes all updates of a life."""
        key, registries = (fault.type, fault.name), world.host(fault.node).registries
        life = registries[-1].life(key) if registries else 0
        for update in world.ledger.tale(key).updates:
            if update.life < life:
                self._over[key] = self._over.get(key, 0) | update.bit

    def reached(self, node: str, key: "Key", shadow: int, state: StateCRDT) -> None:
        """Note what is new on a node, that too which came as part of something else."""
        world = self._world
        assert world is not None, "somebody runs it"
        self._enter_writes(world)
        seen = self._seen_by(world.host(node))
        have, ever = seen.now.get(key, 0), seen.ever.get(key, 0)
        if not self._bits.get(key, 0) & ~have:
            return
        life = world.host(node).registries[-1].life(key)  # also while it is being started
        for update in world.ledger.tale(key).updates:
            if update.life < life:
                have |= update.bit  # removed: nobody waits for it
            elif not update.bit & have and (update.bit & shadow or update.delta.compare(state)):
                have |= update.bit
                if not update.bit & ever:
                    self._arrived(world, node, update)
        seen.now[key], seen.ever[key] = have, ever | have

    def _arrived(self, world: World, node: str, update: "Update") -> None:
        now = world.agenda.now
        if update.write.node != node:
            self.delays.append((now - update.moment) / SECOND)
            happening = {"at": now / SECOND, "event": "reached", "node": node}
            self.history.append({**happening, **_named(update)})

    def _enter_writes(self, world: World) -> None:
        """Enter the writes that were made since the last time."""
        for update in world.ledger.updates[self._entered :]:
            self._bits[update.key] = self._bits.get(update.key, 0) | update.bit
            write, at = update.write, update.moment / SECOND
            said = {"method": write.method, "args": list(write.args)}
            happening = {"at": at, "event": "write", "node": write.node}
            self.history.append({**happening, **_named(update), **said})
        self._entered = len(world.ledger.updates)


def _named(update: "Update") -> dict[str, Any]:
    tag, name = update.key
    return {"type": tag, "name": name, "update": update.number}
