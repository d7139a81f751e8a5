"""Many seeds, on many processes or machines.

Rule of this file: a seed's outcome does not depend on where or beside what it runs, nor on who died
meanwhile: a sweep over any executor is the serial sweep.

*Theory of operation.* The seeds are cut into tasks, and an executor runs them in any order. A task
whose worker died, or that raised, runs again seed by seed, so that the one that kills workers shows:
after `TRIES` times its verdict is unknown. A broken `ProcessPoolExecutor` loses all its tasks and
takes no more; a new one is made where that is possible, and what was lost runs again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field, replace
import traceback
from typing import Any, Self

from crdtnode.sim.draw import Recipe
from crdtnode.sim.plan import Plan
from crdtnode.sim.planfile import parse_plan
from crdtnode.sim.report.watching import observe
from crdtnode.sim.result import Result, Verdict
from crdtnode.sim.runs import run

CHUNK = 50
"""Seeds that one task of a sweep runs."""

CHUNK_LEAST, CHUNK_MOST = 10, 200

TRIES = 3
"""How often a seed is run whose worker dies."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What remains of one run of a sweep: small, and fit to travel between processes."""

    seed: int
    verdict: Verdict
    trace_hash: str
    converged_after_s: float | None
    explanation: str = ""
    """`Result.explain` where the verdict is not that everything holds."""
    violated: tuple[str, ...] = ()
    """Names of the checks that were violated."""
    heals: tuple[tuple[float, float | None], ...] = ()
    """Of a sweep that watches, when each heal was, and the seconds until all were equal; None where
    they were not before the next fault or the end."""
    tries: int = field(default=1, compare=False)
    """How often it was run: more than once where a worker died. Not part of what was found."""

    @classmethod
    def of(cls, result: Result, heals: Iterable[tuple[float, float | None]] = ()) -> Self:
        """The outcome of a run."""
        return cls(
            seed=result.plan.seed,
            verdict=result.verdict,
            trace_hash=result.trace_hash,
            converged_after_s=result.converged_after_s,
            explanation="" if result.holds else result.explain(),
            violated=result.violated,
            heals=tuple(heals),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a sweep does with each of its seeds."""

    source: Recipe | str = field(default_factory=Recipe)
    """What to draw plans for, or the TOML text of a plan."""
    planted: str | None = None
    """Name of a planted bug to run with."""
    watch: bool = False
    """Whether to note what came after each heal."""

    def plan(self, seed: int) -> Plan:
        """The plan that a seed makes.

        Raises:
            PlanError: It cannot be one.
        """
        recipe = recipe_with(self.planted, self.source) if isinstance(self.source, Recipe) else None
        return Plan.drawn(seed, recipe) if recipe else parse_plan(str(self.source), seed)

    def run(self, seed: int) -> Outcome:
        """Run a seed."""
        plan, settings = self.plan(seed), settings_with(self.planted)
        if not self.watch:
            outcome = Outcome.of(run(plan, **settings))
        else:
            result, chronicle = observe(plan, **settings)
            outcome = Outcome.of(result, ((h.at, h.after_s) for h in chronicle.healings))
        return replace(outcome, explanation=again(outcome.explanation, self.planted))


def run_seeds(job: Job, seeds: Sequence[int]) -> list[Outcome]:
    """Run seeds, one after the other."""
    return [job.run(seed) for seed in seeds]


def again(text: str, planted: str | None) -> str:
    """A text that ends with the command for a run, for a run with a planted bug."""
    return f"{text} --plant {planted}" if text and planted else text


def recipe_with(planted: str | None, recipe: Recipe) -> Recipe:
    """What to draw plans for where a planted bug shall show: its types, and what helps it.

    Raises:
        PlanError: There is no such bug.
    """
    if planted is None:
        return recipe
    from crdtnode.sim.planted import bug  # here, since it registers its types

    return bug(planted).within(recipe)


def settings_with(planted: str | None) -> dict[str, Any]:
    """Arguments of `run` that plant a bug; none without a name.

    Raises:
        PlanError: There is no such bug.
    """
    if planted is None:
        return {}
    from crdtnode.sim.planted import bug  # here, since it registers its types

    return bug(planted).settings


def chunk_for(seeds: int, workers: int) -> int:
    """Seeds for each task: few enough to keep all workers busy, and to show that it goes on."""
    return max(1, min(CHUNK_MOST, max(CHUNK_LEAST, seeds // (workers * 64)), seeds // workers))


def sweep(
    seeds: Iterable[int],
    recipe: Recipe | None = None,
    *,
    executor: Executor | Callable[[], Executor] | None = None,
    chunk: int = CHUNK,
    job: Job | None = None,
) -> Iterator[Outcome]:
    """Run many seeds; outcomes come in the order of the seeds, as they are ready.

    Args:
        seeds: Which.
        recipe: What to draw a plan for; by default what `Plan.random` does by itself.
        executor: Where tasks of ``chunk`` seeds run: any `concurrent.futures.Executor`, such as a
            `ProcessPoolExecutor` or that of a dask client; or what makes one, so that there is a
            new one when it breaks. By default they run here. One that is made here is shut down
            here.
        chunk: Seeds per task.
        job: More that can be asked for, instead of a recipe.

    An outcome whose worker died has been run again: its ``tries`` are more than 1. Without a way
    to make a new executor, what a broken one leaves over is unknown. (A dask scheduler runs lost
    tasks again by itself, unseen.)
    """
    job, wanted = job or Job(source=recipe or Recipe()), list(seeds)
    if executor is None:
        for seed in wanted:
            yield job.run(seed)
        return
    crew, done = _Crew(executor, job), False
    try:
        yield from crew.outcomes(
            [wanted[start : start + chunk] for start in range(0, len(wanted), chunk)]
        )
        done = True
    finally:
        crew.dismiss(wait=done)


class _Crew:
    """An executor that is replaced when it breaks, and the tasks that it was given."""

    def __init__(self, executor: Executor | Callable[[], Executor], job: Job) -> None:
        self._make = None if isinstance(executor, Executor) else executor
        self._executor = executor if isinstance(executor, Executor) else executor()
        self._job = job
        self._futures: list[_Found] = []

    def outcomes(self, tasks: Sequence[Sequence[int]]) -> Iterator[Outcome]:
        """What all tasks found, in their order."""
        self._futures = futures = [self._submit(task) for task in tasks]
        tries = [1] * len(tasks)
        for number, task in enumerate(tasks):
            found = _result(futures[number])
            if not isinstance(found, BaseException):
                yield from (replace(outcome, tries=tries[number]) for outcome in found)
                continue
            broke = self._renew_if_broken()
            for seed in task:
                yield self._alone(seed, tries[number], found)
            for later in range(number + 1, len(tasks)) if broke else ():
                if _lost(futures[later]):
                    futures[later] = self._submit(tasks[later])
                    tries[later] += 1

    def _submit(self, seeds: Sequence[int]) -> "_Found":
        try:
            return self._executor.submit(run_seeds, self._job, seeds)
        except RuntimeError as error:  # broken, or shut down
            return error

    def _renew_if_broken(self) -> bool:
        """Make a new executor if this one takes nothing any more."""
        if self._make is None or not isinstance(self._submit([]), Exception):
            return False
        self._executor.shutdown(wait=False)
        self._executor = self._make()
        return True

    def _alone(self, seed: int, tries: int, error: BaseException) -> Outcome:
        """Run one seed by itself, since the task that it was in found nothing."""
        for _ in range(TRIES - 1):
            tries += 1
            found = _result(self._submit([seed]))
            if not isinstance(found, BaseException):
                return replace(found[0], tries=tries)
            error = found
            self._renew_if_broken()
        trail = "".join(traceback.format_exception(error)).rstrip()
        return Outcome(
            seed=seed,
            verdict=Verdict.UNKNOWN,
            trace_hash="",
            converged_after_s=None,
            explanation=f"unknown: seed {seed} came to no end in {tries} tries; at last:\n{trail}",
            tries=tries,
        )

    def dismiss(self, *, wait: bool) -> None:
        """Cancel what nobody waits for any more; end an executor that was made here.

        Args:
            wait: Whether to wait for its workers; whoever was interrupted does not.
        """
        if (
            self._make is not None
        ):  # a pool whose workers die trips over futures cancelled by others
            self._executor.shutdown(wait=wait, cancel_futures=True)
            return
        for future in self._futures:
            if isinstance(future, Future):
                future.cancel()


_Found = Future[list[Outcome]] | Exception
"""The future of a task, or what kept the executor from taking it."""


def _result(future: _Found) -> list[Outcome] | BaseException:
    if isinstance(future, Exception):
        return future
    try:
        return future.result()
    except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever an executor dies of
        return error


def _lost(future: _Found) -> bool:
    return isinstance(future, Exception) or (
        future.done() and isinstance(_result(future), BaseException)
    )
