"""What a process reads only grows, and holds what it wrote itself.

Rule of this file: reads of one process are compared with each other, never with other nodes'.
Source: Terry et al., "Session guarantees for weakly consistent replicated data" (1994).
"""

from typing import TYPE_CHECKING

from crdt import StateCRDT
from crdtnode.sim.checks.check import Check, listed, shown
from crdtnode.sim.shadow import Key, numbers

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Update
    from crdtnode.sim.world import World

_EVERY = 8
"""Every so many changes of an object on a node, its state is kept to be compared with later ones."""


class ReadsOnlyGrow(Check):
    """Monotone reads and read-your-writes, judged by the lattice."""

    name = "reads-only-grow"
    sentence = "A process always reads its own writes, and never less than it has read before."
    watches_states = True

    def __init__(self) -> None:
        super().__init__()
        self._about: tuple[Key, int] | None = None
        """The object that was read less of, and the updates taken in between."""
        self._kept: dict[tuple[str, Key], tuple[int, StateCRDT]] = {}
        self._changes: dict[tuple[str, Key], int] = {}

    def wrote(self, world: "World", host: "Host", update: "Update") -> None:
        """What was just written is there."""
        state = host.registry.look(update.key)
        if state is None or not update.delta.compare(state):
            self.violate(f"{host.name} does not read its own {update}:\n{shown(state)}")

    def reached(self, node: str, key: Key, shadow: int, state: StateCRDT) -> None:
        """Compare with what the same process held some changes ago."""
        place = (node, key)
        changes = self._changes[place] = self._changes.get(place, 0) + 1
        if changes % _EVERY:
            return
        kept = self._kept.get(place)
        if self._about is None and kept is not None:
            since = shadow & ~kept[0]
            if not kept[0] & ~shadow and not kept[1].compare(state):
                self._about = (key, since)
                self.violate(
                    f"{node} has read of {'/'.join(key)}: {shown(kept[1])}\n"
                    f"and later, having taken in {numbers(since)}: {shown(state)}"
                )
        self._kept[place] = (shadow, state.clone())

    def ended(self, world: "World", converged: float | None) -> None:
        """Tell which updates came between two reads."""
        if self._about is not None:
            self.add(f"what was taken in between:\n{listed(world, *self._about)}")
        self.holds()
