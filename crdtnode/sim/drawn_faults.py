"""Faults drawn from a seed.

Rule of this file: the same seed and recipe give the same faults, in every process. Partitions,
crashes, other trouble and removals have a random stream each, so that fixing one does not change the others.
"""

from collections.abc import Callable, Sequence
from random import Random

from crdtnode.sim.draw import PARTITIONS, Recipe, moment
from crdtnode.sim.ends import Lasting, end_of
from crdtnode.sim.events import Write
from crdtnode.sim.faults import (
    Backup,
    Bridge,
    ClockJump,
    ClockRate,
    Crash,
    Cut,
    Disk,
    DiskError,
    DiskMended,
    Fault,
    Flapping,
    Heal,
    Hold,
    Isolate,
    MajorityRing,
    Partition,
    Pause,
    Relink,
    Remove,
    Restart,
    Slow,
    Swizzle,
)
from crdtnode.sim.latency import Latency
from crdtnode.sim.link import Link

Nodes = tuple[str, ...]

_PERIOD = 2.0
"""Seconds that each state of a flapping partition lasts on average."""

CENTURIES = 1e10
"""Seconds by which a clock is past the last stamp that there is: some three hundred years."""

_REMOVING = 0.15
"""Share of seeds under which objects are removed, where trouble is left to the seed."""


def draw_faults(seed: int, recipe: Recipe, nodes: Nodes) -> tuple[Fault, ...]:
    """All faults, in the order of their times."""
    faults = _partitions(Random(f"{seed}/plan/partitions"), recipe, nodes)
    faults += _crashes(Random(f"{seed}/plan/crashes"), recipe, nodes)
    faults += _trouble(Random(f"{seed}/plan/trouble"), recipe, nodes)
    return tuple(sorted(faults, key=lambda fault: fault.at))


def draw_removals(
    seed: int, recipe: Recipe, nodes: Nodes, writes: Sequence[Write]
) -> tuple[Fault, ...]:
    """Removals of objects, each some time after a write to it."""
    chance = Random(f"{seed}/plan/removals")
    if recipe.trouble is not None or not writes or chance.random() >= _REMOVING:
        return ()
    removals = []
    for _ in range(chance.randint(1, 3)):
        write = chance.choice(writes)
        at = moment(chance, write.at, recipe.duration)
        removals.append(Remove(at, chance.choice(nodes), write.type, write.name))
    return tuple(removals)


# Partitions


def _partitions(chance: Random, recipe: Recipe, nodes: Nodes) -> list[Fault]:
    end = recipe.duration
    if recipe.partition == "none" or len(nodes) < 2:
        return []
    if recipe.partition is not None:
        return [_cut(recipe.partition, round(end / 4, 6), end, chance, nodes)]
    faults: list[Fault] = []
    at = 0.0
    for _ in range(chance.choice((0, 1, 1, 2))):
        at = moment(chance, at, end)
        faults.append(_cut(chance.choice(PARTITIONS[1:]), at, end, chance, nodes))
        if chance.random() < 0.3:
            break  # this one lasts until the end
        at = moment(chance, at, end)
        faults.append(Heal(at))
    return faults


def _cut(how: str, at: float, end: float, chance: Random, nodes: Nodes) -> Fault:
    """One cut of this kind; where the nodes are too few for it, the nearest one."""
    shuffled = chance.sample(nodes, len(nodes))
    if how == "groups":
        groups: list[list[str]] = [[] for _ in range(chance.randint(2, 4))]
        for node in shuffled:
            chance.choice(groups).append(node)
        return Partition(at, tuple(tuple(sorted(group)) for group in groups if group))
    half = max(1, len(nodes) // 2)
    few = max(1, (len(nodes) - 1) // 2) if how == "majority" else half
    one, other = tuple(sorted(shuffled[:few])), tuple(sorted(shuffled[few:]))
    match how:
        case "isolate":
            return Isolate(at, shuffled[0])
        case "one-way":
            return Cut(at, one, other)
        case "bridge" if len(nodes) > 2:
            return Bridge(at, one, other[:1], other[1:])
        case "ring" if len(nodes) > 3:
            return MajorityRing(at, tuple(shuffled))
        case "flapping":
            return _flapping(at, end, (one, other), chance)
        case "swizzle":
            gap = round((end - at) / (2 * len(one)) * chance.uniform(0.1, 0.9), 6)
            return Swizzle(at, one, tuple(chance.sample(one, len(one))), gap)
        case _:
            return Partition(at, (one, other))


def _flapping(at: float, end: float, groups: tuple[Nodes, ...], chance: Random) -> Fault:
    times = max(1, round((end - at) / (2 * _PERIOD)))
    down = round((end - at) / (2 * times) * chance.uniform(0.1, 0.9), 6)
    up = round((end - at) / (2 * times) * chance.uniform(0.1, 0.9), 6)
    return Flapping(at, groups, down, up, times)


# Crashes


def _crashes(chance: Random, recipe: Recipe, nodes: Nodes) -> list[Fault]:
    drawn = chance.choice((0, 1, 1, 2))
    faults: list[Fault] = []
    back: dict[str, float] = {}  # when each node is up again
    for _ in range(drawn if recipe.crashes is None else recipe.crashes):
        node = chance.choice(nodes)
        since = back.get(node, 0.0)
        at = moment(chance, since, recipe.duration)
        back[node] = min(recipe.duration, round(at + chance.uniform(0.1, 6.0), 6))
        disks: tuple[Disk, ...] = ("none", "none", "own", "backup")
        disk = chance.choice(disks)
        if disk == "backup":
            faults.append(Backup(moment(chance, since, at), node))
        torn = disk == "own" and chance.random() < 0.3
        faults += [Crash(at, node, torn=torn), Restart(back[node], node, disk=disk)]
    return faults


# Other trouble


def _trouble(chance: Random, recipe: Recipe, nodes: Nodes) -> list[Fault]:
    drawn = chance.choice((0, 0, 1, 2, 3))
    faults: list[Fault] = []
    for _ in range(drawn if recipe.trouble is None else recipe.trouble):
        begin = moment(chance, 0.0, recipe.duration)
        end = min(recipe.duration, round(begin + chance.uniform(0.1, 8.0), 6))
        kind = chance.choice(_KINDS)
        faults += kind(chance, chance.choice(nodes), begin, end)
    return faults


def _lasting(fault: Lasting, end: float) -> list[Fault]:
    return [fault, end_of(fault, end)]


def _standing_still(_: Random, node: str, begin: float, end: float) -> list[Fault]:
    return _lasting(Pause(begin, node), end)


def _slow(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    per_call = chance.choice((0.001, 0.005, 0.02))
    return _lasting(Slow(begin, node, per_call), end)


def _wrong_clock(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    if chance.random() < 0.5:
        return _lasting(ClockRate(begin, node, chance.choice((0.0, 0.9, 1.1))), end)
    return [ClockJump(begin, node, chance.choice((-86_400.0, -3.0, 3.0, 3600.0, CENTURIES)))]


def _bad_link(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    link = Link(
        latency=chance.choice((Latency.lognormal(0.01, 0.2), Latency.uniform(0.001, 0.3))),
        loss=chance.choice((0.0, 0.3, 0.6)),
        duplicate=chance.choice((0.0, 0.3)),
        reorder=chance.choice((0.0, 0.1, 0.5)),
        bandwidth=chance.choice((None, None, 20_000.0)),
        mtu=chance.choice((None, None, 600)),
    )
    ends = chance.choice(((node, "*"), ("*", node), ("*", "*")))
    return _lasting(Relink(begin, *ends, link), end)


def _held(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    ends = chance.choice(((node, "*"), ("*", node)))
    return _lasting(Hold(begin, *ends), end)


def _bad_disk(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    back = min(end, round(end - (end - begin) * chance.random() / 2, 6))
    return [
        DiskError(begin, node),
        Crash(back, node),
        Restart(end, node, disk="own"),
        DiskMended(end, node),
    ]


def _flipped_bits(chance: Random, node: str, begin: float, end: float) -> list[Fault]:
    link = Link(Latency.constant(0.002), corrupt=chance.choice((0.05, 0.3)))
    return _lasting(Relink(begin, node, "*", link), end)


_KINDS: tuple[Callable[[Random, str, float, float], list[Fault]], ...] = (
    _standing_still,
    _standing_still,
    _slow,
    _wrong_clock,
    _wrong_clock,
    _bad_link,
    _bad_link,
    _held,
    _bad_disk,
    _flipped_bits,
)
