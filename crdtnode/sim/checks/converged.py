"""Everybody holds the same in the end, and soon after each heal.

Rule of this file: equal roots are not taken for equal states; both are looked at.
"""

from typing import TYPE_CHECKING

from crdt import StateCRDT
from crdt.catalogue import type_of
from crdtnode.sim.agenda import SECOND, nanoseconds
from crdtnode.sim.checks.check import Check, listed, shown, told
from crdtnode.sim.faults import Fault, Heal

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Key
    from crdtnode.sim.world import World


def state_on(host: "Host", key: "Key") -> StateCRDT:
    """What a host holds of an object; the initial state where it has none."""
    state = host.registry.look(key)
    if state is not None:
        return state
    initial: StateCRDT = type_of(key[0])()
    return initial


def life_of(world: "World", key: "Key") -> int:
    """The highest life that an object has on any host that is up: it ends all before it."""
    return max(host.registry.life(key) for host in world.up)


def all_keys(world: "World") -> list["Key"]:
    """Every object that any node holds or that was ever written, sorted."""
    keys = dict.fromkeys(world.ledger.tales)
    for host in world.up:
        keys.update(dict.fromkeys(host.registry.names()))
    return sorted(keys)


class Converged(Check):
    """After the last heal all nodes come to hold the same within the plan's bound."""

    name = "converged"
    sentence = "After the heal all nodes hold byte-equal states and equal roots within the bound."

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare all states with those of the first node, then the roots."""
        hosts = world.up
        for key in all_keys(world):
            first = state_on(hosts[0], key).canonical()
            for host in hosts[1:]:
                if state_on(host, key).canonical() != first:
                    self.violate(self._difference(world, key, hosts[0], host))
                    return
        if converged is None:
            roots = ", ".join(f"{host.name} {host.root:016x}" for host in hosts)
            self.violate(f"all states are equal, but the roots are not, or not for long: {roots}")
        self.holds()

    def _difference(self, world: "World", key: "Key", one: "Host", other: "Host") -> str:
        tale = world.ledger.tale(key)
        lines = [f"{'/'.join(key)} is not the same {world.plan.bound:g} s after the heal:"]
        for host, peer in ((one, other), (other, one)):
            lacks = peer.registry.shadows.get(key, 0) & ~host.registry.shadows.get(key, 0)
            lines.append(f"on {host.name}: {shown(state_on(host, key))}")
            lines += [f"  never there: {told(u)}" for u in tale.updates if u.bit & lacks][:3]
        return "\n".join(lines)


class CaughtUpAfterHeal(Check):
    """What any node knows when a partition ends, all nodes know soon after.

    Heals that another fault follows within the bound say nothing; writes may go on.
    """

    name = "caught-up-after-heal"
    sentence = "What any node knew at a heal, all nodes know when the bound is over."

    def __init__(self) -> None:
        super().__init__()
        self._disturbed = 0

    def fault(self, world: "World", fault: Fault) -> None:
        """Remember what is known at a heal, and look again later."""
        if not isinstance(fault, Heal):
            self._disturbed += 1
            return
        if world.hindered:
            return  # not everybody can catch up
        later = world.agenda.now + nanoseconds(world.plan.bound)
        if later >= nanoseconds(world.plan.duration):
            return  # the end of the run looks at this one
        known = {key: (life_of(world, key), _all_of(world, key)) for key in all_keys(world)}
        quiet = self._disturbed
        world.agenda.at(
            later, lambda _: self._look(world, fault, known) if quiet == self._disturbed else None
        )

    def _look(self, world: "World", heal: Fault, known: "dict[Key, tuple[int, StateCRDT]]") -> None:
        for key, (life, state) in known.items():
            for host in world.up:
                if host.registry.life(key) > life:
                    continue  # removed since
                if host.registry.life(key) < life or not state.compare(state_on(host, key)):
                    self.violate(
                        f"{world.agenda.now / SECOND:.6f} s, long after the {heal},\n"
                        f"{host.name} has of {'/'.join(key)}: {shown(state_on(host, key))}\n"
                        f"but at the heal it was known: {shown(state)}{self._lacks(world, host, key)}"
                    )

    def _lacks(self, world: "World", host: "Host", key: "Key") -> str:
        """What a host has never seen, where the shadows tell."""
        tale, has = world.ledger.tale(key), host.registry.shadows.get(key, 0)
        lacks = sum(u.bit for u in tale.of_life(life_of(world, key)) if not u.bit & has)
        return f"\nnever there:\n{listed(world, key, lacks)}" if lacks else ""


def _all_of(world: "World", key: "Key") -> StateCRDT:
    """The join of what all nodes hold of an object in the life that ends all others."""
    joined: StateCRDT = type_of(key[0])()
    life = life_of(world, key)
    for host in [host for host in world.up if host.registry.life(key) == life]:
        joined.join(state_on(host, key).clone())
    return joined
