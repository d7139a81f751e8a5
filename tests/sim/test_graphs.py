"""Trees and graphs on simulated nodes that lose packets and each other."""

from random import Random
from typing import Any

import pytest

from crdt import AddRemovePartialOrder
from crdtnode import sim

START, END = AddRemovePartialOrder.START, AddRemovePartialOrder.END


def some_call(chance: Random) -> tuple[str, str, tuple[Any, ...]]:
    one, other = (chance.choice("uvwxyz") for _ in range(2))
    calls: list[tuple[str, str, tuple[Any, ...]]] = [
        ("tree@1", "move", (one, chance.choice([None, *"uvwxyz"]))),
        ("tree@1", "move", (one, other)),
        ("twoptwopgraph@1", "add_vertex", (one,)),
        ("twoptwopgraph@1", "add_edge", (one, other)),
        ("twoptwopgraph@1", "remove_vertex", (one,)),
        ("monotonicdag@1", "add_between", (START, one, END)),
        ("addremovepartialorder@1", "add_between", (one, other, END)),
        ("addremovepartialorder@1", "add_between", (START, one, END)),
        ("addremovepartialorder@1", "remove_vertex", (one,)),
    ]
    return chance.choice(calls)


@pytest.mark.parametrize("seed", range(3))
def test_trees_and_graphs_converge_through_loss_and_a_partition(seed: int) -> None:
    chance = Random(seed)
    writes = []
    for step in range(80):
        tag, method, args = some_call(chance)
        who = chance.choice("abcd")
        writes.append(sim.Write(0.5 + step * 0.07, who, tag, tag[:4], method, args))
    plan = sim.Plan(
        seed=seed,
        nodes=tuple("abcd"),
        network=sim.Network(latency=sim.Latency.parse("5-20ms"), loss=0.2, duplicate=0.1),
        writes=tuple(writes),
        faults=(sim.Partition(2.0, (("a", "b"), ("c", "d"))), sim.Crash(4.0, "b")),
        duration=7.0,
    )
    result = sim.run(plan)
    assert result.holds, result.explain()
