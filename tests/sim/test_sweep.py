from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
import os
from pathlib import Path
import signal

import pytest

from crdtnode import sim
from crdtnode.sim import sweeping
from crdtnode.sim.sweeping import chunk_for

CHUNK = 25


@pytest.mark.sweep
@pytest.mark.parametrize("start", range(0, 500, CHUNK))
def test_seeds_hold(start: int) -> None:
    """5 nodes, 20 s, about 50 writes; loss, duplication, partitions and crashes as drawn."""
    for outcome in sim.sweep(range(start, start + CHUNK)):
        assert outcome.verdict is sim.Verdict.HOLDS, outcome.explanation


def test_a_sweep_over_processes_finds_what_the_serial_one_finds() -> None:
    recipe = sim.Recipe(nodes=3, duration=3.0)
    serial = list(sim.sweep(range(6), recipe))
    with ProcessPoolExecutor(2) as executor:
        assert list(sim.sweep(range(6), recipe, executor=executor, chunk=2)) == serial
    assert [outcome.seed for outcome in serial] == list(range(6))


def test_a_sweep_takes_any_executor_and_may_be_left_early() -> None:
    recipe = sim.Recipe(nodes=2, duration=1.0)
    with ThreadPoolExecutor(1) as executor:
        outcomes = sim.sweep(range(1000), recipe, executor=executor, chunk=1)
        assert next(iter(outcomes)).seed == 0
        outcomes.close()


def test_an_outcome_that_does_not_hold_explains_itself() -> None:
    recipe = sim.Recipe(partition="halves", bound=0.0001, loss=0.3)
    (outcome,) = sim.sweep([3], recipe)
    assert outcome.verdict is sim.Verdict.VIOLATED
    assert outcome.converged_after_s is None
    assert "crdtnode simulate --seed 3" in outcome.explanation


SHORT = sim.Recipe(nodes=2, duration=1.0)


class Deadly:
    """Runs seeds, and kills its process at one of them, so many times."""

    def __init__(self, notes: Path, seed: int, times: int) -> None:
        self.notes, self.seed, self.times = notes, seed, times

    def __call__(self, job: sweeping.Job, seeds: Sequence[int]) -> list[sim.Outcome]:
        if self.seed in seeds and len(list(self.notes.iterdir())) < self.times:
            (self.notes / f"{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return RUN_SEEDS(job, seeds)


RUN_SEEDS = sweeping.run_seeds


def test_the_seeds_of_a_worker_that_dies_run_again_and_the_outcome_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = list(sim.sweep(range(12), SHORT))
    monkeypatch.setattr(sweeping, "run_seeds", Deadly(tmp_path, seed=4, times=1))
    outcomes = list(sim.sweep(range(12), SHORT, executor=partial(ProcessPoolExecutor, 2), chunk=3))
    assert outcomes == serial
    assert outcomes[4].tries > 1
    assert outcomes[0].verdict is sim.Verdict.HOLDS


def test_a_seed_that_kills_every_worker_is_unknown_and_costs_no_other_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = list(sim.sweep(range(9), SHORT))
    monkeypatch.setattr(sweeping, "run_seeds", Deadly(tmp_path, seed=4, times=99))
    outcomes = list(sim.sweep(range(9), SHORT, executor=partial(ProcessPoolExecutor, 2), chunk=3))
    assert [o.verdict for o in outcomes if o.seed == 4] == [sim.Verdict.UNKNOWN]
    assert "came to no end" in outcomes[4].explanation
    assert [o for o in outcomes if o.seed != 4] == [o for o in serial if o.seed != 4]


def test_what_a_broken_executor_leaves_over_is_unknown_where_nobody_can_make_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "run_seeds", Deadly(tmp_path, seed=2, times=1))
    with ProcessPoolExecutor(1) as executor:
        outcomes = list(sim.sweep(range(4), SHORT, executor=executor, chunk=1))
    assert [o.verdict for o in outcomes[2:]] == [sim.Verdict.UNKNOWN] * 2
    assert [o.seed for o in outcomes] == list(range(4))


@pytest.mark.parametrize(
    ("seeds", "workers", "chunk"),
    [(10_000, 2, 78), (4_000, 8, 10), (100_000, 2, 200), (100, 2, 10), (9, 2, 4), (1, 8, 1)],
)
def test_tasks_are_50_to_200_seeds_where_there_are_enough(
    seeds: int, workers: int, chunk: int
) -> None:
    assert chunk_for(seeds, workers) == chunk
