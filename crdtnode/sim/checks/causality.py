"""What is shown follows from who had seen what: add-wins, remove-wins, last writer wins.

Rule of this file: the oracle knows the calls and the causal past of each, as the shadows tell it,
and nothing of dots, contexts or payloads. Only the stamps of registers are believed, to tell which
of several concurrent writes wins.

Source: Almeida, Shoker and Baquero, "Delta state replicated data types" (2018), for the semantics
of sets; a call counts as undone where a later one on the same element had seen it.
"""

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

from crdt import LWWRegister, LWWSet, ORSet, RWSet, StateCRDT, TwoPSet
from crdtnode.sim.checks.check import Check, shown, told
from crdtnode.sim.checks.converged import state_on
from crdtnode.sim.checks.elements import added, removed, same

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Key, Update
    from crdtnode.sim.world import World

Element = tuple[str, str]

Rule = Callable[[list["Update"], list["Update"]], bool | None]
"""Whether an element is there, from its adds and its removals; None where stamps decide."""


def _add_wins(adds: "list[Update]", removals: "list[Update]") -> bool:
    # A later add takes the place of an earlier one that it had seen, also on a node that the later
    # one reached first: whoever removes it there undoes both.
    return any(not any(add.bit & u.past for u in (*removals, *adds)) for add in adds)


def _remove_wins(adds: "list[Update]", removals: "list[Update]") -> bool:
    lasting = [r for r in removals if not any(r.bit & add.past for add in adds)]
    return _add_wins(adds, removals) and not lasting


def _two_phases(adds: "list[Update]", removals: "list[Update]") -> bool:
    return bool(adds) and not removals


def _stamps(adds: "list[Update]", removals: "list[Update]") -> bool | None:
    lasting_removal = any(not any(r.bit & add.past for add in adds) for r in removals)
    lasting_add = _add_wins(adds, removals)
    return None if lasting_removal and lasting_add else lasting_add


_RULES: tuple[tuple[type[StateCRDT], Rule], ...] = (
    (ORSet, _add_wins),
    (RWSet, _remove_wins),
    (TwoPSet, _two_phases),
    (LWWSet, _stamps),
)


class CausalityDecides(Check):
    """Compares sets and registers with an oracle over the causal history of their calls."""

    name = "causality-decides"
    sentence = (
        "What a later call undid is gone, and concurrent calls are decided by the type's rule."
    )

    def ended(self, world: "World", converged: float | None) -> None:
        """Look at every set and register on one node: the others hold the same."""
        if converged is None:
            return
        for host in world.up[:1]:
            for key in world.ledger.tales:
                self._look(world, host, key)
        self.holds()

    def _look(self, world: "World", host: "Host", key: "Key") -> None:
        state = state_on(host, key)
        seen = host.registry.shadows.get(key, 0)
        updates = [u for u in world.ledger.tale(key).updates if u.bit & seen]
        if isinstance(state, LWWRegister):
            self._register(key, state, updates)
        for kind, rule in _RULES:
            if isinstance(state, kind) and isinstance(state, Set):
                self._set(key, state, updates, rule)

    def _register(self, key: "Key", state: LWWRegister, updates: "list[Update]") -> None:
        """The value is that of the highest stamp, and nobody who had seen it wrote again."""
        if not updates:
            return
        winner = max(updates, key=lambda u: u.delta.payload[:2])
        later = [u for u in updates if winner.bit & u.past]
        if state.payload != winner.delta.payload or later:
            self.violate(
                f"{'/'.join(key)} shows {shown(state)}\n"
                f"but the last write is {told(later[0] if later else winner)}"
            )

    def _set(self, key: "Key", state: Any, updates: "list[Update]", rule: Rule) -> None:
        shows = {same(element): element for element in state}
        adds: dict[Element, list[Update]] = {}
        for update in updates:
            for element in added(update):
                adds.setdefault(same(element), []).append(update)
        for element, its_adds in adds.items():
            removals = [u for u in updates if element in removed(u, its_adds)]
            there = rule(its_adds, removals)
            if there is not None and there is not (element in shows):
                calls = sorted(
                    {u.bit: u for u in its_adds + removals}.values(), key=lambda u: u.bit
                )
                self.violate(
                    f"{element[1]} must {'' if there else 'not '}be in {'/'.join(key)}:\n"
                    f"{shown(state)}\n" + "\n".join(map(told, calls))
                )
