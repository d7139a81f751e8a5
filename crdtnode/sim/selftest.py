"""Does the simulator see anything? Every planted bug must be caught, and correct code must hold.

Rule of this file: a bug counts as caught only by a check that is meant for it.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from crdtnode.sim.plan import Plan
from crdtnode.sim.planted import MUTANTS, bug
from crdtnode.sim.result import Verdict
from crdtnode.sim.runs import run

SEEDS = 50
"""Within so many seeds a planted bug must be caught."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one planted bug."""

    name: str
    does: str
    """What is wrong with it, in a sentence."""
    seed: int | None
    """The first seed that showed it; None where none did."""
    check: str = ""
    """The check that saw it."""


def hunt(name: str, seeds: int = SEEDS) -> Trial:
    """Try seeds until a check that is meant for a planted bug sees it.

    Raises:
        PlanError: There is no such bug.
    """
    mutant = bug(name)
    for seed in range(min(seeds, mutant.seeds)):
        result = run(mutant.plan(seed), **mutant.settings)
        for check in result.violated:
            if check in mutant.seen_by:
                return Trial(mutant.name, mutant.does, seed, check)
    return Trial(mutant.name, mutant.does, None)


def hunt_all(executor: Executor, seeds: int = SEEDS) -> Iterator[Trial]:
    """Hunt every planted bug, in the order of the table."""
    futures = [executor.submit(hunt, mutant.name, seeds) for mutant in MUTANTS]
    for future in futures:
        yield future.result()


def alarm(seed: int) -> str:
    """Run correct code under a seed: an explanation where a check finds something, else nothing."""
    result = run(Plan.random(seed=seed))
    return "" if result.verdict is Verdict.HOLDS else result.explain()


def same_on_both(seed: int) -> bool:
    """Whether a seed makes the same run on both engines, down to the last delivered byte."""
    plan = Plan.random(seed=seed)
    return run(plan).trace_hash == run(plan, on="trio").trace_hash
