"""``crdtnode simulate replay`` and ``shrink``: what to do with a failure file.

Rule of this file: a failure file comes in, and what is shown was run here and now.
"""

from importlib.metadata import version
import json
from pathlib import Path
import shlex

import click

from crdtnode.cli.live import LiveLine
from crdtnode.cli.simulate_options import EXIT, make_room
from crdtnode.cli.simulate_run import Shown, report_options
from crdtnode.sim import Plan, PlanError, Result
from crdtnode.sim.failures import Failure
from crdtnode.sim.shrinking import shrink

_SHOWN_MOST = 40
"""Events of a plan that are listed; of a longer one the first so many."""

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("replay")
@click.argument("file", metavar="FILE", type=_FILE)
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def replay(
    context: click.Context,
    /,
    file: Path,
    report: Path | None,
    plot: str | None,
    events: Path | None,
    as_json: bool,
) -> None:
    """Run the plan of a failure file again, and show what it does.

    FILE comes from 'simulate sweep --save', 'simulate --save' or 'simulate shrink'. On the code
    that made it, it is the same run to the last bit; the same trace hash says so.

    Exit codes: 0 everything holds, 1 a promise is violated, 2 unknown, or wrong usage, 130 stopped
    by Ctrl-C.
    """
    failure = _read(file)
    command = f"crdtnode simulate replay {shlex.quote(str(file))}"
    show = Shown(
        as_json=as_json, save=None, planted=failure.planted, report=report, plot=plot, events=events
    )
    result, chronicle = show.watch(failure.plan)
    if as_json:
        same = result.trace_hash == failure.trace_hash
        document = {**result.to_json(), "same_trace": same, "planted": failure.planted}
        document["replay"] = command
        click.echo(json.dumps(document))
    else:
        click.echo(_listed(failure.plan, failure.planted))
        click.echo(_shown(result))
        click.echo(_compared(failure, result))
    show.keep(result, chronicle, command)
    context.exit(EXIT[result.verdict])


@click.command("shrink")
@click.argument("file", metavar="FILE", type=_FILE)
@click.option(
    "--out",
    metavar="FILE",
    type=_FILE,
    help="Where to write what remains. Default: beside it, as NAME.shrunk.json.",
)
@click.option(
    "--runs",
    metavar="N",
    type=click.IntRange(1),
    default=3000,
    show_default=True,
    help="How many plans to try at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def shrink_command(
    context: click.Context, /, file: Path, out: Path | None, runs: int, as_json: bool
) -> None:
    """Cut a failing plan down to the few events that it takes.

    Writes, faults, nodes and troubles of the network are left out as long as the same check is
    violated. What remains is written to a failure file of its own, also where Ctrl-C ends the search.

    Exit codes: 1 what remains is violated, 2 the plan is not violated here, or wrong usage,
    130 stopped by Ctrl-C.
    """
    failure = _read(file)
    out = out or file.with_suffix(".shrunk.json")
    make_room(out.parent)
    line, found = LiveLine(), [failure]
    try:
        shrunk = shrink(
            failure,
            runs=runs,
            progress=lambda left, tried: line.show(f"{left} events left, {tried} runs"),
            better=found.append,
        )
    except KeyboardInterrupt:
        line.end()
        found[-1].write(out)
        click.echo(f"stopped at {len(found[-1].plan.events)} events; saved {out}", err=True)
        raise
    except PlanError as error:
        raise click.UsageError(str(error)) from error
    finally:
        line.end()
    small = shrunk.failure
    small.write(out)
    before, after = failure.plan.events, small.plan.events
    if as_json:
        sizes = {"events_before": len(before), "events": len(after), "nodes": len(small.plan.nodes)}
        document = {"violated": small.violated, **sizes, "runs": shrunk.runs, "file": str(out)}
        click.echo(json.dumps(document))
    else:
        click.echo(
            f"from {len(before)} events on {len(failure.plan.nodes)} nodes "
            f"to {len(after)} on {len(small.plan.nodes)}, in {shrunk.runs} runs"
        )
        click.echo(_listed(small.plan, small.planted))
        click.echo(small.explanation)
        click.echo(f"saved {out}")
        click.echo(f"again with: crdtnode simulate replay {out}")
    context.exit(1)


def _read(file: Path) -> Failure:
    try:
        return Failure.read(file)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except PlanError as error:
        raise click.UsageError(str(error)) from error


def _listed(plan: Plan, planted: str | None) -> str:
    """A plan as lines: who, under which conditions, and what happens in its order."""
    events = [str(event) for event in plan.events]
    lines = [f"nodes {' '.join(plan.nodes)}; {plan.network}"]
    if planted:
        lines.append(f"planted bug {planted}")
    lines += [f"  {event}" for event in events[:_SHOWN_MOST]]
    if len(events) > _SHOWN_MOST:
        lines.append(f"  and {len(events) - _SHOWN_MOST} more events")
    return "\n".join(lines)


def _shown(result: Result) -> str:
    return result.explain().rpartition("\n")[0]


def _compared(failure: Failure, result: Result) -> str:
    if not failure.trace_hash:
        return f"trace {result.trace_hash}"
    if result.trace_hash == failure.trace_hash:
        return f"trace {result.trace_hash}: the very run that was saved"
    made_by, ours = failure.made_by or "an unknown version", version("crdtnode")
    why = "the plan or the code was changed" if made_by == ours else f"this is {ours}"
    return (
        f"trace {result.trace_hash}: not the run that was saved ({failure.trace_hash}, by "
        f"crdtnode {made_by}; {why})"
    )
