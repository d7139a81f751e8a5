"""``crdtnode simulate``: run clusters on a simulated network, and say what held.

Rule of this file: it turns options into a plan and a result into text; what is simulated and
checked is `crdtnode.sim`'s business. It talks to no daemon.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
import json
import os
import secrets
import sys
from time import monotonic
from typing import Any, TypeVar

import click

from crdtnode.sim import PARTITIONS, Latency, Outcome, Plan, PlanError, Recipe, Result, run, sweep
from crdtnode.sim.draw import FAULTS, NO_FAULT
from crdtnode.sim.result import Verdict

EXAMPLES = """\b
Examples:
  crdtnode simulate --seed 7
  crdtnode simulate --nodes 20 --seed 7 --partition halves --loss 0.1 --for 60
  crdtnode simulate sweep --seeds 0:500
"""

ANY = "any"
"""The value that leaves a fault to the seed."""

_EXIT = {Verdict.HOLDS: 0, Verdict.VIOLATED: 1, Verdict.UNKNOWN: 2}
_Command = TypeVar("_Command", bound=Callable[..., Any])


class _OrAny(click.ParamType):  # type: ignore[type-arg] # older click has no argument here
    """A value, or the word that leaves it to the seed."""

    def __init__(self, name: str, read: Callable[[str], object]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read the text, or refuse it with the reader's words."""
        if value == ANY or not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share; write a number from 0 to 1, such as 0.1")
    return share


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no count; write a whole number, 0 or more")
    return int(text)


def _cut(text: str) -> str:
    if text not in PARTITIONS:
        raise ValueError(f"{text!r} is no partition; write one of {', '.join(PARTITIONS)}")
    return text


def _writes(text: str) -> tuple[float, bool]:
    """A count, or a rate per second: (number, whether it is a rate)."""
    number, slash, unit = text.partition("/")
    try:
        value = float(number) if slash else float(int(number))
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9 or (slash and unit != "s"):
        raise ValueError(f"{text!r} is no number of writes; write 50, or a rate such as 2.5/s")
    return value, bool(slash)


_OPTIONS = (
    click.option(
        "--nodes",
        metavar="N",
        type=click.IntRange(1),
        default=5,
        show_default=True,
        help="How many nodes.",
    ),
    click.option(
        "--for",
        "duration",
        metavar="SECONDS",
        type=click.FloatRange(0, min_open=True),
        default=20.0,
        show_default=True,
        help="Simulated seconds of writes and faults.",
    ),
    click.option(
        "--bound",
        metavar="SECONDS",
        type=click.FloatRange(0, min_open=True),
        default=15.0,
        show_default=True,
        help="Simulated seconds to converge in after that.",
    ),
    click.option(
        "--writes",
        metavar="N|N/s",
        type=_OrAny("writes", _writes),
        help="How many writes in all, or per second. Default: 2 to 3 per second.",
    ),
    click.option(
        "--type",
        "types",
        metavar="TAG",
        multiple=True,
        help="Write to objects of this type, such as orset@1; may be repeated. Default: a mix.",
    ),
    click.option(
        "--latency",
        metavar="TIME",
        type=_OrAny("latency", Latency.parse),
        help="One-way time of each packet: 5ms, 1-20ms, exp:10ms, or any.",
    ),
    click.option(
        "--loss",
        metavar="SHARE",
        type=_OrAny("loss", _share),
        help="Share of packets lost, 0 to 1, or any.",
    ),
    click.option(
        "--duplicate",
        metavar="SHARE",
        type=_OrAny("duplicate", _share),
        help="Share of datagrams that arrive twice, 0 to 1, or any.",
    ),
    click.option(
        "--partition",
        metavar="HOW",
        type=_OrAny("partition", _cut),
        help=f"Cut the network from a quarter of the time to the end of it: "
        f"{', '.join(PARTITIONS)}, or any.",
    ),
    click.option(
        "--crash",
        "crashes",
        metavar="N",
        type=_OrAny("crash", _count),
        help="Kill so many nodes, each to restart empty some seconds later, or any.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)


def _options(command: _Command) -> _Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _recipe(
    nodes: int,
    duration: float,
    bound: float,
    writes: tuple[float, bool] | str | None,
    types: tuple[str, ...],
    **faults: Any,
) -> Recipe:
    """What the options ask for; faults that nobody named are absent, or all left to the seed."""
    if any(value is not None for value in faults.values()):
        for name in FAULTS:
            if faults[name] is None:
                faults[name] = NO_FAULT[name]
            elif faults[name] == ANY:
                faults[name] = None
    count = None
    if isinstance(writes, tuple):
        count = round(writes[0] * duration) if writes[1] else int(writes[0])
    try:
        return Recipe(
            nodes=nodes,
            duration=duration,
            bound=bound,
            writes=count,
            types=types or None,
            **faults,
        )
    except PlanError as error:
        raise click.UsageError(str(error)) from error


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option(
    "--seed", metavar="N", type=int, help="Where all chance comes from. Default: a new one."
)
@_options
@click.pass_context
def simulate(context: click.Context, /, seed: int | None, as_json: bool, **asked: Any) -> None:
    """Run many nodes under a nasty network in no time.

    The nodes are real ones: the same protocol and types as in production, with time and network
    replaced. Writes and faults happen for the given time, then partitions end, crashed nodes are
    started again, and all nodes must come to hold the same, whatever is lost, late or doubled on
    the way. The same seed and options are always the same run.

    Without any option about faults (latency, loss, duplicate, partition, crash) the seed decides
    which there are; with one, there are only those that you name.

    Exit codes: 0 everything holds, 1 a promise is violated, 2 unknown, or wrong usage.
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    seed = secrets.randbelow(2**32) if seed is None else seed
    plan = _plan(seed, _recipe(**asked))
    began = monotonic()
    line = _LiveLine()
    result = run(plan, progress=lambda now, roots: line.show(_progress(plan, now, roots)))
    line.end()
    if as_json:
        document = {**result.to_json(), "wall_s": round(monotonic() - began, 3)}
        click.echo(json.dumps(document))
    else:
        click.echo(_report(result, monotonic() - began))
    context.exit(_EXIT[result.verdict])


def _refuse_options_before(context: click.Context, subcommand: str) -> None:
    """Options in front of a subcommand would be those of a single run: nobody would heed them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} belongs behind {subcommand!r}")


def _seed_range(text: str) -> range:
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds:
        raise ValueError(f"{text!r} is no range of seeds; write 0:500 for 0 to 499")
    return seeds


@simulate.command("sweep")
@click.option(
    "--seeds",
    metavar="FROM:TO",
    required=True,
    type=_OrAny("seeds", _seed_range),
    help="Which seeds; the last one is not run.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1),
    default=os.cpu_count(),
    show_default="one per processor",
    help="Processes to run them in.",
)
@_options
@click.pass_context
def sweep_command(
    context: click.Context, /, seeds: range, workers: int, as_json: bool, **asked: Any
) -> None:
    """Run one simulation for each seed, and show those that do not hold.

    Takes the same options as a single run. With --json one line per seed, then a summary.

    Exit codes: 0 all hold, 1 one is violated, 2 one is unknown, or wrong usage.
    """
    recipe = _recipe(**asked)
    _plan(seeds[0], recipe)
    line, counts = _LiveLine(), dict.fromkeys(Verdict, 0)
    with ProcessPoolExecutor(workers) as executor:
        chunk = max(1, min(50, len(seeds) // (workers * 4)))
        for outcome in sweep(seeds, recipe, executor=executor, chunk=chunk):
            counts[outcome.verdict] += 1
            _show_outcome(outcome, line, as_json=as_json)
            line.show(f"{sum(counts.values())} of {len(seeds)} seeds")
    line.end()
    verdict = next((v for v in (Verdict.VIOLATED, Verdict.UNKNOWN) if counts[v]), Verdict.HOLDS)
    summary = {"verdict": str(verdict), **{str(v): count for v, count in counts.items()}}
    click.echo(
        json.dumps(summary)
        if as_json
        else f"{verdict}: {counts[Verdict.HOLDS]} of {len(seeds)} seeds hold"
    )
    context.exit(_EXIT[verdict])


def _show_outcome(outcome: Outcome, line: "_LiveLine", *, as_json: bool) -> None:
    if as_json:
        fields = ("seed", "verdict", "trace_hash", "converged_after_s", "explanation")
        click.echo(json.dumps({name: getattr(outcome, name) for name in fields}))
    elif outcome.verdict is not Verdict.HOLDS:
        line.end()
        click.echo(outcome.explanation)


def _plan(seed: int, recipe: Recipe) -> Plan:
    try:
        return Plan.drawn(seed, recipe)
    except PlanError as error:
        raise click.UsageError(str(error)) from error


def _progress(plan: Plan, now: float, roots: int) -> str:
    different = "all equal" if roots == 1 else f"{roots} different roots"
    return f"{now:7.1f} of {plan.duration:g} s   {different}"


def _report(result: Result, wall_s: float) -> str:
    counts, after = result.counts, result.converged_after_s
    lines = [
        result.explain().rpartition("\n")[0],
        f"{result.simulated_s:.1f} s simulated in {wall_s:.1f} s: {counts['updates']:,} updates, "
        f"{counts['messages']:,} messages, {counts['bytes']:,} bytes",
    ]
    if after is not None:
        lines.append(f"converged {after:.3f} s after the heal")
    lines += [f"  {finding.verdict:<9} {finding.check}" for finding in result.findings]
    lines += [f"trace {result.trace_hash}", f"again with: {result.plan.replay()}"]
    return "\n".join(lines)


class _LiveLine:
    """One line on standard error that is written over; silent where that is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._width = 0

    def show(self, text: str) -> None:
        """Show a text, at most ten times a second."""
        if self._live and monotonic() >= self._next:
            self._next = monotonic() + 0.1
            click.echo(f"\r{text:<{self._width}}", nl=False, err=True)
            self._width = len(text)

    def end(self) -> None:
        """Wipe the line."""
        if self._width:
            click.echo(f"\r{' ' * self._width}\r", nl=False, err=True)
            self._width, self._next = 0, 0.0
