"""What a simulated node has on its disk: the states of its objects, and whom it knew.

Rule of this file: a copy is a copy: nothing in it changes when its node goes on.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from crdtnode.protocol.effects import Address
from crdtnode.sim.shadow import Key, WatchedRegistry

if TYPE_CHECKING:
    from crdtnode.protocol import Engine


@dataclass(frozen=True, slots=True)
class Disk:
    """One state of a disk."""

    objects: tuple[tuple[Key, int, bytes, int], ...]
    """Each object's place, life, payloads and shadow."""
    peers: tuple[Address, ...]
    name: str
    """What the node called itself."""
    replica: str
    """The replica id of the process that wrote it; a new process must not use it."""

    @classmethod
    def of(cls, registry: WatchedRegistry, engine: "Engine", *, torn: bool = False) -> "Disk":
        """All that a process has applied; with ``torn`` the object written last is unreadable."""
        objects = []
        for key in registry.places():
            found = registry.state(registry.fingerprints.place(*key))
            if found is not None and not (torn and key == registry.touched):
                _, _, life, payloads = found
                packed = msgpack.packb(payloads)
                objects.append((key, life, packed, registry.shadows.get(key, 0)))
        peers = tuple(view.addresses[0] for view in engine.members if not view.is_self)
        return cls(tuple(objects), peers, engine.name, registry.replica)

    def load(self, registry: WatchedRegistry, now: float) -> None:
        """Put everything back into the registry of a new process."""
        for (tag, name), life, packed, shadow in self.objects:
            payloads = msgpack.unpackb(packed)
            for payload in payloads:
                registry.ledger.tale((tag, name)).note(payload, shadow, life)
            registry.absorb(tag, name, life, payloads, now)


EMPTY = Disk((), (), "", "")
"""A disk on which nothing was ever written."""
