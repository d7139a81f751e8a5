"""One run of one plan, as people see it: a live line, then what held.

Rule of this file: whoever has a plan, from options or from a file, comes here to have it run.
"""

from dataclasses import dataclass
import json
from pathlib import Path
from time import monotonic

import click

from crdtnode.cli.live import LiveLine
from crdtnode.cli.simulate_options import EXIT
from crdtnode.sim import Plan, Result, run
from crdtnode.sim.failures import Failure
from crdtnode.sim.sweeping import again, settings_with


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a run is shown, and what is kept of it."""

    as_json: bool
    save: Path | None
    """Where a failure file goes, if there is a failure."""
    planted: str | None
    """Name of a planted bug to run with."""

    def run(self, plan: Plan, command: str) -> int:
        """Run a plan and show it; the exit code.

        Args:
            plan: What happens.
            command: What to type to run it again.
        """
        began, line = monotonic(), LiveLine()
        result = run(
            plan,
            progress=lambda now, roots: line.show(_progress(plan, now, roots)),
            **settings_with(self.planted),
        )
        line.end()
        wall_s, command = monotonic() - began, again(command, self.planted)
        if self.save and result.violated:
            Failure.of(result, self.planted).write(self.save)
        if self.as_json:
            document = {**result.to_json(), "wall_s": round(wall_s, 3), "replay": command}
            click.echo(json.dumps(document))
        else:
            click.echo(_report(result, wall_s))
            click.echo(f"again with: {command}")
        return EXIT[result.verdict]


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
    return "\n".join([*lines, f"trace {result.trace_hash}"])
