"""Writes are neither lost nor invented.

Rule of this file: a write counts as *held* once a node that is up has it, and from then on must
not vanish. What only a crashed node knew may be gone, or may still come out of the network: on all
nodes or on none, which the check for equal states sees to.
"""

from collections.abc import Set
from typing import TYPE_CHECKING

from crdt import LWWRegister, StateCRDT
from crdt.catalogue import type_of
from crdtnode.sim.checks.check import Check, on_each, shown, told
from crdtnode.sim.checks.converged import all_keys, life_of, state_on
from crdtnode.sim.checks.elements import added, same

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Key, Update
    from crdtnode.sim.world import World

_ADDING = ("add", "update")
_REMOVING = ("discard", "remove", "clear")


def held(world: "World", key: "Key") -> int:
    """The shadow of all that running processes have ever seen of an object, in its last life."""
    shadow, life = 0, life_of(world, key)
    for host in world.up:
        if host.registry.life(key) == life:
            shadow |= host.registry.shadows.get(key, 0)
    return shadow


class NothingLost(Check):
    """Judged by the lattice (the delta is below the state) and, for sets, by what they show."""

    name = "nothing-lost"
    sentence = "A write that a living node has taken in is never lost, but by removing its object."

    def ended(self, world: "World", converged: float | None) -> None:
        """Look for the delta of each write in the states of all nodes, and for removals undone."""
        for host in world.up:
            if host.registry.returned:
                self.violate(f"{host.name} undid a removal of {'/'.join(host.registry.returned)}")
        for key in world.ledger.tales:
            must = held(world, key)
            states = {host.name: state_on(host, key) for host in world.up}
            updates = [u for u in world.ledger.tale(key).updates if u.bit & must]
            for update in updates:
                if not any(update.delta.compare(state) for state in states.values()):
                    held_by = [h.name for h in world.up if _has_seen(h, update)]
                    self.violate(
                        f"{told(update)},\nis in no state of {'/'.join(key)}, "
                        f"though {', '.join(held_by)} took it in:\n{on_each(states)}"
                    )
            self._look_into_sets(updates, states)
        self.holds()

    def _look_into_sets(self, updates: "list[Update]", states: dict[str, StateCRDT]) -> None:
        """An element that somebody added and nobody ever removed is in the set."""
        calls = {update.write.method for update in updates}
        if not calls & set(_ADDING) or "clear" in calls:
            return
        removed = {same(e) for u in updates if u.write.method in _REMOVING for e in u.write.args}
        shown = {same(item) for state in states.values() for item in _items(state)}
        for update in updates:
            for element in added(update):
                if same(element) not in removed and same(element) not in shown:
                    self.violate(f"{element!r} of {told(update)}, is in no set:\n{on_each(states)}")


class NothingInvented(Check):
    """Whatever a node shows, somebody wrote: elements, register values, whole states."""

    name = "nothing-invented"
    sentence = "Every node shows only what somebody wrote."

    def ended(self, world: "World", converged: float | None) -> None:
        """Compare every state with all writes that there were."""
        for key in all_keys(world):
            for life in sorted({host.registry.life(key) for host in world.up}):
                self._look(world, key, life)
        self.holds()

    def _look(self, world: "World", key: "Key", life: int) -> None:
        tale = world.ledger.tales.get(key)
        updates = tale.of_life(life) if tale else []
        top: StateCRDT = type_of(key[0])()
        for update in updates:
            top.join(update.delta.clone())
        written = {same(value) for update in updates for value in _values(update)}
        for host in world.up:
            if host.registry.life(key) == life:
                state = state_on(host, key)
                strange = [item for item in _items(state) if same(item) not in written]
                if strange:
                    self.violate(f"nobody wrote {strange[0]!r} to {'/'.join(key)} on {host.name}")
                if not state.compare(top):
                    self.violate(
                        f"{'/'.join(key)} on {host.name} is more than all writes together:\n"
                        f"{shown(state)}\nall writes: {shown(top)}"
                    )


def _has_seen(host: "Host", update: "Update") -> bool:
    return bool(host.registry.shadows.get(update.key, 0) & update.bit)


def _items(state: StateCRDT) -> list[object]:
    """What a state shows of its writers' values; nothing where they are neither value nor set."""
    if isinstance(state, LWWRegister):
        return [state.value] if state.assigned else []
    return list(state) if isinstance(state, Set) else []


def _values(update: "Update") -> list[object]:
    """What a write put into its object."""
    return list(update.write.args) if update.write.method == "assign" else added(update)
