"""Restored backups and cloned data directories: nothing is counted twice, nothing is lost."""

import os
from random import Random

import pytest

from crdtnode import sim
from crdtnode.sim import Backup, Clone, Crash, Expectations, Final, Plan, Restart, Write
from crdtnode.sim.planted_nodes import ReusingRegistry

SEEDS = int(os.environ.get("CRDTNODE_RESTORES", "20"))

NODES = ("n1", "n2", "n3", "n4", "twin")


def plan(seed: int) -> Plan:
    """Backups that are put back while others go on, and a clone that runs beside its original."""
    chance = Random(seed)
    faults: list[sim.Fault] = []
    down: list[tuple[str, float, float]] = []
    for node in chance.sample(NODES[:4], 2):
        crash = chance.uniform(4.0, 6.0)
        back = crash + chance.uniform(0.05, 1.5)
        faults += [
            Backup(chance.uniform(1.0, crash), node),
            Crash(crash, node),
            Restart(back, node, disk="backup"),
        ]
        down.append((node, crash, back))
    faults.append(Clone(chance.uniform(3.0, 7.0), "twin", of=chance.choice(NODES[:4])))
    if chance.random() < 0.5:
        cut = tuple(chance.sample(NODES, 2))
        faults += [sim.Cut(2.0, cut[:1], cut[1:]), sim.Heal(8.0)]
    writes = []
    for number in range(60):
        at, node = round(chance.uniform(0.5, 9.0), 3), chance.choice(NODES)
        near_crash = any(n == node and crash - 1.5 < at < back for n, crash, back in down)
        if node != "twin" and not near_crash:  # so that every write is known to others in time
            writes.append(Write(at, node, "pncounter@1", "sum", "increment", (number,)))
    for number, (node, _, back) in enumerate(down):  # at once, before others can tell it anything
        writes.append(Write(back + 0.0005, node, "pncounter@1", "sum", "increment", (2 + number,)))
    total = sum(number for write in writes for number in write.args if isinstance(number, int))
    writes.append(Write(9.5, "twin", "pncounter@1", "sum", "increment", (1000,)))
    return Plan(
        seed=seed,
        nodes=NODES,
        network=sim.Network(sim.Latency.uniform(0.001, 0.01), loss=0.02),
        writes=tuple(writes),
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        duration=10.0,
        expect=Expectations(finals=(Final("pncounter@1", "sum", total + 1000),)),
    )


@pytest.mark.sweep
@pytest.mark.parametrize("start", range(0, SEEDS, 10))
def test_totals_are_exact_whatever_was_restored_or_cloned(start: int) -> None:
    for seed in range(start, min(start + 10, SEEDS)):
        result = sim.run(plan(seed))
        assert result.holds, result.explain()


def test_a_node_that_uses_its_ids_again_does_not_get_through_these_plans() -> None:
    seen = {name for s in range(3) for name in sim.run(plan(s), registry=ReusingRegistry).violated}
    assert "no-dot-twice" in seen
    assert "expectations-come-true" in seen
