"""Lists and texts on simulated nodes that lose packets and each other."""

from random import Random
from typing import Any

import pytest

from crdtnode import sim

TAGS = ("sequence@1", "text@1", "rga@1", "logoot@1")


def some_call(chance: Random) -> tuple[str, tuple[Any, ...]]:
    at = chance.randrange(12)
    return chance.choice(
        [
            ("insert", (at, chance.choice("abcdef"))),
            ("insert", (0, chance.choice("abcdef"))),
            ("extend", (chance.choice(["xyz", "uvw"]),)),
            ("delete", (at, at + 2)),
            ("splice", (at, at + 1, "mn")),
        ]
    )


@pytest.mark.parametrize("seed", range(3))
def test_sequences_converge_through_loss_and_a_partition(seed: int) -> None:
    chance = Random(seed)
    writes = []
    for step in range(80):
        tag, (method, args) = chance.choice(TAGS), some_call(chance)
        writes.append(
            sim.Write(0.5 + step * 0.07, chance.choice("abcd"), tag, tag[:-2], method, args)
        )
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
