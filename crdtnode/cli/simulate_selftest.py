"""``crdtnode simulate selftest``: what the checks of the simulator see.

Rule of this file: it shows a table; `crdtnode.sim.selftest` does the work.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
import json
import os

import click

from crdtnode.cli.live import LiveLine, bar
from crdtnode.cli.pools import workers_end_with_us


@click.command("selftest")
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Seeds within which each planted bug must be caught, and that must hold without one.",
)
@click.option("--list", "only_list", is_flag=True, help="Name the planted bugs, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def selftest(context: click.Context, /, seeds: int, only_list: bool, as_json: bool) -> None:
    """Show that the checks see something, and raise no false alarm.

    Bugs are planted one by one, each a mistake that somebody has made, or nearly; for each the
    first seed is shown that a check meant for it catches. Then the correct code runs under as many
    seeds, and must hold.

    Exit codes: 0 all is caught and no alarm is false, 1 otherwise, 2 wrong usage, 130 stopped by
    Ctrl-C.
    """
    from crdtnode.sim.planted import MUTANTS  # here, since it registers its types

    if only_list:
        table = {mutant.name: mutant.does for mutant in MUTANTS}
        click.echo(json.dumps(table) if as_json else _columns(list(table.items())))
        return
    context.exit(_run(seeds, len(MUTANTS), as_json=as_json))


def _run(seeds: int, bugs: int, *, as_json: bool) -> int:
    from crdtnode.sim.selftest import alarm, hunt_all, same_on_both

    line, trials = LiveLine(), []
    with ProcessPoolExecutor(os.cpu_count()) as executor, workers_end_with_us():
        for trial in hunt_all(executor, seeds):
            trials.append(trial)
            line.show(f"{bar(len(trials), bugs)} {len(trials)} of {bugs} planted bugs")
        alarms = []
        for seed, text in enumerate(executor.map(alarm, range(seeds))):
            alarms += [text] if text else []
            line.show(f"{bar(seed + 1, seeds)} {seed + 1} of {seeds} seeds without a bug")
        same = all(executor.map(same_on_both, range(min(seeds, 4))))
    line.end()
    missed = [trial.name for trial in trials if trial.seed is None]
    good = same and not missed and not alarms
    if as_json:
        found = {"bugs": [asdict(trial) for trial in trials], "false_alarms": alarms}
        click.echo(json.dumps({"holds": good, **found, "same_run_on_both_engines": same}))
        return 0 if good else 1
    rows = [
        (t.name, "MISSED" if t.seed is None else f"seed {t.seed}", t.check, t.does) for t in trials
    ]
    click.echo(_columns(rows))
    click.echo(f"{bugs - len(missed)} of {bugs} planted bugs are caught within {seeds} seeds")
    click.echo(f"{len(alarms)} of {seeds} seeds without a bug raise an alarm")
    click.echo(
        "a seed is the same run on both engines"
        if same
        else "a seed is NOT the same run on both engines"
    )
    for text in alarms[:3]:
        click.echo(text)
    return 0 if good else 1


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
