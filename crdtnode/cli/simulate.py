"""``crdtnode simulate``: run clusters on a simulated network, and say what held.

Rule of this file: it turns options into a plan and a result into text; what is simulated and
checked is `crdtnode.sim`'s business. It talks to no daemon.
"""

import json
from pathlib import Path
import secrets
from time import monotonic
from typing import Any

import click

from crdtnode.cli.live import LiveLine
from crdtnode.cli.simulate_failures import replay, shrink_command
from crdtnode.cli.simulate_options import EXIT, drawn, plan_options, recipe_of
from crdtnode.cli.simulate_selftest import selftest
from crdtnode.cli.simulate_sweep import sweep_command
from crdtnode.sim import Plan, Result, run
from crdtnode.sim.failures import Failure
from crdtnode.sim.sweeping import again, settings_with

EXAMPLES = """\b
Examples:
  crdtnode simulate --seed 7
  crdtnode simulate --nodes 20 --seed 7 --partition halves --loss 0.1 --for 60
  crdtnode simulate sweep --seeds 0:500 --save failures
  crdtnode simulate shrink failures/seed-7.json
  crdtnode simulate replay failures/seed-7.shrunk.json
"""


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@click.option(
    "--seed", metavar="N", type=int, help="Where all chance comes from. Default: a new one."
)
@click.option(
    "--save",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a failure file where something is violated.",
)
@plan_options
@click.pass_context
def simulate(
    context: click.Context,
    /,
    seed: int | None,
    save: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
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
    plan = drawn(seed, recipe_of(**asked))
    began = monotonic()
    line = LiveLine()
    result = run(
        plan,
        progress=lambda now, roots: line.show(_progress(plan, now, roots)),
        **settings_with(asked["planted"]),
    )
    line.end()
    if save and result.violated:
        Failure.of(result, asked["planted"]).write(save)
    if as_json:
        document = {**result.to_json(), "wall_s": round(monotonic() - began, 3)}
        document["replay"] = again(plan.replay(), asked["planted"])
        click.echo(json.dumps(document))
    else:
        click.echo(again(_report(result, monotonic() - began), asked["planted"]))
    context.exit(EXIT[result.verdict])


def _refuse_options_before(context: click.Context, subcommand: str) -> None:
    """Options in front of a subcommand would be those of a single run: nobody would heed them."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[0]} belongs behind {subcommand!r}")


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


for _command in (sweep_command, replay, shrink_command, selftest):
    simulate.add_command(_command)
