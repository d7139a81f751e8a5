"""Strong eventual consistency, watched at every step.

Rule of this file: whoever has seen the same updates, in any order and however often, holds the same
state, byte for byte. Source: Shapiro, Preguica, Baquero and Zawirski, INRIA RR-7506 (2011),
section 2; the shadow sets are those of `crdtnode.sim.shadow`.
"""

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgpack

from crdt import StateCRDT
from crdt.tagged import canonical_json
from crdtnode.sim.checks.check import Check, listed, shown
from crdtnode.sim.shadow import Key, numbers

if TYPE_CHECKING:
    from crdtnode.sim.world import World

_KEPT_BYTES = 1024

Content = bytes | str
"""A state's payload, packed, or the hash of its canonical form where that would be large."""


class SameUpdatesSameState(Check):
    """For every set of updates that any node ever saw there is one canonical state."""

    name = "same-updates-same-state"
    sentence = "Nodes that have seen the same updates hold byte-equal states."
    watches_states = True

    def __init__(self) -> None:
        super().__init__()
        self._about: tuple[Key, int] | None = None
        """The object that was violated, and the updates that it had seen."""
        self._states: dict[tuple[Key, int], tuple[Content, str]] = {}

    def reached(self, node: str, key: Key, shadow: int, state: StateCRDT) -> None:
        """Compare with the first state that this set of updates led to."""
        content = _content(state)
        first, where = self._states.setdefault((key, shadow), (content, node))
        if first != content and _canonical(first) != _canonical(content):
            self._about = self._about or (key, shadow)
            self.violate(
                f"{'/'.join(key)} after the updates {numbers(shadow)} of this object:\n"
                f"on {where}: {_canonical(first)}\n"
                f"on {node}: {_canonical(content)}\n"
                f"payload on {node}: {shown(state)}"
            )

    def ended(self, world: "World", converged: float | None) -> None:
        """Tell which updates they were."""
        if self._about is not None:
            self.add(f"those updates are:\n{listed(world, *self._about)}")
        self.holds()


def _content(state: StateCRDT) -> Content:
    packed: bytes = msgpack.packb(state.payload)
    return packed if len(packed) <= _KEPT_BYTES else blake2b(state.canonical()).hexdigest()


def _canonical(content: Content) -> str:
    """What is equal exactly for equal states, in whatever order their payloads come."""
    if isinstance(content, str):
        return content
    return canonical_json(msgpack.unpackb(content, strict_map_key=False))
