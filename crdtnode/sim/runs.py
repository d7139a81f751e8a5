"""Running one plan.

Rule of this file: the door to `World`, for people.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from crdtnode.protocol import Engine
from crdtnode.sim.checks import Check
from crdtnode.sim.garbage import few_collections, sweep_up
from crdtnode.sim.on_trio import play
from crdtnode.sim.plan import Plan
from crdtnode.sim.real import run_for_real
from crdtnode.sim.result import Result
from crdtnode.sim.shadow import WatchedRegistry
from crdtnode.sim.world import Progress, World

On = Literal["heap", "trio", "real"]
"""What runs the nodes."""

ENGINES: tuple[On, ...] = get_args(On)


def run(
    plan: Plan,
    *,
    engine: Callable[..., Engine] = Engine,
    registry: Callable[..., WatchedRegistry] = WatchedRegistry,
    checks: Sequence[Check] | None = None,
    progress: Progress | None = None,
    on: On = "heap",
) -> Result:
    """Run a plan, and check it.

    Args:
        plan: What happens; `Plan.random` draws one.
        engine: Makes the nodes' engines, called as `crdtnode.protocol.Engine` is.
        registry: Makes their registries; a subclass of `WatchedRegistry`.
        checks: Instead of one of each kind; instances serve for one run.
        progress: Told the simulated seconds and the number of different roots, now and then.
        on: ``heap`` runs nothing but protocol engines and is fast; ``trio`` runs whole nodes, as
            production does, under a virtual clock. Both give the same trace hash. ``real`` starts
            a process for each node, in a network namespace of its own: that takes as long as the
            plan says, needs Linux and root, and takes neither engine, registry nor checks.

    Raises:
        CannotRun: This machine does not allow real hosts.
        PlanError: The plan has a fault that real hosts cannot be made to have.
    """
    if on == "real":
        return run_for_real(plan)
    with few_collections():
        world = World(plan, engine=engine, registry=registry, checks=checks)
        result = world.run(progress) if on == "heap" else play(world, progress)
        del world
        sweep_up()
    return result
