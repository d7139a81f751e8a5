"""What a simulation does: nodes, the network between them, writes and faults at their times.

Rule of this file: plain frozen data, checked when it is made. A plan says everything; running it
adds nothing but the decisions that follow from its seed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
import difflib
from math import isfinite
from typing import Self

from crdt import StateCRDT
from crdt.catalogue import tag_of, type_of
from crdtnode.sim.draw import (
    PlanError,
    Recipe,
    draw_faults,
    draw_network,
    draw_writes,
    node_names,
)
from crdtnode.sim.events import Crash, Fault, Heal, Partition, Restart, Write
from crdtnode.sim.latency import Latency


@dataclass(frozen=True, slots=True)
class Network:
    """What every link does to what it carries."""

    latency: Latency = field(default_factory=lambda: Latency.uniform(0.0005, 0.002))
    """Time on the way, drawn anew for each packet; packets overtake each other as it falls."""

    loss: float = 0.0
    """Share of datagrams that vanish, below 1, after the last heal too. Streams lose packets as
    well: it costs them time."""

    duplicate: float = 0.0
    """Share of datagrams that arrive twice, 0 to 1."""

    def __post_init__(self) -> None:
        for name in ("loss", "duplicate"):
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise PlanError(f"{name} must be a share between 0 and 1, not {share!r}")
        if self.loss == 1:
            raise PlanError("loss must be below 1: where nothing ever arrives, nobody can agree")


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
    recipe: Recipe | None = None
    """What this plan was drawn for; None for one that was written by hand."""

    def __post_init__(self) -> None:
        if not self.nodes or len(set(self.nodes)) != len(self.nodes):
            raise PlanError("nodes must be at least one name, each different")
        for name in ("duration", "bound"):
            _seconds(name, getattr(self, name))
        for number, write in enumerate(self.writes):
            where = f"writes[{number}]"
            self._check(where, write.at, (write.node,))
            _known_type(where, write.type)
        for number, fault in enumerate(self.faults):
            self._check(f"faults[{number}]", fault.at, _nodes_of(fault))

    def _check(self, where: str, at: float, nodes: tuple[str, ...]) -> None:
        _seconds(f"{where}.at", at)
        if at > self.duration:
            raise PlanError(f"{where}.at is {at} s, after the end of the plan at {self.duration} s")
        for node in nodes:
            if node not in self.nodes:
                near = difflib.get_close_matches(node, self.nodes, n=1, cutoff=0.3)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise PlanError(f"{where}: no node is called {node!r}{hint}")
        if len(set(nodes)) != len(nodes):
            raise PlanError(f"{where}: a node stands in two groups")

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
            partition: ``none``, ``halves``, ``majority``, ``isolate`` or ``groups``. A given one
                lasts from a quarter of the time to its end; drawn ones come and go.
            crashes: How many; each node restarts some seconds later, empty.

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
        return cls(
            seed=seed,
            nodes=nodes,
            network=Network(*draw_network(seed, recipe)),
            writes=draw_writes(seed, recipe, nodes),
            faults=draw_faults(seed, recipe, nodes),
            duration=recipe.duration,
            bound=recipe.bound,
            recipe=recipe,
        )

    def replay(self) -> str:
        """The command that runs this very plan again; for a plan by hand, its Python text."""
        if self.recipe is None:
            return f"crdtnode.sim.run({self!r})"
        return " ".join(("crdtnode simulate", f"--seed {self.seed}", *self.recipe.options()))


def _nodes_of(fault: Fault) -> tuple[str, ...]:
    match fault:
        case Partition():
            return tuple(node for group in fault.groups for node in group)
        case Crash() | Restart():
            return (fault.node,)
        case Heal():
            return ()


def _seconds(where: str, value: float) -> None:
    if not isfinite(value) or value < 0:
        raise PlanError(f"{where} must be seconds, 0 or more, not {value!r}")


def _known_type(where: str, tag: str) -> None:
    try:
        type_of(tag)
    except LookupError as error:
        raise PlanError(f"{where}: no type is registered as {tag!r}") from error
