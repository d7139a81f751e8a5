"""What a node says about its writes being safe is true.

Rule of this file: the claim is judged at the moment when it is made. The member that acknowledged
may have crashed since its answer, so what it held before it crashed counts too.
"""

from typing import TYPE_CHECKING

from crdtnode.protocol.effects import Effect, Flushed
from crdtnode.sim.checks.check import Check, on_each, told
from crdtnode.sim.checks.converged import state_on

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Update
    from crdtnode.sim.world import World


class AcknowledgedIsHeld(Check):
    """Holds for every answer to a flush that names other members."""

    name = "acknowledged-is-held"
    sentence = "When a node says that other members hold its writes, they do."

    def __init__(self) -> None:
        super().__init__()
        self._written: dict[tuple[str, int, int], int] = {}
        """How much was written when a host, in one of its lives, gave out a ticket."""
        self._holders: dict[Update, int] = {}
        """How many others held an update when somebody looked: they never become less."""

    def asked(self, world: "World", host: "Host", ticket: int) -> None:
        """Remember how much was written so far in this life."""
        self._written.setdefault((host.name, host.lives, ticket), len(host.registry.written))

    def told(self, world: "World", host: "Host", effect: Effect) -> None:
        """Judge an answer; it may come before the call that gave out the ticket has returned."""
        if not isinstance(effect, Flushed):
            return
        now = len(host.registry.written)
        written = self._written.setdefault((host.name, host.lives, effect.ticket), now)
        for update in host.registry.written[:written]:
            if self._holders.get(update, 0) >= effect.members:
                continue
            holders = [other for other in world.hosts if other is not host and _held(other, update)]
            self._holders[update] = len(holders)
            if len(holders) < effect.members:
                names = ", ".join(other.name for other in holders) or "nobody"
                states = {h.name: state_on(h, update.key) for h in world.up}
                self.violate(
                    f"{host.name} said that so many others hold what it wrote: {effect.members}.\n"
                    f"Of the others {names} held {told(update)}:\n{on_each(states)}"
                )


def _held(host: "Host", update: "Update") -> bool:
    """Whether a process on this host has, or had when it crashed, joined an update."""
    for registry in host.registries:
        if registry.life(update.key) > update.life:
            return True  # removed meanwhile, with all of its life
        if update.bit & registry.shadows.get(update.key, 0):
            return True
        state = registry.look(update.key)
        if state is not None and update.delta.compare(state):
            return True
    return False
