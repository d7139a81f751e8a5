"""Everything that a plan needs around its nodes, and the run itself.

Rule of this file: one thread, one agenda, no clock, no iteration over sets. A run is a pure
function of its plan and of the code.

*Theory of operation.* A run has two phases. In the first one the plan's writes and faults happen.
In the second one the network is whole, every node is up, nobody writes, and time goes on until all
nodes hold the same state and stay so for a moment, or until the bound is over. Then the checks,
which have listened all the time, look at what every node holds.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
import traceback

from crdtnode.protocol import Engine
from crdtnode.protocol.effects import Address, Effect
from crdtnode.sim.agenda import SECOND, Agenda, nanoseconds
from crdtnode.sim.channel import Letters
from crdtnode.sim.checks import Check, NothingRaised, all_checks
from crdtnode.sim.faults import Fault, Heal, Relink, Restart
from crdtnode.sim.garbage import few_collections
from crdtnode.sim.host import Host
from crdtnode.sim.link import Link
from crdtnode.sim.nemesis import Nemesis
from crdtnode.sim.network import Links, Way
from crdtnode.sim.on_heap import EngineProcess
from crdtnode.sim.plan import Plan
from crdtnode.sim.process import NewProcess
from crdtnode.sim.result import Result
from crdtnode.sim.shadow import Ledger, Update, WatchedRegistry
from crdtnode.sim.streams import Streams
from crdtnode.sim.trace import Trace
from crdtnode.sim.workload import DEFAULT_TYPES

SEEDS = 2
"""The first so many nodes are those by which all others join."""

START_GAP = 0.01
"""Seconds between the starts of two nodes, at most; with many nodes less."""

CALM = 0.1
"""Seconds for which all nodes must stay equal."""

GATHERING = SECOND // 4
"""Nanoseconds between two looks at whether all know who is there."""

EVENTS_PER_NODE_SECOND = 20_000
"""A run with more events than this is broken off: something spins."""

LOOK_ROUND = 1024
"""Events between two looks at how far a run is."""

HAPPENINGS = ("wrote", "damaged", "asked", "told", "fault", "ended")
"""What checks are told, by their methods."""

Progress = Callable[[float, int], None]
"""Told the simulated seconds and the number of different roots, now and then."""


class World:
    """One run of one plan.

    Args:
        plan: What happens.
        engine: The engine's class, or whatever makes one: to test another one.
        registry: The registry's class.
        checks: What to check; by default everything.
        record: Keep every delivered event in ``trace.happenings``.
        process: What runs the engines: by default nothing but a loop.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        engine: Callable[..., Engine] = Engine,
        registry: Callable[..., WatchedRegistry] = WatchedRegistry,
        checks: Sequence[Check] | None = None,
        record: bool = False,
        process: NewProcess = EngineProcess,
    ) -> None:
        self.plan = plan
        self.new_process = process
        self.new_engine = engine
        self.new_registry = registry
        self.agenda = Agenda()
        self.trace = Trace(record=record)
        self.links = Links(plan.seed, plan.network)
        self.letters = Letters(len(plan.nodes))
        self.ledger = Ledger(plan.seed)
        self.checks = all_checks() if checks is None else list(checks)
        self._ears = {what: _listening(self.checks, what) for what in HAPPENINGS}
        self.witnesses = [check for check in self.checks if check.watches_states]
        self.hosts = tuple(Host(self, index, name) for index, name in enumerate(plan.nodes))
        self.types = sorted({*DEFAULT_TYPES, *(write.type for write in plan.writes)})
        self._by_name = {host.name: host for host in self.hosts}
        self._by_address: dict[Address, Host] = {host.address: host for host in self.hosts}
        self.streams = Streams(self.agenda, self.links, self._by_address.get)
        self.nemesis = Nemesis(self)
        self.corrupts = any(link.corrupt for link in _links_of(plan))
        """True where bits may flip on the way: messages are sealed then."""
        self._roots: Counter[int] = Counter()
        seconds = plan.duration + plan.bound + 1
        self._events_most = int(EVENTS_PER_NODE_SECOND * len(plan.nodes) * seconds)
        self.disturbed_at = 0
        """The moment of the last fault."""
        self.broken: str | None = None
        """Why the run cannot go on, if so."""
        self.result: Result | None = None
        """What came out, once the run is over."""
        self._progress: Progress | None = None
        self._stepwise = True
        """Whether whoever runs this wants a turn after each moment."""

    # What hosts and checks ask for

    @property
    def hindered(self) -> bool:
        """True while a host is held up, or a link worse than the plan's network."""
        return self.links.changed or any(host.hindered or host.slow for host in self.up)

    @property
    def up(self) -> list[Host]:
        """All hosts whose process runs, in the order of the plan."""
        return [host for host in self.hosts if host.up]

    def seeds_of(self, host: Host) -> tuple[Address, ...]:
        """By whom this host joins."""
        return tuple(seed.address for seed in self.hosts[:SEEDS] if seed is not host)

    def send(self, source: Host, address: Address, data: bytes) -> None:
        """Put a datagram on its way."""
        source.sent_bytes += len(data)
        route = source.routes.get(address) or self._route(source, address)
        if route is None:
            return
        way, target = route
        now = self.agenda.now
        for wait, arrives in way.datagram(data, now):
            take = target.datagram if arrives is data else target.damaged
            self.agenda.at(now + wait, partial(take, source, arrives))

    def _route(self, source: Host, address: Address) -> tuple[Way, Host] | None:
        """How a host gets to an address; None where nobody lives."""
        target = self._by_address.get(address)
        if target is None:
            return None
        route = source.routes[address] = self.links.way(source.name, target.name), target
        return route

    def wrote(self, host: Host, update: Update) -> None:
        """A process has accepted a write."""
        self._tell("wrote", host, update)

    def damaged(self, host: Host, data: bytes, used: str) -> None:
        """A damaged datagram has arrived."""
        self._tell("damaged", host, data, used)

    def asked(self, host: Host, ticket: int) -> None:
        """A writer waits to hear that another member holds what was written so far."""
        self._tell("asked", host, ticket)

    def told(self, host: Host, effect: Effect) -> None:
        """An effect that is news for people, not work for a driver."""
        self._tell("told", host, effect)

    def _tell(self, what: str, *about: object) -> None:
        """Tell checks what happened; one that trips over what it sees has seen a violation."""
        for check, hear in self._ears[what]:
            try:
                hear(self, *about)
            except Exception as error:  # noqa: BLE001 - the types it looks at may be anybody's
                check.violate(f"raised while this was checked:\n{_trail(error)}")

    def raised(self, host: Host, error: Exception) -> None:
        """An engine or a type raised: end the run, and show where."""
        self.broken = f"{host.name} raised at {self.agenda.now / SECOND:.6f} s:\n{_trail(error)}"
        self.agenda.halted = True
        for check in self.checks:
            if isinstance(check, NothingRaised):
                check.violate(self.broken)

    def root_changed(self, before: int | None, after: int | None) -> None:
        """A host's root is another one; None stands for a host that is down."""
        if before is not None:
            self._roots[before] -= 1
            if not self._roots[before]:
                del self._roots[before]
        if after is not None:
            self._roots[after] += 1

    @property
    def distinct_roots(self) -> int:
        """Number of different roots among the hosts that are up; 1 is agreement."""
        return len(self._roots)

    def gathered(self) -> bool:
        """True where every host lists exactly those who are up as present."""
        up = self.up
        if len({host.engine.roster for host in up}) > 1:
            return False
        there = {host.address for host in up}
        return all(host.engine.present.keys() == there for host in up[:1])

    def agreed(self) -> bool:
        """True where all hosts have one root, and none has writes that it does not show yet."""
        return len(self._roots) == 1 and not any(host.registry.dirty for host in self.up)

    # The run

    def run(self, progress: Progress | None = None) -> Result:
        """Do all of it, once."""
        with few_collections():
            self._stepwise = False
            for _ in self.steps(progress):
                pass
        assert self.result is not None
        return self.result

    def steps(self, progress: Progress | None = None) -> Iterator[None]:
        """Do it step by step: one moment of the agenda after the other, then `result` is there."""
        self._progress = progress
        self._prepare()
        yield from self._until(nanoseconds(self.plan.duration))
        converged = None
        if self.broken is None:
            yield from self._until(self._finish_faults())
            converged = yield from self._converge()
            yield from self._gather()
        if self.broken is None:
            self._tell("ended", converged)
        self.result = Result(
            plan=self.plan,
            findings=tuple(check.finding() for check in self.checks),
            trace_hash=self.trace.digest(),
            converged_after_s=converged,
            counts=self._counts(),
            simulated_s=self.agenda.now / SECOND,
            broken_off=self.broken or "",
            refused=tuple(self.ledger.refused),
        )

    def _prepare(self) -> None:
        agenda = self.agenda
        gap = min(START_GAP, 1 / len(self.hosts))
        late = self.plan.latecomers
        for index, host in enumerate(self.hosts):
            if host.name in late:
                host.gone = True
            else:
                agenda.at(nanoseconds(index * gap), partial(_begin, host))
        for write in self.plan.writes:
            host = self._by_name[write.node]
            agenda.at(nanoseconds(write.at), partial(host.write, write))
        for fault in self.plan.faults:
            agenda.at(nanoseconds(fault.at), partial(self.nemesis.do, fault))

    def at_address(self, address: Address) -> Host | None:
        """The host that lives there."""
        return self._by_address.get(address)

    @property
    def seconds(self) -> float:
        """How long the run has lasted."""
        return self.agenda.now / SECOND

    def host(self, name: str) -> Host:
        """The host of this name in the plan."""
        return self._by_name[name]

    def fault_done(self, fault: Fault) -> None:
        """Let the checks know."""
        self.disturbed_at = self.agenda.now
        self._tell("fault", fault)

    def _finish_faults(self) -> int:
        """End the first phase: heal everything, start what is down; the moment when it is done."""
        agenda, end = self.agenda, self.plan.duration
        done = agenda.at(agenda.now + 1, self.nemesis.end)
        faults: list[Fault] = [Heal(end)]
        faults += [Restart(end, host.name) for host in self.hosts if not host.up and not host.gone]
        for fault in faults:
            done = agenda.at(agenda.now + 1, partial(self.nemesis.do, fault))
        return done

    def _until(self, limit: int) -> Iterator[None]:
        """Let everything happen up to a moment."""
        if self._stepwise:
            while self._step(limit):
                yield
            return
        while self.broken is None and self.agenda.hurry(limit, LOOK_ROUND):
            self._look_round()

    def _step(self, limit: int) -> bool:
        """Let one thing happen; False where nothing can any more, up to this moment."""
        if self.broken is not None:
            return False
        if not self.agenda.happened % LOOK_ROUND:
            self._look_round()
        return self.agenda.run(limit)

    def _look_round(self) -> None:
        """Now and then, tell how far the run is, and see whether it will ever end."""
        happened = self.agenda.happened
        if happened > self._events_most:
            self.broken = f"more than {self._events_most} events: something spins"
        elif self._progress is not None and happened:
            self._progress(self.agenda.now / SECOND, self.distinct_roots)

    def _converge(self) -> Generator[None, None, float | None]:
        """Wait until all are equal and stay so; None if the bound is over before."""
        begin = self.agenda.now
        limit = begin + nanoseconds(self.plan.bound)
        while True:
            while not self.agreed():
                if not self._step(limit):
                    return None
                yield
            since = self.agenda.now
            calm = [host.root for host in self.hosts]
            yield from self._until(since + nanoseconds(CALM))
            if self.broken is not None:
                return None
            if self.agreed() and [host.root for host in self.hosts] == calm:
                return (since - begin) / SECOND
            limit = max(limit, self.agenda.now)

    def _gather(self) -> Iterator[None]:
        """Wait until all know who is there, as long as the bound allows."""
        end = nanoseconds(self.plan.duration + self.plan.bound)
        while self.broken is None and self.agenda.now < end and not self.gathered():
            yield from self._until(min(end, self.agenda.now + GATHERING))

    def _counts(self) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for host in self.hosts:
            totals["messages"] += sum(host.metrics.packets_sent.values())
            totals["bytes"] += sum(host.metrics.bytes_sent.values())
        return {
            "updates": len(self.ledger.updates),
            "messages": totals["messages"],
            "bytes": totals["bytes"],
            "events": self.agenda.happened,
            "unnoted": self.ledger.unnoted,
        }


def _listening(checks: Sequence[Check], what: str) -> list[tuple[Check, Callable[..., None]]]:
    """The checks that listen to something, and how they do; of the end all want to hear."""
    deaf = None if what == "ended" else getattr(Check, what)
    return [
        (check, getattr(check, what)) for check in checks if getattr(type(check), what) is not deaf
    ]


def _trail(error: Exception) -> str:
    """Where it was raised: the last lines of its traceback."""
    return "".join(traceback.format_exception(error)[-6:])


def _begin(host: Host, moment: int) -> None:
    """Start a host for the first time, unless a fault or the end of a short plan did that."""
    if not host.lives:
        host.start(moment)


def _links_of(plan: Plan) -> list[Link]:
    """Everything that any link does at any time."""
    links: list[Link] = [plan.network, *(rule.link for rule in plan.network.links)]
    return links + [fault.link for fault in plan.faults if isinstance(fault, Relink)]
