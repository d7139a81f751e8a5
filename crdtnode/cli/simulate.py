"""``crdtnode simulate``: run clusters on a simulated network, and say what held.

Rule of this file: it turns options into a plan and a result into text; what is simulated and
checked is `crdtnode.sim`'s business. It talks to no daemon.
"""

import logging
from pathlib import Path
import secrets
from typing import Any

import click

from crdtnode.cli.simulate_failures import replay, shrink_command
from crdtnode.cli.simulate_options import drawn, plan_options, recipe_of
from crdtnode.cli.simulate_plan import plan_command
from crdtnode.cli.simulate_run import Shown, on_option, report_options, save_option
from crdtnode.cli.simulate_selftest import selftest
from crdtnode.cli.simulate_sweep import sweep_command
from crdtnode.sim.document import nearest
from crdtnode.sim.runs import On

EXAMPLES = """\b
Examples:
  crdtnode simulate --seed 7
  crdtnode simulate --nodes 20 --seed 7 --partition halves --loss 0.1 --for 60
  crdtnode simulate --nodes 9 --partition halves --report report --plot term
  crdtnode simulate sweep --seeds 0:500 --save failures
  crdtnode simulate shrink failures/seed-7.json
  crdtnode simulate replay failures/seed-7.shrunk.json
"""


class _PlanOrCommand(click.Group):
    """A group that takes the name of a plan file for the command that runs it."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a file that cannot be read or written is wrong usage, no violation."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except OSError as error:
            about = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise click.UsageError(about) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a word that looks like a file is the argument of ``plan``."""
        word = args[0]
        if word not in self.commands and (
            word == "-" or Path(word).suffix or "/" in word or Path(word).exists()
        ):
            return plan_command.name, plan_command, args
        if word not in self.commands:
            shown = [name for name, command in self.commands.items() if not command.hidden]
            ctx.fail(f"there is no command {word!r}{nearest(word, shown)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_PlanOrCommand,
    invoke_without_command=True,
    epilog=EXAMPLES,
    subcommand_metavar="[PLAN.toml | COMMAND [ARGS]...]",
)
@click.option(
    "--seed", metavar="N", type=int, help="Where all chance comes from. Default: a new one."
)
@on_option
@save_option
@report_options
@plan_options
@click.pass_context
def simulate(
    context: click.Context,
    /,
    seed: int | None,
    on: On,
    save: Path | None,
    report: Path | None,
    plot: str | None,
    events: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Run many nodes under a nasty network in no time.

    The nodes are real ones: the same protocol and types as in production, with time and network
    replaced. Writes and faults happen for the given time, then partitions end, crashed nodes are
    started again, and all nodes must come to hold the same, whatever is lost, late or doubled on
    the way. The same seed and options are always the same run.

    PLAN.toml is a plan that somebody wrote, instead of options; 'crdtnode simulate PLAN.toml --help'
    shows what can be said with it, and scripts/scenarios has a gallery.

    Without any option about faults (latency, loss, duplicate, partition, crash, trouble) the seed
    decides which there are; with one, there are only those that you name.

    Exit codes: 0 everything holds, 1 a promise is violated, 2 unknown, or wrong usage, 130 stopped
    by Ctrl-C.
    """
    # What simulated nodes log is theirs: the report tells it, in simulated time.
    logging.getLogger("crdtnode").addHandler(logging.NullHandler())
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    seed = secrets.randbelow(2**32) if seed is None else seed
    plan = drawn(seed, recipe_of(**asked))
    show = Shown(
        as_json=as_json,
        save=save,
        planted=asked["planted"],
        report=report,
        plot=plot,
        events=events,
        on=on,
    )
    context.exit(show.run(plan, plan.replay()))


def _refuse_options_before(context: click.Context, subcommand: str) -> None:
    """Options in front of a subcommand would be those of a single run: nobody would heed them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} belongs behind {subcommand!r}")


for _command in (sweep_command, replay, shrink_command, selftest, plan_command):
    simulate.add_command(_command)
