"""Histories tell the truth: what led from one version of an object to the next one does so.

Rule of this file: every step is made anew, from the state that its version stands for.
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
            state: StateCRDT = entry.kind.cls.from_payload(
                msgpack.unpackb(packed, strict_map_key=False)
            )
            for payload in unpacked(step.packed):
                state.absorb(entry.kind.cls.from_payload(payload))
            reached = prints.version(entry.hn, entry.life, state.fingerprint(prints.digest))
            if reached != expected:
                self.violate(
                    f"{host.name}: {entry.tag}/{entry.name} went from {step.before:016x} to "
                    f"{expected:016x}, but what is told of it leads to {reached:016x}: {shown(state)}"
                )
