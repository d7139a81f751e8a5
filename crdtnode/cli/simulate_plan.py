"""``crdtnode simulate PLAN.toml``: run a plan that somebody wrote.

Rule of this file: the plan says everything; options only say what to do with the run.
"""

from pathlib import Path
import shlex
from textwrap import dedent

import click

from crdtnode.cli.simulate_run import Shown, on_option, report_options, save_option
from crdtnode.sim import PlanError, planfile
from crdtnode.sim.runs import On
from crdtnode.sim.vocabulary import vocabulary

_FORM = dedent((planfile.__doc__ or "").partition("::\n\n")[2]).replace("\n\n", "\n\n\b\n")

_WORDS = "\n".join(vocabulary()).replace("\n\n", "\n\n\b\n")

_STDIN = Path("/dev/stdin")

_EPILOG = f"\b\n{_FORM}\n\n\b\nAll words:\n\n\b\n{_WORDS}"


def _file_or_stdin(context: click.Context, option: click.Parameter, file: Path) -> Path:
    return _STDIN if str(file) == "-" else file


@click.command("plan", hidden=True, epilog=_EPILOG)
@click.argument(
    "file",
    metavar="PLAN.toml",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    callback=_file_or_stdin,
)
@click.option("--seed", metavar="N", type=int, help="Instead of the seed in the plan.")
@on_option
@save_option
@report_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def plan_command(
    context: click.Context,
    /,
    file: Path,
    seed: int | None,
    on: On,
    save: Path | None,
    report: Path | None,
    plot: str | None,
    events: Path | None,
    as_json: bool,
) -> None:
    """Run a plan from a file, TOML or JSON, or as TOML from standard input (-).

    What is wrong with it is named by its line; an unknown word by the nearest one that there is.
    Below are an example, and all words that a plan may hold.

    Exit codes: 0 everything holds, 1 a promise is violated, 2 unknown, or wrong usage, 130 stopped
    by Ctrl-C.
    """
    try:
        plan = planfile.read_plan(file, seed)
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from error
    except PlanError as error:
        raise click.UsageError(str(error)) from error
    chosen = "" if seed is None else f" --seed {seed}"
    command = f"crdtnode simulate {shlex.quote(str(file))}{chosen}"
    show = Shown(
        as_json=as_json, save=save, planted=None, report=report, plot=plot, events=events, on=on
    )
    context.exit(show.run(plan, command))
