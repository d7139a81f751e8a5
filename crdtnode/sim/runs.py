"""Running one plan.

Rule of this file: the door to `World`, for people.
"""

from collections.abc import Callable, Sequence

from crdtnode.protocol import Engine
from crdtnode.sim.checks import Check
from crdtnode.sim.plan import Plan
from crdtnode.sim.result import Result
from crdtnode.sim.shadow import WatchedRegistry
from crdtnode.sim.world import Progress, World


def run(
    plan: Plan,
    *,
    engine: Callable[..., Engine] = Engine,
    registry: Callable[..., WatchedRegistry] = WatchedRegistry,
    checks: Sequence[Check] | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a plan on the heap engine, and check it.

    Args:
        plan: What happens; `Plan.random` draws one.
        engine: Makes the nodes' engines, called as `crdtnode.protocol.Engine` is.
        registry: Makes their registries; a subclass of `WatchedRegistry`.
        checks: Instead of one of each kind; instances serve for one run.
        progress: Told the simulated seconds and the number of different roots, now and then.
    """
    return World(plan, engine=engine, registry=registry, checks=checks).run(progress)
