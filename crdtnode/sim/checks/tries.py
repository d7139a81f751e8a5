"""Fingerprints say what is true: versions are those of the states, and every sum adds up.

Rule of this file: everything is computed anew from the states, by the slowest and plainest way.
"""

from typing import TYPE_CHECKING

from crdtnode.fingerprints import DEPTH_MOST, Fingerprints
from crdtnode.sim.checks.hosts import OfEveryHost

if TYPE_CHECKING:
    from crdtnode.sim.host import Host


class FingerprintsAddUp(OfEveryHost):
    """Looks at all versions and sums."""

    name = "fingerprints-add-up"
    sentence = "Versions are those of the states, and every sum of the trie is that of its objects."

    def look(self, host: "Host") -> None:
        """Compute all anew, unless a flush is due."""
        registry, prints = host.registry, host.registry.fingerprints
        if registry.dirty:
            return  # versions are those of the last flush
        root = 0
        for tag, name in registry.names():
            place = prints.place(tag, name)
            entry, version = registry.entry(place), prints.get(place)
            if entry is None:
                continue
            true = prints.version(place, entry.life, entry.state.fingerprint(prints.digest))
            if version not in (0, true):
                self.violate(
                    f"{host.name} says {version:016x} of {tag}/{name}, but it is {true:016x}"
                )
        for tag in prints.types():
            total = self._sum(host, prints, tag, 0, 0)
            root ^= total
            if total != prints.type_root(tag):
                self.violate(f"{host.name}: the objects of {tag} do not add up to its root")
        if root != prints.root:
            self.violate(f"{host.name}: the types add up to {root:016x}, not to the root")

    def _sum(self, host: "Host", prints: Fingerprints, tag: str, depth: int, prefix: int) -> int:
        """The XOR of all versions below a prefix; every sum on the way is looked at."""
        node = prints.node(tag, depth, prefix)
        total = 0
        for place, version in node.leaves:
            total ^= version
            if version != prints.get(place):
                self.violate(f"{host.name}: the row {place:016x} of {tag} is not its version")
        for digit, claimed in enumerate(node.sums if depth < DEPTH_MOST else ()):
            below = self._sum(host, prints, tag, depth + 1, prefix << 4 | digit)
            total ^= below
            if below != claimed:
                self.violate(f"{host.name}: a sum at depth {depth} of the trie of {tag} is wrong")
        return total
