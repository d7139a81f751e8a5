"""Bytes that were damaged on the way change nothing.

Rule of this file: the network says which datagrams it damaged; a node may count them, no more.
"""

from typing import TYPE_CHECKING

from crdtnode.sim.agenda import SECOND
from crdtnode.sim.checks.check import Check

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.world import World


class DamageChangesNothing(Check):
    """Told of every damaged datagram that a process took in, and of what came of it."""

    name = "damage-changes-nothing"
    sentence = "A datagram in which bits flipped is neither understood nor answered with a change."

    def damaged(self, world: "World", host: "Host", data: bytes, used: str) -> None:
        """See whether anything came of it."""
        if used:
            self.violate(
                f"at {world.agenda.now / SECOND:.6f} s {host.name} {used} from a damaged datagram:\n"
                f"{data.hex()}"
            )
