"""Plans drawn from a seed: what a recipe leaves open is decided by chance.

Rule of this file: the same seed and recipe give the same plan, in every process. Each part of the
plan has a random stream of its own, so that fixing one does not change the others.

The method is swarm testing: which faults happen at all, and how strong they are, differs from seed
to seed, since a mix of everything at once hides what one alone would show. Source: Groce et al.,
"Swarm testing" (ISSTA 2012).
"""

from dataclasses import dataclass, fields
from math import inf
from random import Random
import shlex

from crdtnode.sim.events import Write
from crdtnode.sim.latency import Latency
from crdtnode.sim.link import PlanError
from crdtnode.sim.workload import DEFAULT_TYPES, call

PARTITIONS = (
    "none",
    "halves",
    "majority",
    "isolate",
    "groups",
    "one-way",
    "bridge",
    "ring",
    "flapping",
    "swizzle",
)
"""Ways to cut a network: not at all, into equal halves, a minority off, one node off, at random,
in one direction only, with nodes that reach both sides, with another majority for everybody, again
and again, node by node."""

NODES_MOST = 100_000
WRITES_MOST = 1_000_000
FAULTS_MOST = 10_000
"""What a plan may be asked to have, so that a slip of the hand does not fill the memory."""

_FLUSHED = 0.3
"""Share of writes whose writer asks to hear when another member holds it."""

_TOGETHER = 0.3
"""Share of writes that come with others to the same object, on other nodes, at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is asked of a drawn plan; None leaves a field to the seed.

    Raises:
        PlanError: A field has an impossible value.
    """

    nodes: int = 5
    duration: float = 20.0
    """Seconds of writes and faults."""
    bound: float = 15.0
    """Seconds to converge in after them."""
    writes: int | None = None
    """Number of writes; by default 2 to 3 a second."""
    types: tuple[str, ...] | None = None
    """Tags of the types written to."""
    latency: Latency | None = None
    loss: float | None = None
    duplicate: float | None = None
    partition: str | None = None
    """One of `PARTITIONS`. A given one lasts from a quarter of the time to the end of it; a drawn
    plan cuts and heals at any time."""
    crashes: int | None = None
    """Number of crashes, each with a restart."""
    trouble: int | None = None
    """Number of other faults: processes that stand still or are slow, wrong clocks, bad links,
    packets that are held, failing disks."""

    def __post_init__(self) -> None:
        for name, least, most in _RANGES:
            number = getattr(self, name)
            if number is not None and not least <= number <= most:
                raise PlanError(f"{name} must be {least} to {most:,}, not {number:,}")
        if not 0 < self.duration < inf:
            raise PlanError(f"duration must be more than 0 seconds, not {self.duration}")
        if self.partition is not None and self.partition not in PARTITIONS:
            raise PlanError(f"partition must be one of {', '.join(PARTITIONS)}")

    def options(self) -> list[str]:
        """The options of ``crdtnode simulate`` that ask for this."""
        words = [f"--nodes {self.nodes}", f"--for {_exactly(self.duration)}"]
        if self.bound != Recipe().bound:
            words.append(f"--bound {_exactly(self.bound)}")
        if self.writes is not None:
            words.append(f"--writes {self.writes}")
        words += [f"--type {shlex.quote(tag)}" for tag in self.types or ()]
        faults = {name: getattr(self, name) for name in FAULTS}
        if any(value is not None for value in faults.values()):
            words += [
                f"--{option} {'any' if faults[name] is None else faults[name]}"
                for name, option in FAULTS.items()
                if faults[name] != NO_FAULT[name]
            ]
        return words


_RANGES = (
    ("nodes", 1, NODES_MOST),
    ("writes", 0, WRITES_MOST),
    ("crashes", 0, FAULTS_MOST),
    ("trouble", 0, FAULTS_MOST),
)

FAULTS = {
    "latency": "latency",
    "loss": "loss",
    "duplicate": "duplicate",
    "partition": "partition",
    "crashes": "crash",
    "trouble": "trouble",
}
"""Fields of a recipe that describe faults, with the option of ``crdtnode simulate`` for each."""

NO_FAULT: dict[str, object] = {
    "latency": Latency.uniform(0.0005, 0.002),
    "loss": 0.0,
    "duplicate": 0.0,
    "partition": "none",
    "crashes": 0,
    "trouble": 0,
}
"""What stands for a field of `FAULTS` that nobody asked for, where another one was asked for."""

assert set(FAULTS) == set(NO_FAULT) <= {field.name for field in fields(Recipe)}


def _exactly(number: float) -> str:
    """A number as it is read again: 20, 0.1, 12.3456789."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def node_names(count: int) -> tuple[str, ...]:
    """``n1``, ``n2``, and so on, padded so that they sort as they count."""
    width = len(str(count))
    return tuple(f"n{number:0{width}}" for number in range(1, count + 1))


def draw_network(seed: int, recipe: Recipe) -> tuple[Latency, float, float]:
    """Latency, share lost, share duplicated."""
    chance = Random(f"{seed}/plan/network")
    latency = chance.choice(
        (
            Latency.constant(0.001),
            Latency.uniform(0.0002, 0.002),
            Latency.uniform(0.001, 0.04),
            Latency.exponential(0.01),
        )
    )
    loss = chance.choice((0.0, 0.01, 0.05, 0.1, 0.2))
    duplicate = chance.choice((0.0, 0.02, 0.1, 0.3))
    return (
        latency if recipe.latency is None else recipe.latency,
        loss if recipe.loss is None else recipe.loss,
        duplicate if recipe.duplicate is None else recipe.duplicate,
    )


def draw_writes(seed: int, recipe: Recipe, nodes: tuple[str, ...]) -> tuple[Write, ...]:
    """Writes all over the time, some of them together: at one object, at one moment."""
    chance = Random(f"{seed}/plan/writes")
    kinds = chance.sample(DEFAULT_TYPES, chance.randint(3, len(DEFAULT_TYPES)))
    tags = list(recipe.types or kinds)
    drawn = round(recipe.duration * chance.uniform(2, 3))
    count = drawn if recipe.writes is None else recipe.writes
    writes: list[Write] = []
    while len(writes) < count:
        at = moment(chance, 0.0, recipe.duration)
        tag = chance.choice(tags)
        name = f"{tag.partition('@')[0]}-{chance.randint(1, 2)}"
        together = chance.randint(2, 4) if chance.random() < _TOGETHER else 1
        who = chance.sample(nodes, min(together, len(nodes), count - len(writes)))
        writes += [
            Write(at, node, tag, name, *call(tag, chance), chance.random() < _FLUSHED)
            for node in who
        ]
    return tuple(sorted(writes, key=lambda write: write.at))


def moment(chance: Random, least: float, most: float) -> float:
    """A time between two others, in whole microseconds, or the last one."""
    return min(round(chance.uniform(least, most), 6), most)
