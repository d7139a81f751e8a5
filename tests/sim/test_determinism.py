import os
from pathlib import Path
import subprocess
import sys

import pytest

from crdtnode import sim
from crdtnode.sim.trace import first_difference

RECORDER = Path(__file__).with_name("record_run.py")


def recorded(seed: int, hash_seed: str) -> list[str]:
    """Every delivered event of a run in another process, then its trace hash."""
    process = subprocess.run(
        [sys.executable, str(RECORDER), str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return process.stdout.splitlines()


@pytest.mark.process
@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_is_the_same_run_in_processes_with_different_hash_seeds(seed: int) -> None:
    one, other = recorded(seed, "0"), recorded(seed, "12345")
    difference = first_difference(one, other)
    assert difference is None, difference
    assert len(one) > 100


def test_a_seed_is_the_same_run_twice_in_one_process() -> None:
    plan = sim.Plan.random(seed=4, duration=8)
    one, other = sim.run(plan), sim.run(plan)
    assert one.trace_hash == other.trace_hash
    assert one.to_json() == other.to_json()


def test_other_seeds_are_other_runs() -> None:
    hashes = {sim.run(sim.Plan.random(seed=seed, duration=2)).trace_hash for seed in range(5)}
    assert len(hashes) == 5


def test_looking_closer_does_not_change_the_run() -> None:
    plan = sim.Plan.random(seed=4, duration=4)
    watched = sim.World(plan, record=True).run()
    blind = sim.World(plan, checks=[]).run()
    assert watched.trace_hash == blind.trace_hash
