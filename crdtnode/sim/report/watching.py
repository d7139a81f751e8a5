"""Running a plan and watching it, whatever runs its nodes.

Rule of this file: one door for all engines; what each of them cannot show stands in `limits`.
"""

from dataclasses import replace
from typing import Any

from crdtnode.sim.checks import all_checks
from crdtnode.sim.on_trio import play
from crdtnode.sim.plan import Plan
from crdtnode.sim.real import run_for_real
from crdtnode.sim.real.lookout import Lookout
from crdtnode.sim.report.chronicle import Chronicle
from crdtnode.sim.result import Result
from crdtnode.sim.runs import On
from crdtnode.sim.samples import Watched
from crdtnode.sim.world import Progress, World


def observe(
    plan: Plan, *, progress: Progress | None = None, on: On = "heap", **settings: Any
) -> tuple[Result, Watched]:
    """Run a plan and watch it; the result is that of `crdtnode.sim.run`.

    Args:
        plan: What happens.
        progress: As for `crdtnode.sim.run`.
        on: What runs the nodes, as for `crdtnode.sim.run`, with the same errors.
        settings: ``engine`` and ``registry``, as for `crdtnode.sim.run`.
    """
    if on == "real":
        lookout = Lookout(plan)
        return run_for_real(plan, lookout=lookout), lookout
    chronicle = Chronicle(plan)
    world = World(plan, checks=[*all_checks(), chronicle], **settings)
    steps = chronicle.steps(world, progress)
    if on == "trio":
        play(world, steps=steps)
    else:
        for _ in steps:
            pass
    result = world.result
    assert result is not None, "the steps are over"
    findings = tuple(found for found in result.findings if found.check != chronicle.name)
    return replace(result, findings=findings), chronicle
