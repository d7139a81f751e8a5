"""Checks that look at one host after the other.

Rule of this file: it knows when to look, and nothing of what is looked at.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING

from crdtnode.sim.checks.check import Check
from crdtnode.sim.faults import Fault, Heal

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.world import World


class OfEveryHost(Check):
    """Looks at every host that is up, at each heal and at the end."""

    def fault(self, world: "World", fault: Fault) -> None:
        """Look at all while the run goes on."""
        if isinstance(fault, Heal):
            self._look_at_all(world)

    def ended(self, world: "World", converged: float | None) -> None:
        """Look at all once more."""
        self._look_at_all(world)
        self.holds()

    def _look_at_all(self, world: "World") -> None:
        for host in world.up:
            self.look(host)

    @abstractmethod
    def look(self, host: "Host") -> None:
        """Look at one host now."""
