"""``crdtnode simulate sweep``: one simulation for each of many seeds.

Rule of this file: where the seeds run is its business; what they find is the same everywhere.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
import json
import os
from pathlib import Path
from time import monotonic
from typing import Any, Final

import click

from crdtnode.cli.live import LiveLine, bar
from crdtnode.cli.pools import workers_end_with_us
from crdtnode.cli.simulate_options import EXIT, Read, make_room, plan_options, recipe_of
from crdtnode.sim import Outcome, PlanError, Verdict, sweep
from crdtnode.sim.failures import Failure
from crdtnode.sim.planfile import text_of
from crdtnode.sim.report import Figures, Seeds, observe, write_report
from crdtnode.sim.sweeping import Job, again, chunk_for, settings_with

_DASK_TIMEOUT: Final = 10
"""Seconds in which a dask scheduler must answer."""

_SAVED_MOST: Final = 10

_SHOWN: Final = ("seed", "verdict", "trace_hash", "converged_after_s", "explanation", "tries")


def _seed_range(text: str) -> range:
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds:
        raise ValueError(f"{text!r} is no range of seeds; write 0:500 for 0 to 499")
    return seeds


@click.command("sweep")
@click.option(
    "--seeds",
    metavar="FROM:TO",
    required=True,
    type=Read("seeds", _seed_range),
    help="Which seeds; the last one is not run.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1),
    help="Processes to run them in. Default: one per processor.",
)
@click.option(
    "--dask",
    "scheduler",
    metavar="ADDRESS",
    help="Run them on the workers of this dask scheduler, such as tcp://10.0.0.1:8786, instead.",
)
@click.option(
    "--save",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Write a failure file, seed-N.json, for each of the first {_SAVED_MOST} seeds that are "
    "violated: for 'simulate replay' and 'simulate shrink'.",
)
@click.option(
    "--plan",
    "file",
    metavar="PLAN.toml",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Run this plan under each seed, instead of plans drawn from options.",
)
@click.option(
    "--report",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a report: convergence after heals over all seeds, and the first seed that does "
    "not hold, or else the first, in detail.",
)
@plan_options
@click.pass_context
def sweep_command(
    context: click.Context,
    /,
    seeds: range,
    workers: int | None,
    scheduler: str | None,
    save: Path | None,
    file: Path | None,
    report: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Run one simulation for each seed, and show those that do not hold.

    Takes the same options as a single run. With --json one line per seed, then a summary. The
    seeds of a worker that dies run again, and the summary says so.

    Exit codes: 0 all hold, 1 one is violated, 2 one is unknown, or wrong usage, 130 stopped by
    Ctrl-C.
    """
    if workers and scheduler:
        raise click.UsageError("--workers and --dask exclude each other")
    make_room(save, report)
    job = _job(file, watch=report is not None, asked=asked)
    tally = _Tally(len(seeds), as_json=as_json)
    with (
        _crew(workers or os.cpu_count() or 1, scheduler) as crew,
        tally.told_when_interrupted(),
        workers_end_with_us(),
    ):
        chunk = chunk_for(len(seeds), crew.hands)
        for outcome in sweep(seeds, executor=crew.executor, chunk=chunk, job=job):
            tally.add(outcome)
            if save and outcome.violated and len(tally.saved) < _SAVED_MOST:
                failure = Failure.of_outcome(outcome, job.plan(outcome.seed), job.planted)
                tally.save(failure, save / f"seed-{outcome.seed}.json")
        tally.workers_lost = crew.lost()
    code = tally.end()
    if report:
        _report(report, job, tally)
    context.exit(code)


def _job(file: Path | None, *, watch: bool, asked: dict[str, Any]) -> Job:
    """What to do with each seed, or wrong usage."""
    recipe = recipe_of(**asked)
    try:
        source = recipe if file is None else text_of(file)
        job = Job(source=source, planted=asked["planted"], watch=watch)
        job.plan(0)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except PlanError as error:
        raise click.UsageError(f"{file}, {error}" if file else str(error)) from error
    return job


def _report(folder: Path, job: Job, tally: "_Tally") -> None:
    """Write the report of a sweep; its detailed part is one more run."""
    seed = tally.worst.seed
    result, chronicle = observe(job.plan(seed), **settings_with(job.planted))
    seeds = Seeds(
        seeds=tally.seeds,
        verdicts={str(verdict): count for verdict, count in tally.counts.items()},
        converged=tuple(after for after in tally.heals if after is not None),
        never=tally.heals.count(None),
    )
    command = again(result.plan.replay(), job.planted)
    write_report(Figures.of(result, chronicle, seeds), chronicle, folder, command)
    click.echo(f"wrote {folder / 'report.html'}", err=True)


@dataclass(frozen=True, slots=True)
class _Crew:
    """Where seeds run."""

    executor: Executor | Callable[[], Executor]
    hands: int
    """How many at once."""
    lost: Callable[[], int] = lambda: 0
    """How many workers went away without the executor's saying so."""


@contextmanager
def _crew(workers: int, scheduler: str | None) -> Iterator[_Crew]:
    """Processes of this machine, or the workers of a dask scheduler."""
    if scheduler is None:
        yield _Crew(partial(ProcessPoolExecutor, workers), workers)
        return
    try:
        dask: Any = import_module("distributed")
    except ImportError:
        raise click.UsageError(
            "--dask needs the package 'distributed': pip install 'crdtnode[dask]'"
        ) from None
    try:
        client = dask.Client(scheduler, timeout=_DASK_TIMEOUT)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"no dask scheduler answers at {scheduler}: {error}") from error
    with client:
        before = client.nthreads()
        hands = max(1, sum(before.values()))
        yield _Crew(client.get_executor(), hands, lambda: len(set(before) - set(client.nthreads())))


class _Tally:
    """Counts outcomes, and shows those that do not hold."""

    def __init__(self, seeds: int, *, as_json: bool) -> None:
        self.seeds = seeds
        self._as_json = as_json
        self.counts = dict.fromkeys(Verdict, 0)
        self._again: list[int] = []
        self.workers_lost = 0
        self.saved: list[Path] = []
        self.heals: list[float | None] = []
        self.worst: Outcome
        """The first one that does not hold, else the first."""
        self._line = LiveLine()
        self._began = monotonic()

    def add(self, outcome: Outcome) -> None:
        """Count one, and show it where it is to be shown."""
        self.counts[outcome.verdict] += 1
        self.heals += [after for _, after in outcome.heals]
        done = sum(self.counts.values())
        if done == 1 or (
            outcome.verdict is not Verdict.HOLDS and self.counts[Verdict.HOLDS] == done - 1
        ):
            self.worst = outcome
        if outcome.tries > 1:
            self._again.append(outcome.seed)
        if self._as_json:
            click.echo(json.dumps({name: getattr(outcome, name) for name in _SHOWN}))
        elif outcome.verdict is not Verdict.HOLDS:
            self._line.end()
            click.echo(outcome.explanation)
        self._line.show(self._progress())

    def save(self, failure: Failure, path: Path) -> None:
        """Write a failure file."""
        failure.write(path)
        self.saved.append(path)

    def _progress(self) -> str:
        done, hold = sum(self.counts.values()), self.counts[Verdict.HOLDS]
        bad = f", {done - hold} do not hold" if done > hold else ""
        said = f"{bar(done, self.seeds)} {done:,} of {self.seeds:,} seeds{bad}"
        if not done:
            return said
        return f"{said}, {(monotonic() - self._began) / done * (self.seeds - done):.0f} s left"

    @contextmanager
    def told_when_interrupted(self) -> Iterator[None]:
        """Show from the start that something happens, and how far it came where Ctrl-C comes."""
        self._line.show(self._progress())
        try:
            yield
        except KeyboardInterrupt:
            self._line.end()
            done, hold = sum(self.counts.values()), self.counts[Verdict.HOLDS]
            click.echo(f"stopped after {done:,} of {self.seeds:,} seeds; {hold:,} hold", err=True)
            raise

    def end(self) -> int:
        """Show the summary; the exit code."""
        self._line.end()
        bad = (v for v in (Verdict.VIOLATED, Verdict.UNKNOWN) if self.counts[v])
        verdict = next(bad, Verdict.HOLDS)
        if self._as_json:
            counts = {str(v): count for v, count in self.counts.items()}
            more = {
                "run_again": len(self._again),
                "workers_lost": self.workers_lost,
                "saved": list(map(str, self.saved)),
            }
            click.echo(json.dumps({"verdict": verdict, **counts, **more}))
            return EXIT[verdict]
        click.echo(f"{verdict}: {self.counts[Verdict.HOLDS]} of {self.seeds} seeds hold")
        if self._again:
            few = ", ".join(map(str, self._again[:10])) + ", ..." * (len(self._again) > 10)
            click.echo(f"{len(self._again)} seeds ran again, since a worker died: {few}")
        if self.workers_lost:
            click.echo(
                f"workers that went away: {self.workers_lost}; what they had begun ran again"
            )
        if self.saved:
            click.echo(f"saved {', '.join(map(str, self.saved))}")
            click.echo(f"shrink with: crdtnode simulate shrink {self.saved[0]}")
        return EXIT[verdict]
