"""One run of one plan, as people see it: a live line, then what held.

Rule of this file: whoever has a plan, from options or from a file, comes here to have it run.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import click

from crdtnode.cli.live import LiveLine
from crdtnode.cli.simulate_options import EXIT, make_room
from crdtnode.errors import NotSupported
from crdtnode.sim import Plan, PlanError, Result, run
from crdtnode.sim.failures import Failure
from crdtnode.sim.real import CannotRun
from crdtnode.sim.report import Figures, observe, write_report
from crdtnode.sim.report.events import events_of
from crdtnode.sim.report.png import write_png
from crdtnode.sim.report.term import drawn
from crdtnode.sim.report.timeline import timeline
from crdtnode.sim.runs import ENGINES, On
from crdtnode.sim.samples import Watched
from crdtnode.sim.sweeping import again, settings_with

PNG = "simulation.png"
"""Name of the image that ``--plot png`` draws."""

Command = TypeVar("Command", bound=Callable[..., Any])


save_option = click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a failure file where something is violated.",
)


on_option = click.option(
    "--on",
    type=click.Choice(ENGINES),
    default="heap",
    show_default=True,
    help="What runs the nodes: heap, their engines alone, fast; trio, whole nodes, the very same "
    "run; real, a process each in a network namespace, in real time (Linux, root).",
)


def report_options(command: Command) -> Command:
    """Give a command the options that say how its run is shown."""
    options = (
        click.option(
            "--report",
            metavar="FOLDER",
            type=click.Path(file_okay=False, path_type=Path),
            help="Write report.html, one page that shows it all, report.json and history.jsonl.",
        ),
        click.option(
            "--plot",
            type=click.Choice(["term", "png"]),
            help=f"Draw the run here with characters, or as {PNG} in the folder of the report "
            "(else here).",
        ),
        click.option(
            "--events",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write every event, a JSON line each: messages that arrive, with what they say, "
            "starts, crashes, writes, faults.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a run is shown, and what is kept of it."""

    as_json: bool
    save: Path | None
    """Where a failure file goes, if there is a failure."""
    planted: str | None
    """Name of a planted bug to run with."""
    report: Path | None = None
    """The folder of a report."""
    plot: str | None = None
    """``png`` or ``term``."""
    on: On = "heap"
    """What runs the nodes."""
    events: Path | None = None
    """Where all events go."""

    def __post_init__(self) -> None:
        for option, given in (("--plant", self.planted), ("--events", self.events)):
            if self.on == "real" and given:
                raise click.UsageError(
                    f"{option} goes with the simulated engines, not with --on real"
                )

    def run(self, plan: Plan, command: str) -> int:
        """Run a plan and show it; the exit code.

        Args:
            plan: What happens.
            command: What to type to run it again.
        """
        began = monotonic()
        try:
            result, watched = self.watch(plan)
        except (CannotRun, PlanError) as error:
            raise click.UsageError(str(error)) from error
        if self.on != "heap":
            command = f"{command} --on {self.on}"
        wall_s, command = monotonic() - began, again(command, self.planted)
        if self.save and result.violated:
            Failure.of(result, self.planted).write(self.save)
        if self.as_json:
            document = {**result.to_json(), "wall_s": round(wall_s, 3), "replay": command}
            click.echo(json.dumps(document))
        else:
            click.echo(_report(result, wall_s))
            click.echo(f"again with: {command}")
        self.keep(result, watched, command)
        return EXIT[result.verdict]

    def watch(self, plan: Plan) -> tuple[Result, Watched | None]:
        """Run a plan with a live line; watched where something is to be drawn."""
        line, settings = LiveLine(), settings_with(self.planted)
        make_room(self.report, self.save and self.save.parent, self.events and self.events.parent)

        def progress(now: float, roots: int) -> None:
            line.show(_progress(plan, now, roots))

        try:
            if self.report or self.plot:
                return observe(plan, progress=progress, on=self.on, **settings)
            return run(plan, progress=progress, on=self.on, **settings), None
        finally:
            line.end()

    def keep(self, result: Result, watched: Watched | None, command: str) -> None:
        """Write and draw what is wanted."""
        if self.events:
            lines = map(json.dumps, events_of(result.plan, **settings_with(self.planted)))
            self.events.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            click.echo(f"wrote {self.events}", err=self.as_json)
        if watched is None:
            return
        figures = Figures.of(result, watched)
        self.picture(figures)
        if self.report:
            write_report(figures, watched, self.report, command)
            click.echo(f"wrote {self.report / 'report.html'}", err=self.as_json)

    def picture(self, figures: Figures) -> None:
        """Draw what is to be drawn; on standard error where the output is JSON."""
        if self.plot == "term":
            click.echo(drawn(figures), err=self.as_json)
        if self.plot == "png":
            file = (self.report or Path()) / PNG
            try:
                write_png(timeline(figures, key=True), file)
            except NotSupported as error:
                raise click.UsageError(str(error)) from error
            click.echo(f"drew {file}", err=self.as_json)


_COUNTED = ("updates", "messages", "bytes")
"""What a report tells of the counts of a run; real hosts count less."""


def _progress(plan: Plan, now: float, roots: int) -> str:
    different = "all equal" if roots == 1 else f"{roots} different roots"
    return f"{now:7.1f} of {plan.duration:g} s   {different}"


def _report(result: Result, wall_s: float) -> str:
    counts, after = result.counts, result.converged_after_s
    lines = [
        result.explain().rpartition("\n")[0],
        f"{result.simulated_s:.1f} s simulated in {wall_s:.1f} s: "
        + ", ".join(f"{counts[what]:,} {what}" for what in _COUNTED if what in counts),
    ]
    if result.refused:
        many = len(result.refused)
        count = (
            "1 write was refused by its" if many == 1 else f"{many} writes were refused by their"
        )
        lines.append(f"{count} type; first {result.refused[0]}")
    if after is not None:
        lines.append(f"converged {after:.3f} s after the heal")
    lines += [f"  {finding.verdict:<9} {finding.check}" for finding in result.findings]
    return "\n".join([*lines, f"trace {result.trace_hash}"])
