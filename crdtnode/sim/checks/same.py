"""Strong eventual consistency, watched at every step.

Rule of this file: whoever has seen the same updates, in any order and however often, holds the same
state, byte for byte. Source: Shapiro, Preguica, Baquero and Zawirski, INRIA RR-7506 (2011),
section 2; the shadow sets are those of `crdtnode.sim.shadow`.
"""

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgpack

from crdt import StateCRDT
from crdtnode.sim.checks.check import Check, listed, shown
from crdtnode.sim.shadow import Key, numbers

if TYPE_CHECKING:
    from crdtnode.sim.world import World

_KEPT_BYTES = 1024


class SameUpdatesSameState(Check):
    """For every set of updates that any node ever saw there is one canonical state."""

    name = "same-updates-same-state"
    sentence = "Nodes that have seen the same updates hold byte-equal states."
    watches_states = True

    def __init__(self) -> None:
        super().__init__()
        self._about: tuple[Key, int] | None = None
        """The object that was violated, and the updates that it had seen."""
        self._states: dict[tuple[Key, int], tuple[bytes, str]] = {}
        self._last: dict[tuple[Key, int], bytes] = {}
        """The payload that each set of updates led to last, packed: what is equal to it is right."""

    def reached(self, node: str, key: Key, shadow: int, state: StateCRDT) -> None:
        """Compare with the first state that this set of updates led to."""
        packed = msgpack.packb(state.payload)
        if self._last.get((key, shadow)) == packed:
            return
        if len(packed) <= _KEPT_BYTES:
            self._last[key, shadow] = packed
        canonical = state.canonical()
        if len(canonical) > _KEPT_BYTES:
            canonical = blake2b(canonical).hexdigest().encode()
        first, where = self._states.setdefault((key, shadow), (canonical, node))
        if first != canonical and self._about is None:
            self._about = (key, shadow)
            self.violate(
                f"{'/'.join(key)} after the updates {numbers(shadow)} of this object:\n"
                f"on {where}: {first.decode(errors='replace')}\n"
                f"on {node}: {canonical.decode(errors='replace')}\n"
                f"payload on {node}: {shown(state)}"
            )

    def ended(self, world: "World", converged: float | None) -> None:
        """Tell which updates they were."""
        if self._about is not None:
            self.add(f"those updates are:\n{listed(world, *self._about)}")
        self.holds()
