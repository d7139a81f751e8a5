"""What a plan expects of its run comes true.

Rule of this file: values are compared as people see them, element by element.
"""

from collections.abc import Set
from typing import TYPE_CHECKING

from crdtnode.sim.checks.check import Check, listed
from crdtnode.sim.checks.converged import state_on
from crdtnode.sim.checks.elements import same
from crdtnode.sim.result import Verdict

if TYPE_CHECKING:
    from crdtnode.sim.world import World


class ExpectationsComeTrue(Check):
    """Final values and the time to converge; other expectations have checks of their own."""

    name = "expectations-come-true"
    sentence = "What the plan expects of the end of its run is so."

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare with what is there."""
        expect = world.plan.expect
        if converged is None and (expect.finals or expect.converged_within is not None):
            self.violate("the nodes do not agree on anything")
        most = expect.converged_within
        if converged is not None and most is not None and converged > most:
            self.violate(f"all were equal after {converged:.3f} s, not within {most:g} s")
        found = {
            check.name for check in world.checks if check.finding().verdict is Verdict.VIOLATED
        }
        for name in expect.violated:
            if name not in found:
                self.violate(f"{name} found nothing, but the plan wants to show that it does")
        for final in expect.finals:
            for host in world.up:
                value = _visible(state_on(host, (final.type, final.name)))
                if same(_plain(value)) != same(_plain(final.value)):
                    key = (final.type, final.name)
                    seen = host.registry.shadows.get(key, 0)
                    self.violate(
                        f"{final.type}/{final.name} is {value!r} on {host.name}, not {final.value!r};\n"
                        f"{host.name} has seen:\n{listed(world, key, seen) or '  nothing'}"
                    )
        self.holds()


def _visible(state: object) -> object:
    return state if isinstance(state, Set) else getattr(state, "value", state)


def _plain(value: object) -> object:
    """A value in a form in which equal ones look equal: the elements of sets and lists sorted."""
    if isinstance(value, Set | list | tuple):
        return sorted(same(_plain(one)) for one in value)
    return value
