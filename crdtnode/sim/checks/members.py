"""Everybody knows who is there.

Rule of this file: addresses tell processes apart, since a clone may have to change its name.
"""

from typing import TYPE_CHECKING

from crdtnode.protocol.effects import Effect, MemberNews
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.checks.check import Check

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.world import World

QUIET = 15 * SECOND
"""Nanoseconds without any fault after which every verdict of a death is a false one: longer than
the longest suspicion of whatever went wrong before."""

HEAVY_LOSS = 0.3
"""Share of lost packets from which false verdicts are nobody's fault."""


class MembersAreKnown(Check):
    """Lists of members are complete and accurate in the end, and nobody is wrongly given up."""

    name = "members-are-known"
    sentence = "In the end every node lists exactly those who are there; nobody alive is given up."

    def told(self, world: "World", host: "Host", effect: Effect) -> None:
        """A node says that another one is dead: is it?"""
        if not isinstance(effect, MemberNews) or effect.state != "dead":
            return
        other = world.at_address(effect.address)
        quiet = world.agenda.now - world.disturbed_at
        if other is None or not other.up or quiet < QUIET or not world.links.reach.whole:
            return
        if world.plan.network.loss > HEAVY_LOSS or world.hindered:
            return
        self.violate(
            f"{host.name} says at {world.agenda.now / SECOND:.6f} s that {other.name} is dead; it\n"
            f"runs, and nothing had gone wrong for {quiet / SECOND:.1f} s"
        )

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare every list with who is up."""
        if converged is None and not world.gathered():
            return  # cut off for good by what the plan's network does
        up = {host.address: host.name for host in world.up}
        for host in world.up:
            listed = host.engine.present
            if listed.keys() == up.keys():
                continue
            missing = [name for address, name in up.items() if address not in listed]
            ghosts = [name for address, name in listed.items() if address not in up]
            states = {m.name: m.state for m in host.engine.members}
            self.violate(
                f"{host.name} lacks {', '.join(missing) or 'nobody'} and lists "
                f"{', '.join(ghosts) or 'no ghosts'}: {states}"
            )
        self.holds()
