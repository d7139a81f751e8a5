"""What a simulation does: nodes, the network between them, writes and faults at their times.

Rule of this file: plain frozen data, checked when it is made. A plan says everything; running it
adds nothing but the decisions that follow from its seed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import difflib
from math import isfinite
from typing import Self

from crdt import StateCRDT
from crdt.catalogue import tag_of, type_of
from crdtnode.errors import InvalidName
from crdtnode.registry.names import check_name
from crdtnode.sim.calls import check_call
from crdtnode.sim.document import from_document, to_document
from crdtnode.sim.draw import Recipe, draw_network, draw_writes, node_names
from crdtnode.sim.drawn_faults import draw_faults, draw_removals
from crdtnode.sim.events import Write
from crdtnode.sim.expectations import Expectations
from crdtnode.sim.faults import (
    EVERYBODY,
    ClockJump,
    ClockRate,
    Clone,
    Fault,
    Flapping,
    Join,
    MajorityRing,
    Remove,
    Slow,
    Swizzle,
)
from crdtnode.sim.latency import Latency
from crdtnode.sim.link import Network, PlanError

SECONDS_MOST = 1e9
"""Length of a run, at most: some thirty years."""

JUMP_MOST = 1e12
"""Seconds by which a clock may jump: more than thirty thousand years."""

FORMAT = "crdtnode plan"
VERSION = 1
"""Raised by every change after which an older reader would run something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One simulation, complete: run it anywhere, it is the same run.

    It has two phases. Until ``duration`` the writes and faults happen. Then everything is healed,
    crashed nodes start again, and all must hold the same state within ``bound`` seconds; loss,
    duplication and latency stay as they are.

    Raises:
        PlanError: A field makes no sense: an unknown node or type, a time outside the run.
    """

    seed: int
    """Every decision of the network and of the nodes follows from it."""
    nodes: tuple[str, ...]
    network: Network = field(default_factory=Network)
    writes: tuple[Write, ...] = ()
    faults: tuple[Fault, ...] = ()
    duration: float = 20.0
    """Seconds of the first phase."""
    bound: float = 15.0
    """Seconds within which all must be equal: after the first phase, and after each heal that no
    other fault follows so soon."""
    expect: Expectations = field(default_factory=Expectations)
    """What must be so at the end, beyond what holds in every run."""
    recipe: Recipe | None = None
    """What this plan was drawn for; None for one that was written by hand."""

    def __post_init__(self) -> None:
        if not self.nodes or len(set(self.nodes)) != len(self.nodes):
            raise PlanError("nodes must be at least one name, each different")
        if type(self.seed) is not int:
            raise PlanError(f"seed must be a whole number, not {self.seed!r}")
        for number, name in enumerate(self.nodes):
            _name(f"nodes[{number}]", name)
            if name == EVERYBODY:
                raise PlanError(f"nodes[{number}]: {EVERYBODY!r} stands for every node")
        for name in ("duration", "bound"):
            _seconds(name, getattr(self, name))
        for number, write in enumerate(self.writes):
            where = f"writes[{number}]"
            self._check_nodes(where, (write.node,))
            self._check_time(f"{where}.at", write.at)
            _known_type(f"{where}.type", write.type)
            _name(f"{where}.name", write.name)
            check_call(write.type, write.method, write.args, where)
        for number, fault in enumerate(self.faults):
            where = f"faults[{number}]"
            self._check_nodes(where, fault.nodes)
            self._check_time(f"{where}.at", fault.at)
            _check_fault(where, fault)
            if fault.until != fault.at:
                self._check_time(f"{where}, its end,", fault.until)
        for number, rule in enumerate(self.network.links):
            ends = (end for end in (rule.source, rule.target) if end != EVERYBODY)
            self._check_nodes(f"network.links[{number}]", tuple(dict.fromkeys(ends)))
        for number, final in enumerate(self.expect.finals):
            _known_type(f"expect.finals[{number}].type", final.type)
            _name(f"expect.finals[{number}].name", final.name)
        joins = self.latecomers
        if len(set(joins)) != len(joins):
            raise PlanError("faults: a node joins twice; after the first time it restarts")

    def _check_time(self, where: str, at: float) -> None:
        _seconds(where, at)
        if at > self.duration:
            raise PlanError(f"{where} is {at} s, after the end of the plan at {self.duration} s")

    def _check_nodes(self, where: str, nodes: tuple[str, ...]) -> None:
        for node in nodes:
            if node not in self.nodes:
                near = difflib.get_close_matches(node, self.nodes, n=1, cutoff=0.3)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise PlanError(f"{where}: no node is called {node!r}{hint}")
        if len(set(nodes)) != len(nodes):
            raise PlanError(f"{where}: a node stands in two groups")

    @property
    def events(self) -> list[Write | Fault]:
        """All writes and faults, by their times."""
        return sorted([*self.writes, *self.faults], key=lambda event: event.at)

    @property
    def latecomers(self) -> tuple[str, ...]:
        """Nodes that are not there from the start, but join later, or come as clones."""
        return tuple(fault.node for fault in self.faults if isinstance(fault, Join | Clone))

    def to_json(self) -> dict[str, object]:
        """The whole plan as a JSON document; what has its default is left out."""
        return {"format": FORMAT, "version": VERSION, **to_document(self)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read a plan from the document that `to_json` gives; the plan is equal to that one.

        Raises:
            PlanError: It is no plan, or of another version; the message names the place and, for
                an unknown word, the nearest one.
        """
        if not isinstance(document, Mapping) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, Mapping) else document
            raise PlanError(
                f"this is no plan: the key 'format' must say {FORMAT!r}, not {found!r:.60}"
            )
        if document.get("version") != VERSION:
            raise PlanError(
                f"this plan has the version {document.get('version')!r}; "
                f"this crdtnode reads version {VERSION}"
            )
        rest = {k: v for k, v in document.items() if k not in ("format", "version")}
        plan: Self = from_document(cls, rest)
        return plan

    @classmethod
    def random(
        cls,
        *,
        seed: int,
        nodes: int = 5,
        duration: float = 20.0,
        bound: float = 15.0,
        writes: int | None = None,
        types: Iterable[type[StateCRDT] | str] | None = None,
        latency: Latency | None = None,
        loss: float | None = None,
        duplicate: float | None = None,
        partition: str | None = None,
        crashes: int | None = None,
        trouble: int | None = None,
    ) -> Self:
        """Draw a plan from a seed: what is not given here is drawn as well.

        Args:
            seed: Equal seeds and arguments give equal plans.
            nodes: How many.
            duration: Seconds of writes and faults.
            bound: Seconds to converge in after that.
            writes: How many; by default 2 to 3 a second.
            types: Written to; classes or tags. By default some of the built-in ones.
            latency: One-way time of every link.
            loss: Share of packets lost.
            duplicate: Share of packets that arrive twice.
            partition: One of `PARTITIONS`. A given one lasts from a quarter of the time to its
                end; drawn ones come and go.
            crashes: How many; each node restarts some seconds later, with or without its disk.
            trouble: How many other faults: processes that stand still or are slow, wrong clocks,
                bad links, packets that are held, failing disks. Left to the seed, some seeds
                remove objects, too.

        Raises:
            PlanError: An argument has an impossible value.
        """
        tags = tuple(t if isinstance(t, str) else tag_of(t) for t in types or ())
        recipe = Recipe(
            nodes=nodes,
            duration=duration,
            bound=bound,
            writes=writes,
            types=tags or None,
            latency=latency,
            loss=loss,
            duplicate=duplicate,
            partition=partition,
            crashes=crashes,
            trouble=trouble,
        )
        return cls.drawn(seed, recipe)

    @classmethod
    def drawn(cls, seed: int, recipe: Recipe) -> Self:
        """The plan that this seed makes of a recipe.

        Raises:
            PlanError: The recipe names an unknown type.
        """
        for tag in recipe.types or ():
            _known_type("types", tag)
        nodes = node_names(recipe.nodes)
        writes = draw_writes(seed, recipe, nodes)
        faults = (*draw_faults(seed, recipe, nodes), *draw_removals(seed, recipe, nodes, writes))
        return cls(
            seed=seed,
            nodes=nodes,
            network=Network(*draw_network(seed, recipe)),
            writes=writes,
            faults=tuple(sorted(faults, key=lambda fault: fault.at)),
            duration=recipe.duration,
            bound=recipe.bound,
            recipe=recipe,
        )

    def replay(self) -> str:
        """The command that runs this very plan again; for a plan by hand, its Python text."""
        if self.recipe is None:
            return f"crdtnode.sim.run({self!r})"
        return " ".join(("crdtnode simulate", f"--seed {self.seed}", *self.recipe.options()))


def _check_fault(where: str, fault: Fault) -> None:
    """Refuse numbers and orders that make no sense."""
    match fault:
        case Flapping(down=down, up=up, times=times):
            for name, value in (("down", down), ("up", up)):
                _seconds(f"{where}.{name}", value)
            if times < 1:
                raise PlanError(f"{where}.times must be at least 1, not {times}")
        case Swizzle(off=off, back=back, gap=gap):
            _seconds(f"{where}.gap", gap)
            if not off or sorted(off) != sorted(back) or len(set(off)) != len(off):
                raise PlanError(f"{where}: off and back must be the same nodes, each once")
        case MajorityRing(ring=ring) if len(ring) < 4:
            raise PlanError(f"{where}: a ring has at least 4 nodes")
        case Slow(per_call=seconds):
            _seconds(f"{where}.per_call", seconds)
        case ClockRate(rate=rate) if not 0 <= rate <= 1000:
            raise PlanError(f"{where}.rate must be 0 to 1000 times the true one, not {rate!r}")
        case ClockJump(by=by) if not abs(by) <= JUMP_MOST:
            raise PlanError(f"{where}.by must be seconds, at most {JUMP_MOST:g}, not {by!r}")
        case Remove(type=tag, name=name):
            _known_type(f"{where}.type", tag)
            _name(f"{where}.name", name)
        case _:
            pass


def _seconds(where: str, value: float) -> None:
    if not isfinite(value) or value < 0:
        raise PlanError(f"{where} must be seconds, 0 or more, not {value!r}")
    if value > SECONDS_MOST:
        raise PlanError(f"{where} must be seconds, at most {SECONDS_MOST:g}, not {value!r}")


def _name(where: str, name: str) -> None:
    try:
        check_name(name)
    except InvalidName as error:
        raise PlanError(f"{where}: {error}") from error


def _known_type(where: str, tag: str) -> None:
    try:
        type_of(tag)
    except LookupError as error:
        raise PlanError(f"{where}: no type is registered as {tag!r}") from error
