"""Counters count: each increment once, none twice.

Rule of this file: the model is a plain sum; it knows nothing of replicas or tallies.
"""

from typing import TYPE_CHECKING

from crdt import GCounter, PNCounter
from crdtnode.sim.checks.check import Check, listed
from crdtnode.sim.checks.converged import life_of, state_on
from crdtnode.sim.checks.writes import held

if TYPE_CHECKING:
    from crdtnode.sim.shadow import Key, Update
    from crdtnode.sim.world import World

_MOST_SUMS = 100_000


class CountersAddUp(Check):
    """The value is the sum of what living nodes took in, and some of what died with its node."""

    name = "counters-add-up"
    sentence = "A counter shows the sum of all held increments and of some that a crash may take."

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare the value on each node with the sums that are possible."""
        if converged is None:
            return  # no final value to speak of
        for key in world.ledger.tales:
            if isinstance(state_on(world.up[0], key), GCounter | PNCounter):
                self._look(world, key)
        self.holds()

    def _look(self, world: "World", key: "Key") -> None:
        must = held(world, key)
        updates = world.ledger.tale(key).of_life(life_of(world, key))
        sure = sum(_amount(u) for u in updates if u.bit & must)
        unsure = [_amount(u) for u in updates if not u.bit & must]
        possible = _subset_sums(unsure)
        for host in world.up:
            state = state_on(host, key)
            if possible is not None and state.value - sure not in possible:
                self.violate(
                    f"{'/'.join(key)} shows {state.value} on {host.name}; {sure} was written and\n"
                    f"held, and a crash may have taken or left {unsure or 'nothing'}:\n"
                    f"{listed(world, key, must)}"
                )


def _amount(update: "Update") -> int:
    (amount,) = update.write.args or (1,)
    assert isinstance(amount, int)
    return -amount if update.write.method == "decrement" else amount


def _subset_sums(amounts: list[int]) -> set[int] | None:
    """All sums of some of the amounts; None where they are too many to tell."""
    sums = {0}
    for amount in amounts:
        sums |= {total + amount for total in sums}
        if len(sums) > _MOST_SUMS:
            return None
    return sums
