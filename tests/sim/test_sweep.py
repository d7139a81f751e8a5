from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from crdtnode import sim

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
