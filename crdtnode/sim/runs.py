"""Running plans: one, or one for each of many seeds.

Rule of this file: a seed's outcome does not depend on where or beside what it runs, so that a sweep
over many processes or machines is the serial sweep.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

from crdtnode.protocol import Engine
from crdtnode.sim.checks import Check
from crdtnode.sim.draw import Recipe
from crdtnode.sim.plan import Plan
from crdtnode.sim.result import Result, Verdict
from crdtnode.sim.shadow import WatchedRegistry
from crdtnode.sim.world import Progress, World

CHUNK = 50
"""Seeds that one task of a sweep runs."""


def run(
    plan: Plan,
    *,
    engine: Callable[..., Engine] = Engine,
    registry: Callable[..., WatchedRegistry] = WatchedRegistry,
    checks: Sequence[Check] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a plan on the heap engine, and check it.

    Args:
        plan: What happens; `Plan.random` draws one.
        engine: Makes the nodes' engines, called as `crdtnode.protocol.Engine` is.
        registry: Makes their registries; a subclass of `WatchedRegistry`.
        checks: Instead of one of each kind; instances serve for one run.
        progress: Told the simulated seconds and the number of different roots, now and then.
    """
    return World(plan, engine=engine, registry=registry, checks=checks).run(progress)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What remains of one run of a sweep: small, and fit to travel between processes."""

    seed: int
    verdict: Verdict
    trace_hash: str
    converged_after_s: float | None
    explanation: str = ""
    """`Result.explain` where the verdict is not that everything holds."""

    @classmethod
    def of(cls, result: Result) -> Self:
        """The outcome of a run."""
        return cls(
            seed=result.plan.seed,
            verdict=result.verdict,
            trace_hash=result.trace_hash,
            converged_after_s=result.converged_after_s,
            explanation="" if result.holds else result.explain(),
        )


def run_seeds(recipe: Recipe, seeds: Sequence[int]) -> list[Outcome]:
    """Run the plan that each seed makes of a recipe, one after the other."""
    return [Outcome.of(run(Plan.drawn(seed, recipe))) for seed in seeds]


def sweep(
    seeds: Iterable[int],
    recipe: Recipe | None = None,
    *,
    executor: Executor | None = None,
    chunk: int = CHUNK,
) -> Iterator[Outcome]:
    """Run many seeds; outcomes come in the order of the seeds, as they are ready.

    Args:
        seeds: Which.
        recipe: What to draw a plan for; by default what `Plan.random` does by itself.
        executor: Where tasks of ``chunk`` seeds run: any `concurrent.futures.Executor`, such as a
            `ProcessPoolExecutor` or that of a dask client. By default they run here.
        chunk: Seeds per task.
    """
    recipe, wanted = recipe or Recipe(), list(seeds)
    tasks = [wanted[start : start + chunk] for start in range(0, len(wanted), chunk)]
    if executor is None:
        for seed in wanted:
            yield from run_seeds(recipe, [seed])
        return
    futures = [executor.submit(run_seeds, recipe, task) for task in tasks]
    try:
        for future in futures:
            yield from future.result()
    finally:
        for future in futures:
            future.cancel()
