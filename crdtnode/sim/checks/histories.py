"""Histories tell the truth: what led from one version of an object to the next one does so.

Rule of this file: every step is made anew, from the state that its version stands for; once for
all nodes that went it.
"""

from typing import TYPE_CHECKING

import msgpack

from crdt import StateCRDT
from crdtnode.registry.histories import STEPS_MOST, unpacked
from crdtnode.sim.checks.check import shown
from crdtnode.sim.checks.hosts import OfEveryHost

if TYPE_CHECKING:
    from crdtnode.registry.entry import Entry
    from crdtnode.sim.host import Host


class HistoriesLeadHere(OfEveryHost):
    """Looks at those objects whose states the ledger keeps."""

    name = "histories-lead-here"
    sentence = "Each version in an object's history, joined with what is told since, is the next."

    def __init__(self) -> None:
        super().__init__()
        self._made: set[tuple[int, int, int, bytes, int]] = set()
        """Place, life, version before, what was told, and version after, of steps that were made."""

    def look(self, host: "Host") -> None:
        """Go through the histories of all objects, unless a flush is due."""
        registry = host.registry
        if registry.dirty:
            return  # versions are those of the last flush
        for key in registry.names():
            states = registry.ledger.tale(key).states
            entry = registry.entry(registry.fingerprints.place(*key))
            if states and entry is not None:
                self._follow(host, entry, states)

    def _follow(self, host: "Host", entry: "Entry", states: dict[int, bytes]) -> None:
        prints = host.registry.fingerprints
        trail = host.registry.histories.trail(entry.hn)
        if len(trail) > STEPS_MOST:
            self.violate(f"{host.name}: {entry.tag}/{entry.name} keeps {len(trail)} versions")
        versions = [*[step.before for step in trail], prints.get(entry.hn)]
        for step, expected in zip(trail, versions[1:], strict=True):
            packed = states.get(step.before)
            if packed is None:
                self.violate(f"{host.name}: {entry.tag}/{entry.name} never was {step.before:016x}")
                continue
            way = (entry.hn, entry.life, step.before, step.packed, expected)
            if way not in self._made:
                self._made.add(way)
                self._go(host, entry, packed, way)

    def _go(
        self, host: "Host", entry: "Entry", packed: bytes, way: tuple[int, int, int, bytes, int]
    ) -> None:
        """Make one step."""
        prints, from_payload = host.registry.fingerprints, entry.kind.cls.from_payload
        place, life, before, told, expected = way
        state: StateCRDT = from_payload(msgpack.unpackb(packed, strict_map_key=False))
        for payload in unpacked(told):
            state.absorb(from_payload(payload))
        reached = prints.version(place, life, state.fingerprint(prints.digest))
        if reached != expected:
            self.violate(
                f"{host.name}: {entry.tag}/{entry.name} went from {before:016x} to "
                f"{expected:016x}, but what is told of it leads to {reached:016x}: {shown(state)}"
            )
