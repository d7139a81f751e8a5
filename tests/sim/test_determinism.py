import os
from pathlib import Path
import subprocess
import sys

import pytest

from crdtnode import sim
from crdtnode.protocol import Engine
from crdtnode.sim.on_trio import play
from crdtnode.sim.trace import first_difference

RECORDER = Path(__file__).with_name("record_run.py")


def recorded(seed: int, hash_seed: str, engine: str) -> list[str]:
    """Every delivered event of a run in another process, then its trace hash."""
    process = subprocess.run(
        [sys.executable, str(RECORDER), str(seed), engine],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return process.stdout.splitlines()


@pytest.mark.process
@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_is_the_same_run_on_both_engines_in_other_processes_with_other_hash_seeds(
    seed: int,
) -> None:
    one, other = recorded(seed, "0", "heap"), recorded(seed, "12345", "trio")
    difference = first_difference(one, other)
    assert difference is None, difference
    assert len(one) > 100


def test_a_seed_is_the_same_run_twice_in_one_process() -> None:
    plan = sim.Plan.random(seed=4, duration=8)
    one, other = sim.run(plan), sim.run(plan)
    assert one.trace_hash == other.trace_hash
    assert one.to_json() == other.to_json()


@pytest.mark.parametrize("seed", range(6))
def test_a_plan_is_the_same_run_on_both_engines(seed: int) -> None:
    plan = sim.Plan.random(seed=seed, duration=5.0)
    heap, trio = sim.World(plan, record=True), sim.World(plan, record=True)
    on_heap, on_trio = heap.run(), play(trio)
    difference = first_difference(heap.trace.happenings or [], trio.trace.happenings or [])
    assert difference is None, difference
    assert on_trio.to_json() == on_heap.to_json()


def test_nodes_that_join_leave_crash_and_come_back_are_the_same_run_on_both_engines() -> None:
    plan = sim.Plan(
        seed=3,
        nodes=("a", "b", "c", "d", "e"),
        network=sim.Network(sim.Latency.uniform(0.001, 0.02), loss=0.1),
        writes=tuple(
            sim.Write(n / 10, "abcde"[n % 5], "pncounter@1", "x", "increment", (n,), n % 3 == 0)
            for n in range(60)
        ),
        faults=(
            sim.Join(1.0, "d"),
            sim.Backup(1.5, "a"),
            sim.Crash(2.0, "a"),
            sim.Restart(2.5, "a", disk="backup"),
            sim.Clone(3.0, "e", of="a"),
            sim.Pause(3.1, "b"),
            sim.Slow(3.2, "c", per_call=0.01),
            sim.Resume(4.5, "b"),
            sim.Leave(5.0, "c"),
        ),
        duration=6.5,
    )
    on_heap, on_trio = sim.run(plan), sim.run(plan, on="trio")
    assert on_heap.holds, on_heap.explain()
    assert on_trio.to_json() == on_heap.to_json()


def test_an_engine_that_raises_is_shown_on_trio_too() -> None:
    class Raising(Engine):
        def wake(self, now: float) -> None:
            raise IndexError("7 is not in the table")

    plan = sim.Plan(seed=1, nodes=("a", "b"), duration=2.0)
    result = sim.run(plan, engine=Raising, on="trio")
    assert result.violated == ("nothing-raised",)


def test_other_seeds_are_other_runs() -> None:
    hashes = {sim.run(sim.Plan.random(seed=seed, duration=2)).trace_hash for seed in range(5)}
    assert len(hashes) == 5


def test_looking_closer_does_not_change_the_run() -> None:
    plan = sim.Plan.random(seed=4, duration=4)
    watched = sim.World(plan, record=True).run()
    blind = sim.World(plan, checks=[]).run()
    assert watched.trace_hash == blind.trace_hash
