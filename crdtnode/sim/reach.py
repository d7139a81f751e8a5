"""Who reaches whom: partitions, cuts, nodes that are off, and packets that are held.

Rule of this file: it answers for this moment; when that changes, and what happens to a packet that
does not get through, others know.

*Theory of operation.* A partition gives each node a mask of the circles that it is in; two nodes
reach each other where they share one. Disjoint circles are groups, a bridge is in two of them, and
on a ring of majorities every two near nodes have a circle of their own.
"""

from collections.abc import Callable, Iterable

from crdtnode.sim.faults import EVERYBODY, Bridge, Group, Isolate, MajorityRing, Partition

Masks = dict[str, int]


class Reach:
    """The state of all cuts. Nodes stand here by name."""

    def __init__(self) -> None:
        self._masks: Masks | None = None
        self._others = 1
        """The mask of nodes that nobody named."""
        self._cuts: dict[tuple[str, str], None] = {}
        self._off: dict[str, None] = {}
        self._holds: dict[tuple[str, str], None] = {}
        self._held: list[tuple[tuple[str, str], Callable[[], None]]] = []
        self.whole = True
        """True while everybody reaches everybody and nothing is held."""

    def __call__(self, source: str, target: str) -> bool:
        """True where what the source sends now would arrive, loss and holds aside."""
        if self.whole:
            return True
        if source in self._off or target in self._off or (source, target) in self._cuts:
            return False
        masks = self._masks
        if masks is None:
            return True
        others = self._others
        return bool(masks.get(source, others) & masks.get(target, others))

    # Cutting

    def divide(self, fault: Partition | Isolate | Bridge | MajorityRing) -> None:
        """Let a partition take the place of the one before."""
        self._others = 1
        match fault:
            case Partition(groups=groups):
                self._masks = {n: 2 << side for side, group in enumerate(groups) for n in group}
            case Isolate(node=node):
                self._masks = {node: 0}
            case Bridge(left=left, between=between, right=right):
                self._masks = {**dict.fromkeys(left, 2), **dict.fromkeys(right, 4)}
                self._masks.update(dict.fromkeys(between, 7))
            case MajorityRing(ring=ring):
                self._masks, self._others = _ring(ring), 0
        self._look()

    def join(self) -> None:
        """End the partition; cuts, holds and nodes that are off stay."""
        self._masks = None
        self._look()

    def cut(self, sources: Group, targets: Group) -> None:
        """Cut one way."""
        self._cuts.update(((s, t), None) for s in sources for t in targets if s != t)
        self._look()

    def turn_off(self, node: str) -> None:
        """Cut one node off, both ways."""
        self._off[node] = None
        self._look()

    def turn_on(self, node: str) -> None:
        """Let it back."""
        self._off.pop(node, None)
        self._look()

    # Holding

    def hold(self, source: str, target: str) -> None:
        """Keep back what goes this way; either end may be everybody."""
        self._holds[source, target] = None
        self._look()

    def keep(self, source: str, target: str, deliver: Callable[[], None]) -> None:
        """Keep a packet that has arrived on a way that is held."""
        self._held.append(((source, target), deliver))

    def holds(self, source: str, target: str) -> bool:
        """True where this way is held."""
        return bool(self._holds) and any(
            way in self._holds
            for way in (
                (source, target),
                (source, EVERYBODY),
                (EVERYBODY, target),
                (EVERYBODY, EVERYBODY),
            )
        )

    def release(self, source: str, target: str) -> None:
        """Let go what fits; packets of ways that are held otherwise too stay."""
        for way in [way for way in self._holds if _fits(way, source, target)]:
            del self._holds[way]
        held, self._held = self._held, []
        for way, deliver in held:
            if self.holds(*way):
                self._held.append((way, deliver))
            else:
                deliver()
        self._look()

    def heal(self) -> None:
        """End everything."""
        self._masks = None
        self._cuts.clear()
        self._off.clear()
        self.release(EVERYBODY, EVERYBODY)

    def _look(self) -> None:
        self.whole = self._masks is None and not self._cuts and not self._off and not self._holds


def _ring(ring: Group) -> Masks:
    """Masks under which everybody reaches its nearest majority, itself counted."""
    near = (len(ring) // 2 + 1) // 2
    masks = dict.fromkeys(ring, 0)
    for place, node in enumerate(ring):
        for step in range(1, near + 1):
            circle = 1 << (place * near + step - 1)
            masks[node] |= circle
            masks[ring[(place + step) % len(ring)]] |= circle
    return masks


def _fits(way: Iterable[str], source: str, target: str) -> bool:
    """Whether a hold is one of those that a release names."""
    return all(name in (EVERYBODY, end) for end, name in zip(way, (source, target), strict=True))
