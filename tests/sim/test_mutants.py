import pytest

from crdtnode import sim
from crdtnode.sim.planted import MUTANTS, Mutant


@pytest.mark.sweep
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_caught_within_its_seeds_by_the_check_meant_for_it(mutant: Mutant) -> None:
    for seed in range(mutant.seeds):
        result = sim.run(mutant.plan(seed), **mutant.settings)
        if set(result.violated) & set(mutant.seen_by):
            return
    pytest.fail(f"{mutant.seeds} seeds did not show {mutant.name}")
