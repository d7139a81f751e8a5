"""Plans in Python: told in the order in which things happen.

Rule of this file: a script only makes a `Plan`, the same one that a TOML file says; nothing is run.
A script has a time, which `Script.wait` moves on; what is told happens then, or at an ``at`` of its
own. What lasts (a partition, a bad link, a node that is down) is a `Span`: the end of its ``with``
block ends it, or ``until``, or `Span.end`, or the end of the plan.
"""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypedDict, Unpack

from crdt import StateCRDT
from crdt.catalogue import tag_of
from crdtnode.sim.calls import check_call
from crdtnode.sim.draw import node_names
from crdtnode.sim.ends import Lasting
from crdtnode.sim.events import Write
from crdtnode.sim.expectations import Expectations, Final
from crdtnode.sim.faults import (
    EVERYBODY,
    Crash,
    Cut,
    Disk,
    Fault,
    Group,
    Heal,
    Hold,
    Isolate,
    Partition,
    Pause,
    Relink,
    Remove,
    Slow,
)
from crdtnode.sim.latency import Latency
from crdtnode.sim.link import Link, Network, PlanError
from crdtnode.sim.moments import Moments, Span
from crdtnode.sim.plan import Plan
from crdtnode.sim.planfile import Workload, tag_called, with_workload

Ends = str | Iterable[str]
"""One end of links: a node, several, or, in rules, ``*`` for everybody."""

Kind = type[StateCRDT] | str
"""A type: its class, its tag, or its tag without the version."""


class LinkChanges(TypedDict, total=False):
    """Fields of `Link`; those that are not given stay as they are in the plan's network."""

    latency: Latency | str
    """Or a text, such as ``"5-20ms"``."""
    loss: float
    duplicate: float
    reorder: float
    corrupt: float
    bandwidth: float | None
    mtu: int | None


class Script:
    """Tells a plan in the order in which things happen.

    Example:
        >>> from crdt import PNCounter
        >>> from crdtnode import sim
        >>> script = sim.Script(seed=7, nodes=["ann", "bob", "cid"], latency="5-20ms", loss=0.1)
        >>> ann, bob, cid = script.nodes
        >>> with script.net.partition([ann, bob], [cid]):
        ...     script.write(ann, PNCounter, "visits", "increment", 3)
        ...     with script.net.rule(ann, bob, latency="300ms", loss=0.5):
        ...         script.wait(5)
        ...     script.write(cid, PNCounter, "visits", "increment", 4)
        ...     script.wait(2)
        >>> script.expect(PNCounter, "visits", 7)
        >>> sim.run(script.plan()).holds
        True

    Attributes:
        nodes: The names of all nodes.
        seed: Of the run.
        net: What the network does: partitions, cuts, other links.

    Args:
        nodes: Their names, or how many: ``n1``, ``n2`` and so on.
        seed: Of the run.
        link: What every link does, by the fields of `Link`, where nothing else is told.

    Raises:
        PlanError: A value makes no sense. Nodes, times and types are checked by `plan`.
    """

    def __init__(
        self, nodes: int | Iterable[str], *, seed: int = 0, **link: Unpack[LinkChanges]
    ) -> None:
        if isinstance(nodes, str):
            raise PlanError(f"nodes must be how many, or a list of names, not {nodes!r}")
        self.nodes = node_names(nodes) if isinstance(nodes, int) else tuple(nodes)
        self.seed = seed
        self._moments = Moments()
        self.net = Net(self._moments, Network(**_parsed(link)))
        self._writes: list[Write] = []
        self._finals: list[Final] = []
        self._workloads: list[Workload] = []

    @property
    def now(self) -> float:
        """The time that it has reached, in seconds since the start."""
        return self._moments.now

    def wait(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            PlanError: Less than none.
        """
        if not seconds >= 0:
            raise PlanError(f"time goes forward, not by {seconds!r} s")
        self._moments.now = round(self.now + seconds, 9)

    # What people do

    def write(
        self,
        node: str,
        kind: Kind,
        name: str,
        method: str,
        *args: object,
        flush: bool = False,
        at: float | None = None,
    ) -> None:
        """Call a mutator of an object on a node.

        Args:
            node: Where.
            kind: The object's type.
            name: The object's name.
            method: Of the type.
            *args: For the method.
            flush: Whether the writer asks to hear when another member holds it.
            at: When, in seconds; now by default.

        Raises:
            PlanError: There is no such type, or it has no such method, with such arguments.
        """
        tag = _tag(kind)
        check_call(tag, method, args, tag)
        self._writes.append(Write(self._moments.at(at), node, tag, name, method, args, flush))

    def remove(self, node: str, kind: Kind, name: str, *, at: float | None = None) -> None:
        """Remove an object: all updates of this life of it go, whoever made them."""
        self.add(Remove(self._moments.at(at), node, _tag(kind), name))

    def workload(
        self,
        *,
        count: int | None = None,
        rate: float | None = None,
        types: Iterable[Kind] = (),
        until: float | None = None,
    ) -> None:
        """Let the seed draw writes, from the start of the plan on.

        Args:
            count: How many; or else
            rate: how many a second.
            types: Written to; drawn as well where none is given.
            until: Seconds after which there are none; by default the end of the plan.
        """
        self._workloads.append(
            Workload(count=count, rate=rate, types=tuple(map(_tag, types)), until=until)
        )

    # What happens to nodes

    def crash(
        self,
        node: str,
        *,
        disk: Disk = "none",
        torn: bool = False,
        at: float | None = None,
        until: float | None = None,
    ) -> Span:
        """A node ends in the middle of everything; when the span ends it starts, with this disk."""
        return self._moments.begin(Crash(self._moments.at(at), node, torn), until=until, disk=disk)

    def pause(self, node: str, *, at: float | None = None, until: float | None = None) -> Span:
        """A process stands still, as under SIGSTOP."""
        return self._moments.begin(Pause(self._moments.at(at), node), until=until)

    def slow(
        self, node: str, per_call: float, *, at: float | None = None, until: float | None = None
    ) -> Span:
        """All that a process does takes it so many seconds longer."""
        return self._moments.begin(Slow(self._moments.at(at), node, per_call), until=until)

    def lasting(self, fault: Lasting, until: float | None = None) -> Span:
        """Any other fault that lasts, such as ``sim.ClockRate(script.now, "n1", 1.1)``."""
        return self._moments.begin(fault, until=until)

    def add(self, fault: Fault) -> None:
        """Any fault, at its own time; what it begins is not ended here."""
        self._moments.note(fault.at, fault)

    # What must come of it

    def expect(self, kind: Kind, name: str, value: object) -> None:
        """Expect that an object shows this value on every node at the end."""
        self._finals.append(Final(_tag(kind), name, value))

    def plan(
        self,
        *,
        duration: float | None = None,
        bound: float = 15.0,
        converged_within: float | None = None,
        bytes_per_node_second: float | None = None,
        violated: Iterable[str] = (),
    ) -> Plan:
        """The plan that was told.

        Args:
            duration: Seconds of its first phase; by default the time that the script has reached,
                or that of the last event where that is later.
            bound: As in `Plan`.
            converged_within: As in `Expectations`, like the rest.
            bytes_per_node_second: As there.
            violated: As there.

        Raises:
            PlanError: It makes no sense; see `Plan`.
        """
        faults, writes = self._moments.faults(), sorted(self._writes, key=lambda write: write.at)
        last = max([self.now, *(f.until for f in faults), *(w.at for w in writes)])
        plan = Plan(
            seed=self.seed,
            nodes=self.nodes,
            network=self.net.network,
            writes=tuple(writes),
            faults=faults,
            duration=last if duration is None else duration,
            bound=bound,
            expect=Expectations(
                tuple(self._finals), converged_within, bytes_per_node_second, tuple(violated)
            ),
        )
        for workload in self._workloads:
            plan = with_workload(plan, workload)
        return plan


class Net:
    """What the network of a script does."""

    def __init__(self, moments: Moments, network: Network) -> None:
        self.network = network
        """What every link does where nothing else is told."""
        self._moments = moments

    def rule(
        self,
        source: Ends = EVERYBODY,
        target: Ends = EVERYBODY,
        *,
        both_ways: bool = True,
        at: float | None = None,
        until: float | None = None,
        **link: Unpack[LinkChanges],
    ) -> Span:
        """Let some links behave otherwise; of several rules for a link the one told last counts.

        Args:
            source: Who sends: a node, several, or ``*`` for everybody.
            target: Who receives.
            both_ways: Whether what the targets send to the sources is treated alike.
            at: Seconds at which it begins; now by default.
            until: Seconds at which it ends.
            **link: Fields of `Link`; the others stay as the network is.

        Raises:
            PlanError: A value makes no sense, or nobody is left to send to.

        Example::

            with net.rule("ann", ["bob", "cid"], latency="300ms", loss=0.2):
                script.wait(10)
        """
        as_it_is = {f.name: getattr(self.network, f.name) for f in fields(Link)}
        changed = Link(**{**as_it_is, **_parsed(link)})
        there = [(s, t) for s in _group(source) for t in _group(target) if s != t or s == EVERYBODY]
        if not there:
            raise PlanError(f"there is no link from {source!r} to {target!r}")
        back = [(t, s) for s, t in there if both_ways]
        begin = self._moments.at(at)
        ways = dict.fromkeys(there + back)
        return self._moments.begin(*(Relink(begin, s, t, changed) for s, t in ways), until=until)

    def partition(self, *groups: Ends, at: float | None = None, until: float | None = None) -> Span:
        """Only nodes of one group reach each other; those that no group names form one more.

        A partition within another one takes its place, until it ends.
        """
        cut = tuple(map(_group, groups))
        return self._moments.begin(Partition(self._moments.at(at), cut), until=until)

    def isolate(self, node: str, *, at: float | None = None, until: float | None = None) -> Span:
        """One node reaches nobody, and nobody reaches it."""
        return self._moments.begin(Isolate(self._moments.at(at), node), until=until)

    def cut(
        self, sources: Ends, targets: Ends, *, at: float | None = None, until: float | None = None
    ) -> Span:
        """One way only: what the sources send to the targets is lost."""
        cut = Cut(self._moments.at(at), _group(sources), _group(targets))
        return self._moments.begin(cut, until=until)

    def hold(
        self,
        source: str = EVERYBODY,
        target: str = EVERYBODY,
        *,
        at: float | None = None,
        until: float | None = None,
    ) -> Span:
        """Packets are kept back on the way; when the span ends they go on, in their order."""
        return self._moments.begin(Hold(self._moments.at(at), source, target), until=until)

    def heal(self, *, at: float | None = None) -> None:
        """Everybody reaches everybody: partitions, cuts and holds end, and all their spans."""
        heal = Heal(self._moments.at(at))
        self._moments.note(heal.at, heal)


def _group(ends: Ends) -> Group:
    return (ends,) if isinstance(ends, str) else tuple(ends)


def _parsed(link: LinkChanges) -> dict[str, Any]:
    values: dict[str, Any] = {**link}
    if isinstance(latency := values.get("latency"), str):
        try:
            values["latency"] = Latency.parse(latency)
        except ValueError as error:
            raise PlanError(str(error)) from error
    return values


def _tag(kind: Kind) -> str:
    return tag_called(kind, "type") if isinstance(kind, str) else tag_of(kind)
